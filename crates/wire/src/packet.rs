//! Framing: three bytes of length, one of sequence, the payload.

/// Bytes before a payload.
pub const HEADER: usize = 4;
/// Largest payload of one packet. A packet of exactly this length is continued by the next.
pub const MAX_PAYLOAD: usize = 0xff_ffff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the payload in bytes.
    pub length: usize,
    pub sequence: u8,
}

impl Header {
    /// Reads a header from the front of `bytes`; `None` while there are fewer than four.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, sequence] = *bytes.first_chunk::<HEADER>()?;
        Some(Self {
            length: u32::from_le_bytes([a, b, c, 0]) as usize,
            sequence,
        })
    }

    pub fn continued(self) -> bool {
        self.length == MAX_PAYLOAD
    }
}

/// Appends one packet whose payload `fill` writes. Only for payloads the gateway makes, all far
/// below [`MAX_PAYLOAD`]; a longer one is cut.
pub fn put(out: &mut Vec<u8>, sequence: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, sequence]);
    fill(out);
    out.truncate(start + HEADER + MAX_PAYLOAD - 1);
    let length = (out.len() - start - HEADER) as u32;
    out[start..start + 3].copy_from_slice(&length.to_le_bytes()[..3]);
}

/// One packet as bytes.
pub fn packet(sequence: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put(&mut out, sequence, fill);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_reads_back() {
        let bytes = packet(7, |p| p.extend_from_slice(b"abc"));
        let header = Header::read(&bytes).unwrap();
        assert_eq!(
            header,
            Header {
                length: 3,
                sequence: 7
            }
        );
        assert_eq!(&bytes[HEADER..], b"abc");
        assert_eq!(Header::read(&bytes[..3]), None);
    }
}
