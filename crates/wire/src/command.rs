//! Commands of a client: their bytes, and the few whose content the gateway reads or writes.

use crate::capability as cap;
use crate::cursor::{Cursor, Malformed, put_lenenc_bytes, put_nul};
use crate::login;
use std::fmt;

pub const QUIT: u8 = 0x01;
pub const INIT_DB: u8 = 0x02;
pub const QUERY: u8 = 0x03;
pub const FIELD_LIST: u8 = 0x04;
pub const CREATE_DB: u8 = 0x05;
pub const DROP_DB: u8 = 0x06;
pub const REFRESH: u8 = 0x07;
pub const STATISTICS: u8 = 0x09;
pub const PROCESS_INFO: u8 = 0x0a;
pub const PROCESS_KILL: u8 = 0x0c;
pub const PING: u8 = 0x0e;
pub const CHANGE_USER: u8 = 0x11;
pub const STMT_PREPARE: u8 = 0x16;
pub const STMT_EXECUTE: u8 = 0x17;
pub const STMT_SEND_LONG_DATA: u8 = 0x18;
pub const STMT_CLOSE: u8 = 0x19;
pub const STMT_RESET: u8 = 0x1a;
pub const SET_OPTION: u8 = 0x1b;
pub const STMT_FETCH: u8 = 0x1c;
pub const RESET_CONNECTION: u8 = 0x1f;
/// MariaDB.
pub const STMT_BULK_EXECUTE: u8 = 0xfa;

/// What may become of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Allowed,
    /// Replication, cloning, shutdown, debugging: for operators of a server, not for its users.
    Privileged,
    /// Unknown, or internal to servers.
    Unknown,
}

/// Which commands a client of a branch may send. What is not known to be harmless is not passed.
pub fn fate(code: u8) -> Fate {
    match code {
        QUIT | INIT_DB | QUERY | FIELD_LIST | CREATE_DB | DROP_DB | REFRESH | STATISTICS
        | PROCESS_INFO | PROCESS_KILL | PING | CHANGE_USER | STMT_PREPARE | STMT_EXECUTE
        | STMT_SEND_LONG_DATA | STMT_CLOSE | STMT_RESET | SET_OPTION | STMT_FETCH
        | RESET_CONNECTION | STMT_BULK_EXECUTE => Fate::Allowed,
        // Shutdown, debug, binlog dump, table dump, register replica, binlog dump GTID, clone,
        // group replication stream.
        0x08 | 0x0d | 0x12 | 0x13 | 0x15 | 0x1e | 0x20 | 0x21 => Fate::Privileged,
        _ => Fate::Unknown,
    }
}

/// Whether the engine answers a command at all.
pub fn answered(code: u8) -> bool {
    !matches!(code, QUIT | STMT_SEND_LONG_DATA | STMT_CLOSE)
}

/// `COM_CHANGE_USER`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ChangeUser {
    pub username: Vec<u8>,
    pub response: Vec<u8>,
    pub schema: Option<Vec<u8>>,
    pub charset: Option<u16>,
    pub plugin: Option<Vec<u8>>,
    pub attributes: Option<Vec<u8>>,
}

impl ChangeUser {
    /// Reads the payload, its command byte included.
    pub fn parse(payload: &[u8], capabilities: u32) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        if c.u8("command")? != CHANGE_USER {
            return Err(Malformed("command"));
        }
        let mut change = Self {
            username: c.nul("username")?.to_vec(),
            ..Self::default()
        };
        change.response = if capabilities & cap::SECURE_CONNECTION != 0 {
            let length = c.u8("authentication response")?;
            c.take(usize::from(length), "authentication response")?
                .to_vec()
        } else {
            c.nul("authentication response")?.to_vec()
        };
        let schema = c.nul_or_end();
        change.schema = (!schema.is_empty()).then(|| schema.to_vec());
        if c.is_empty() {
            return Ok(change);
        }
        change.charset = Some(c.u16("character set")?);
        if capabilities & cap::PLUGIN_AUTH != 0 && !c.is_empty() {
            change.plugin = Some(c.nul_or_end().to_vec());
        }
        if capabilities & cap::CONNECT_ATTRS != 0 && !c.is_empty() {
            let bytes = c.lenenc_bytes("connection attributes")?;
            change.attributes = Some(login::attributes(bytes)?);
        }
        Ok(change)
    }

    /// Writes the payload for a server that knows plugins ([`cap::PLUGIN_AUTH`]).
    pub fn encode(&self, capabilities: u32, out: &mut Vec<u8>) {
        out.push(CHANGE_USER);
        put_nul(out, &self.username);
        let length = self.response.len().min(255);
        out.push(length as u8);
        out.extend_from_slice(&self.response[..length]);
        put_nul(out, self.schema.as_deref().unwrap_or_default());
        out.extend_from_slice(&self.charset.unwrap_or_default().to_le_bytes());
        put_nul(out, self.plugin.as_deref().unwrap_or_default());
        if capabilities & cap::CONNECT_ATTRS != 0 {
            put_lenenc_bytes(out, self.attributes.as_deref().unwrap_or_default());
        }
    }
}

