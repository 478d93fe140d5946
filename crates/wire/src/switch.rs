//! Packets between login and the final OK or ERR.

use crate::auth::{NONCE, Nonce};
use crate::cursor::{Cursor, Malformed, put_nul};

/// First byte of an [`AuthSwitch`].
pub const SWITCH: u8 = 0xfe;
/// First byte of further data for the client's plugin (`AuthMoreData`).
pub const MORE: u8 = 0x01;
/// `AuthMoreData` of `caching_sha2_password`: the scramble was right, OK follows.
pub const FAST_AUTH_OK: u8 = 3;
/// `AuthMoreData` of `caching_sha2_password`: send the secret itself.
pub const FULL_AUTH: u8 = 4;

/// `AuthSwitchRequest`: prove the secret again, with this plugin and this nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSwitch {
    pub plugin: Vec<u8>,
    pub nonce: Nonce,
}

impl AuthSwitch {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(SWITCH);
        put_nul(out, &self.plugin);
        out.extend_from_slice(&self.nonce);
        out.push(0);
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new(payload);
        if c.u8("authentication switch")? != SWITCH {
            return Err(Malformed("authentication switch"));
        }
        let plugin = c.nul("plugin name")?.to_vec();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(c.take(NONCE, "scramble")?);
        Ok(Self { plugin, nonce })
    }
}

/// Writes `AuthMoreData`.
pub fn encode_more(data: &[u8], out: &mut Vec<u8>) {
    out.push(MORE);
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_reads_back() {
        let switch = AuthSwitch {
            plugin: b"mysql_native_password".to_vec(),
            nonce: [9; NONCE],
        };
        let mut bytes = Vec::new();
        switch.encode(&mut bytes);
        assert_eq!(AuthSwitch::parse(&bytes), Ok(switch));
    }
}
