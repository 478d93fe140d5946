//! The client's answer to the greeting: `HandshakeResponse41`, or the `SSLRequest` before it.

use crate::capability as cap;
use crate::cursor::{Cursor, Malformed, put_lenenc_bytes, put_nul};
use std::fmt;

/// Longest login packet that is read, in bytes: connection attributes may take 64 KiB, names and
/// the response little more.
pub const MAX_LOGIN: usize = 80 * 1024;
/// Payload of an `SSLRequest`.
pub const SSL_REQUEST: usize = 32;

#[derive(Clone, PartialEq, Eq, Default)]
pub struct Login {
    pub capabilities: u32,
    /// MariaDB's further flags; zero unless [`cap::LONG_PASSWORD`] is unset.
    pub extended: u32,
    pub max_packet: u32,
    pub charset: u8,
    pub username: Vec<u8>,
    /// Proof of the secret; empty when there is none or it is for another plugin.
    pub response: Vec<u8>,
    pub schema: Option<Vec<u8>>,
    pub plugin: Option<Vec<u8>>,
    /// Keys and values, each behind its length, as they travel.
    pub attributes: Option<Vec<u8>>,
    pub zstd_level: Option<u8>,
}

impl Login {
    /// Reads a login. One of a client older than 4.1 is malformed.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        let mut login = Self::prefix(&mut c)?;
        let flags = login.capabilities;
        login.username = c.nul("username")?.to_vec();
        login.response = if flags & cap::PLUGIN_AUTH_LENENC != 0 {
            c.lenenc_bytes("authentication response")?.to_vec()
        } else if flags & cap::SECURE_CONNECTION != 0 {
            let length = c.u8("authentication response")?;
            c.take(usize::from(length), "authentication response")?
                .to_vec()
        } else {
            c.nul("authentication response")?.to_vec()
        };
        if flags & cap::CONNECT_WITH_DB != 0 {
            let schema = c.nul_or_end();
            login.schema = (!schema.is_empty()).then(|| schema.to_vec());
        }
        if flags & cap::PLUGIN_AUTH != 0 {
            login.plugin = Some(c.nul_or_end().to_vec());
        }
        if flags & cap::CONNECT_ATTRS != 0 && !c.is_empty() {
            login.attributes = Some(attributes(c.lenenc_bytes("connection attributes")?)?);
        }
        if flags & cap::ZSTD != 0 && !c.is_empty() {
            login.zstd_level = Some(c.u8("zstd level")?);
        }
        Ok(login)
    }

    /// Reads an `SSLRequest`: the fixed part of a login, alone and asking for TLS.
    pub fn parse_ssl_request(payload: &[u8]) -> Option<Self> {
        if payload.len() != SSL_REQUEST {
            return None;
        }
        let login = Self::prefix(&mut Cursor::new(payload)).ok()?;
        (login.capabilities & cap::SSL != 0).then_some(login)
    }

    fn prefix(c: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let capabilities = c.u32("capabilities")?;
        if capabilities & cap::PROTOCOL_41 == 0 {
            return Err(Malformed("the client is older than MySQL 4.1"));
        }
        let max_packet = c.u32("maximum packet")?;
        let charset = c.u8("character set")?;
        c.take(19, "reserved")?;
        let extended = c.u32("reserved")?;
        Ok(Self {
            capabilities,
            extended: if capabilities & cap::LONG_PASSWORD == 0 {
                extended
            } else {
                0
            },
            max_packet,
            charset,
            ..Self::default()
        })
    }

    /// Writes the login; which optional parts there are follows from `capabilities`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_ssl_request(out);
        put_nul(out, &self.username);
        if self.capabilities & cap::PLUGIN_AUTH_LENENC != 0 {
            put_lenenc_bytes(out, &self.response);
        } else {
            let length = self.response.len().min(250);
            put_lenenc_bytes(out, &self.response[..length]);
        }
        if self.capabilities & cap::CONNECT_WITH_DB != 0 {
            put_nul(out, self.schema.as_deref().unwrap_or_default());
        }
        if self.capabilities & cap::PLUGIN_AUTH != 0 {
            put_nul(out, self.plugin.as_deref().unwrap_or_default());
        }
        if self.capabilities & cap::CONNECT_ATTRS != 0 {
            put_lenenc_bytes(out, self.attributes.as_deref().unwrap_or_default());
        }
        if self.capabilities & cap::ZSTD != 0 {
            out.push(self.zstd_level.unwrap_or(3));
        }
    }

    /// Writes the fixed part alone.
    pub fn encode_ssl_request(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.capabilities.to_le_bytes());
        out.extend_from_slice(&self.max_packet.to_le_bytes());
        out.push(self.charset);
        out.extend_from_slice(&[0; 19]);
        out.extend_from_slice(&self.extended.to_le_bytes());
    }
}

/// Checks keys and values, and returns them as they are.
pub(crate) fn attributes(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut c = Cursor::new(bytes);
    while !c.is_empty() {
        c.lenenc_bytes("connection attribute")?;
        c.lenenc_bytes("connection attribute")?;
    }
    Ok(bytes.to_vec())
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("capabilities", &format_args!("{:#x}", self.capabilities))
            .field("username", &String::from_utf8_lossy(&self.username))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login {
            capabilities: cap::SHARED | cap::ZSTD,
            extended: 0,
            max_packet: 1 << 24,
            charset: 45,
            username: b"ann".to_vec(),
            response: vec![7; 32],
            schema: Some(b"shop".to_vec()),
            plugin: Some(b"caching_sha2_password".to_vec()),
            attributes: Some(b"\x03_os\x05Linux".to_vec()),
            zstd_level: Some(3),
        }
    }

    #[test]
    fn a_login_reads_back() {
        let mut bytes = Vec::new();
        login().encode(&mut bytes);
        assert_eq!(Login::parse(&bytes), Ok(login()));
        assert!(Login::parse_ssl_request(&bytes).is_none());
    }

    #[test]
    fn a_request_for_tls_is_told_from_a_login() {
        let mut bytes = Vec::new();
        let request = Login {
            capabilities: cap::SHARED | cap::SSL,
            ..Login::default()
        };
        request.encode_ssl_request(&mut bytes);
        assert_eq!(bytes.len(), SSL_REQUEST);
        assert_eq!(Login::parse_ssl_request(&bytes), Some(request));
    }

    #[test]
    fn what_is_cut_off_or_too_old_is_malformed() {
        let mut bytes = Vec::new();
        login().encode(&mut bytes);
        for end in 0..33 {
            assert!(Login::parse(&bytes[..end]).is_err(), "{end}");
        }
        bytes[1] &= !2;
        assert!(Login::parse(&bytes).is_err());
    }
}