impl fmt::Debug for ChangeUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeUser")
            .field("username", &String::from_utf8_lossy(&self.username))
            .finish_non_exhaustive()
    }
}

/// The thread id in a `COM_PROCESS_KILL`.
pub fn parse_process_kill(payload: &[u8]) -> Result<u32, Malformed> {
    let mut c = Cursor::new(payload);
    if c.u8("command")? != PROCESS_KILL {
        return Err(Malformed("command"));
    }
    c.u32("thread id")
}

/// Writes a `COM_PROCESS_KILL`.
pub fn encode_process_kill(thread: u32, out: &mut Vec<u8>) {
    out.push(PROCESS_KILL);
    out.extend_from_slice(&thread.to_le_bytes());
}

/// Where the text of a `COM_QUERY` begins in its payload: behind the command byte, and behind the
/// query attributes where the client has [`cap::QUERY_ATTRIBUTES`].
pub fn query_text(payload: &[u8], capabilities: u32) -> Result<usize, Malformed> {
    let mut c = Cursor::new(payload);
    c.u8("command")?;
    if capabilities & cap::QUERY_ATTRIBUTES != 0 {
        skip_attributes(&mut c)?;
    }
    Ok(payload.len() - c.rest().len())
}

fn skip_attributes(c: &mut Cursor<'_>) -> Result<(), Malformed> {
    /// More attributes than any client sends; each takes three bytes or more of the packet anyway.
    const MAX_ATTRIBUTES: u64 = 65_535;
    const WHAT: &str = "query attributes";
    let count = c.lenenc(WHAT)?;
    c.lenenc(WHAT)?;
    if count == 0 {
        return Ok(());
    }
    if count > MAX_ATTRIBUTES {
        return Err(Malformed(WHAT));
    }
    let count = count as usize;
    let nulls = c.take(count.div_ceil(8), WHAT)?;
    if c.u8(WHAT)? != 1 {
        return Err(Malformed(WHAT));
    }
    let mut types = Vec::new();
    for _ in 0..count {
        types.push(c.u16(WHAT)? as u8);
        c.lenenc_bytes(WHAT)?;
    }
    for (i, kind) in types.into_iter().enumerate() {
        if nulls[i / 8] >> (i % 8) & 1 == 1 {
            continue;
        }
        let length = match kind {
            6 => 0,
            1 | 244 => 1,
            2 | 13 => 2,
            3 | 4 | 9 => 4,
            5 | 8 => 8,
            7 | 10 | 11 | 12 => usize::from(c.u8(WHAT)?),
            _ => {
                c.lenenc_bytes(WHAT)?;
                continue;
            }
        };
        c.take(length, WHAT)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_user_reads_back() {
        let change = ChangeUser {
            username: b"ann".to_vec(),
            response: vec![1; 20],
            schema: Some(b"shop".to_vec()),
            charset: Some(255),
            plugin: Some(b"mysql_native_password".to_vec()),
            attributes: Some(b"\x01a\x01b".to_vec()),
        };
        let mut bytes = Vec::new();
        change.encode(cap::SHARED, &mut bytes);
        assert_eq!(ChangeUser::parse(&bytes, cap::SHARED), Ok(change));
    }

    #[test]
    fn a_kill_reads_back() {
        let mut bytes = Vec::new();
        encode_process_kill(0x4000_0001, &mut bytes);
        assert_eq!(parse_process_kill(&bytes), Ok(0x4000_0001));
        assert!(parse_process_kill(&bytes[..4]).is_err());
    }

    #[test]
    fn text_is_found_behind_query_attributes() {
        assert_eq!(query_text(b"\x03SELECT 1", 0), Ok(1));
        let flags = cap::QUERY_ATTRIBUTES;
        assert_eq!(query_text(b"\x03\x00\x01SELECT 1", flags), Ok(3));
        // Three attributes: a NULL, a string, a number.
        let mut bytes = b"\x03\x03\x01\x01\x01".to_vec();
        bytes.extend_from_slice(b"\x06\x00\x01n\xfe\x00\x01s\x08\x00\x01i");
        bytes.extend_from_slice(b"\x05hello\x01\x00\x00\x00\x00\x00\x00\x00");
        let start = bytes.len();
        bytes.extend_from_slice(b"KILL 5");
        assert_eq!(query_text(&bytes, flags), Ok(start));
        assert!(query_text(&bytes[..9], flags).is_err());
        assert!(query_text(b"\x03\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", flags).is_err());
    }
}
