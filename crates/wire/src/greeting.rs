//! The server's greeting (`HandshakeV10`).

use crate::auth::{NONCE, Nonce};
use crate::capability;
use crate::cursor::{Cursor, Malformed, put_nul};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    pub version: Vec<u8>,
    pub connection_id: u32,
    pub nonce: Nonce,
    pub capabilities: u32,
    /// MariaDB's further flags; zero unless [`capability::LONG_PASSWORD`] is unset.
    pub extended: u32,
    pub charset: u8,
    pub status: u16,
    pub plugin: Vec<u8>,
}

impl Greeting {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [low, high] = [self.capabilities as u16, (self.capabilities >> 16) as u16];
        out.push(10);
        put_nul(out, &self.version);
        out.extend_from_slice(&self.connection_id.to_le_bytes());
        out.extend_from_slice(&self.nonce[..8]);
        out.push(0);
        out.extend_from_slice(&low.to_le_bytes());
        out.push(self.charset);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&high.to_le_bytes());
        out.push(NONCE as u8 + 1);
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&self.extended.to_le_bytes());
        out.extend_from_slice(&self.nonce[8..]);
        out.push(0);
        put_nul(out, &self.plugin);
    }

    /// Reads a greeting of a server that knows authentication plugins (every one since 5.5.7).
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        if c.u8("protocol version")? != 10 {
            return Err(Malformed("protocol version"));
        }
        let version = c.nul("server version")?.to_vec();
        let connection_id = c.u32("connection id")?;
        let mut nonce = [0; NONCE];
        nonce[..8].copy_from_slice(c.take(8, "scramble")?);
        c.take(1, "filler")?;
        let low = c.u16("capabilities")?;
        let charset = c.u8("character set")?;
        let status = c.u16("status")?;
        let high = c.u16("capabilities")?;
        let capabilities = u32::from(low) | u32::from(high) << 16;
        c.u8("scramble length")?;
        c.take(6, "reserved")?;
        let extended = c.u32("reserved")?;
        nonce[8..].copy_from_slice(c.take(NONCE - 8, "scramble")?);
        c.take(1, "scramble end")?;
        let plugin = if capabilities & capability::PLUGIN_AUTH == 0 {
            Vec::new()
        } else {
            c.nul_or_end().to_vec()
        };
        Ok(Self {
            version,
            connection_id,
            nonce,
            capabilities,
            extended: if capabilities & capability::LONG_PASSWORD == 0 {
                extended
            } else {
                0
            },
            charset,
            status,
            plugin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_reads_back() {
        let greeting = Greeting {
            version: b"9.7.4".to_vec(),
            connection_id: 0x4000_0007,
            nonce: *b"abcdefghijklmnopqrst",
            capabilities: capability::SHARED & !capability::LONG_PASSWORD,
            extended: capability::mariadb::ALL,
            charset: 45,
            status: 2,
            plugin: b"caching_sha2_password".to_vec(),
        };
        let mut bytes = Vec::new();
        greeting.encode(&mut bytes);
        assert_eq!(Greeting::parse(&bytes), Ok(greeting));
    }
}
