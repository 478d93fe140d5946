//! OK, ERR and EOF.

use crate::cursor::{Cursor, Malformed, put_lenenc};
use crate::{capability as cap, error};

pub const OK: u8 = 0x00;
pub const ERR: u8 = 0xff;
pub const EOF: u8 = 0xfe;
/// First byte of the engine's request for the content of a LOAD DATA LOCAL file.
pub const LOCAL_FILE: u8 = 0xfb;

/// Status flag: a transaction is open.
pub const IN_TRANSACTION: u16 = 1;
pub const AUTOCOMMIT: u16 = 2;
/// Another result follows.
pub const MORE_RESULTS: u16 = 8;
/// A backslash in a string literal is a backslash.
pub const NO_BACKSLASH_ESCAPES: u16 = 512;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ok {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub status: u16,
    pub warnings: u16,
    /// Information and session changes as they travel; their shape depends on the capabilities.
    pub rest: Vec<u8>,
}

impl Ok {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(OK);
        put_lenenc(out, self.affected_rows);
        put_lenenc(out, self.last_insert_id);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&self.warnings.to_le_bytes());
        out.extend_from_slice(&self.rest);
    }

    /// Reads an OK, or (in place of an EOF) one that begins with 0xFE.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        if !matches!(c.u8("OK")?, OK | EOF) {
            return Err(Malformed("OK"));
        }
        Result::Ok(Self {
            affected_rows: c.lenenc("affected rows")?,
            last_insert_id: c.lenenc("last insert id")?,
            status: c.u16("status")?,
            warnings: c.u16("warnings")?,
            rest: c.rest().to_vec(),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Err {
    pub code: u16,
    /// SQLSTATE.
    pub state: [u8; 5],
    pub message: String,
}

impl Err {
    /// An error with the SQLSTATE that belongs to `code`.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            state: *error::state(code),
            message: message.into(),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(ERR);
        out.extend_from_slice(&self.code.to_le_bytes());
        out.push(b'#');
        out.extend_from_slice(&self.state);
        out.extend_from_slice(self.message.as_bytes());
    }

    /// As [`Err::encode`], for a moment at which the client's capabilities are not known: a server
    /// that sends an error in place of its greeting leaves the SQLSTATE away.
    pub fn encode_early(&self, out: &mut Vec<u8>) {
        out.push(ERR);
        out.extend_from_slice(&self.code.to_le_bytes());
        out.extend_from_slice(self.message.as_bytes());
    }

    /// Reads an error with or without SQLSTATE.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        if c.u8("ERR")? != ERR {
            return Result::Err(Malformed("ERR"));
        }
        let code = c.u16("error number")?;
        let mut state = *error::state(code);
        if c.rest().first() == Some(&b'#') {
            c.take(1, "SQLSTATE")?;
            state.copy_from_slice(c.take(5, "SQLSTATE")?);
        }
        let message = String::from_utf8_lossy(c.rest()).into_owned();
        Result::Ok(Self {
            code,
            state,
            message,
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Eof {
    pub warnings: u16,
    pub status: u16,
}

impl Eof {
    /// Writes an EOF, or the OK that took its place for clients with [`cap::DEPRECATE_EOF`].
    pub fn encode(&self, capabilities: u32, out: &mut Vec<u8>) {
        out.push(EOF);
        if capabilities & cap::DEPRECATE_EOF != 0 {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&self.status.to_le_bytes());
            out.extend_from_slice(&self.warnings.to_le_bytes());
        } else {
            out.extend_from_slice(&self.warnings.to_le_bytes());
            out.extend_from_slice(&self.status.to_le_bytes());
        }
    }

    /// Reads an EOF in its own shape (fewer than nine bytes, so that it cannot be a row).
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        if c.u8("EOF")? != EOF || payload.len() >= 9 {
            return Result::Err(Malformed("EOF"));
        }
        Result::Ok(Self {
            warnings: c.u16("warnings")?,
            status: c.u16("status")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_read_back() {
        let ok = Ok {
            affected_rows: 70_000,
            last_insert_id: 3,
            status: IN_TRANSACTION | AUTOCOMMIT,
            warnings: 1,
            rest: b"info".to_vec(),
        };
        let mut bytes = Vec::new();
        ok.encode(&mut bytes);
        assert_eq!(Ok::parse(&bytes), Result::Ok(ok));

        let err = Err::new(error::ACCESS_DENIED, "Access denied");
        let mut bytes = Vec::new();
        err.encode(&mut bytes);
        assert_eq!(Err::parse(&bytes), Result::Ok(err));

        let eof = Eof {
            warnings: 2,
            status: 2,
        };
        let mut bytes = Vec::new();
        eof.encode(0, &mut bytes);
        assert_eq!(Eof::parse(&bytes), Result::Ok(eof));
        let mut bytes = Vec::new();
        eof.encode(cap::DEPRECATE_EOF, &mut bytes);
        assert_eq!(Ok::parse(&bytes).map(|o| o.warnings), Result::Ok(2));
    }
}
