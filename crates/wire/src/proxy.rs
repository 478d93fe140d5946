//! The PROXY protocol's header, versions 1 and 2: how a load balancer says whom it speaks for.
//! Source: HAProxy's "The PROXY protocol".

use crate::cursor::{Cursor, Malformed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest header that is read, in bytes: version 1 ends within 107, version 2 within 232 without
/// its optional fields, of which there are few in practice.
pub const MAX_HEADER: usize = 2048;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const MAX_V1: usize = 107;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The client's address; `None` when the balancer speaks for itself (health checks) or does
    /// not know.
    pub client: Option<IpAddr>,
    /// Length of the header in bytes.
    pub length: usize,
}

/// Reads a header from the front of `bytes`; `None` while more bytes are needed.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let signed = bytes.len().min(SIGNATURE.len());
    if bytes[..signed] == SIGNATURE[..signed] {
        return version_2(bytes);
    }
    let named = bytes.len().min(6);
    if bytes[..named] == b"PROXY "[..named] {
        return version_1(bytes);
    }
    Err(Malformed("PROXY header"))
}

fn version_1(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let window = &bytes[..bytes.len().min(MAX_V1)];
    let Some(end) = window.windows(2).position(|w| w == b"\r\n") else {
        return match bytes.len() < MAX_V1 {
            true => Ok(None),
            false => Err(Malformed("PROXY header")),
        };
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| Malformed("PROXY header"))?;
    let mut parts = line.split(' ').skip(1);
    let client = match parts.next() {
        Some("UNKNOWN") => None,
        Some("TCP4" | "TCP6") => {
            let address = parts.next().and_then(|a| a.parse().ok());
            Some(address.ok_or(Malformed("PROXY header"))?)
        }
        _ => return Err(Malformed("PROXY header")),
    };
    Ok(Some(Header {
        client,
        length: end + 2,
    }))
}

fn version_2(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    const WHAT: &str = "PROXY header";
    let Some(fixed) = bytes.get(..16) else {
        return Ok(None);
    };
    let length = 16 + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MAX_HEADER || fixed[12] >> 4 != 2 {
        return Err(Malformed(WHAT));
    }
    let Some(body) = bytes.get(16..length) else {
        return Ok(None);
    };
    let mut c = Cursor::new(body);
    let client = match (fixed[12] & 0xf, fixed[13] >> 4) {
        (0, _) | (1, 0 | 3) => None,
        (1, 1) => {
            let mut octets = [0; 4];
            octets.copy_from_slice(c.take(4, WHAT)?);
            c.take(8, WHAT)?;
            Some(IpAddr::V4(Ipv4Addr::from(octets)))
        }
        (1, 2) => {
            let mut octets = [0; 16];
            octets.copy_from_slice(c.take(16, WHAT)?);
            c.take(20, WHAT)?;
            Some(IpAddr::V6(Ipv6Addr::from(octets)))
        }
        _ => return Err(Malformed(WHAT)),
    };
    Ok(Some(Header { client, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_name_the_client() {
        let text = b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 3306\r\nrest";
        for end in 0..44 {
            assert_eq!(parse(&text[..end]), Ok(None), "{end}");
        }
        let header = parse(text).unwrap().unwrap();
        assert_eq!(header.client, Some("203.0.113.9".parse().unwrap()));
        assert_eq!(&text[header.length..], b"rest");

        let mut binary = SIGNATURE.to_vec();
        binary.extend_from_slice(&[0x21, 0x11, 0, 12, 203, 0, 113, 9, 127, 0, 0, 1, 1, 1, 2, 2]);
        for end in 0..binary.len() {
            assert_eq!(parse(&binary[..end]), Ok(None), "{end}");
        }
        let header = parse(&binary).unwrap().unwrap();
        assert_eq!(header.client, Some("203.0.113.9".parse().unwrap()));
        assert_eq!(header.length, 28);
    }

    #[test]
    fn a_balancer_may_speak_for_itself_and_nonsense_is_refused() {
        let mut local = SIGNATURE.to_vec();
        local.extend_from_slice(&[0x20, 0, 0, 0]);
        assert_eq!(parse(&local).unwrap().unwrap().client, None);
        assert!(parse(b"GET / HTTP/1.1").is_err());
        assert!(parse(b"PROXY TCP4 nonsense\r\n").is_err());
        assert!(parse(&[b"PROXY ", &[b'x'; 200][..]].concat()).is_err());
        let mut huge = SIGNATURE.to_vec();
        huge.extend_from_slice(&[0x21, 0x11, 0xff, 0xff]);
        assert!(parse(&huge).is_err());
    }
}
