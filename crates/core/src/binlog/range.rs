//! A range of a binlog file in one piece, as it is kept: everything needed to read it is with it.

use super::Written;
use jiff::Timestamp;

/// Bytes of a binlog file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub file: String,
    pub from: u64,
    /// What the file begins with, without which none of its events can be read.
    pub head: Vec<u8>,
    /// When how much of the file was there, in order, where the events do not say.
    pub written: Vec<Written>,
    pub bytes: Vec<u8>,
}

/// The bytes are no range, or one of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a range of a binlog of this version")]
pub struct NotARange;

/// Name and version of the format. All numbers in it are little-endian.
const FORMAT: &[u8; 8] = b"offbin01";

impl Range {
    /// Offset behind its last byte.
    pub fn to(&self) -> u64 {
        self.from.saturating_add(self.bytes.len() as u64)
    }

    pub fn encode(&self) -> Vec<u8> {
        let rest = self.file.len() + self.head.len() + self.written.len() * 17;
        let mut out = Vec::with_capacity(self.bytes.len() + rest + 32);
        out.extend_from_slice(FORMAT);
        let mut block = |bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        block(self.file.as_bytes());
        block(&self.head);
        out.extend_from_slice(&self.from.to_le_bytes());
        out.extend_from_slice(&(self.written.len() as u32).to_le_bytes());
        for w in &self.written {
            out.extend_from_slice(&w.length.to_le_bytes());
            out.extend_from_slice(&w.at.as_microsecond().to_le_bytes());
            out.push(u8::from(w.seen));
        }
        out.extend_from_slice(&self.bytes);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, NotARange> {
        let mut rest = bytes.strip_prefix(FORMAT).ok_or(NotARange)?;
        let mut take = |count: usize| {
            let (head, tail) = rest.split_at_checked(count).ok_or(NotARange)?;
            rest = tail;
            Ok(head)
        };
        let length = usize::try_from(u32(take(4)?)?).map_err(|_| NotARange)?;
        let file = std::str::from_utf8(take(length)?).map_err(|_| NotARange)?;
        let length = usize::try_from(u32(take(4)?)?).map_err(|_| NotARange)?;
        let head = take(length)?.to_vec();
        let from = u64(take(8)?)?;
        let mut written = Vec::new();
        for _ in 0..u32(take(4)?)? {
            let length = u64(take(8)?)?;
            let micros = u64(take(8)?)?.cast_signed();
            written.push(Written {
                length,
                at: Timestamp::from_microsecond(micros).map_err(|_| NotARange)?,
                seen: take(1)? == [1],
            });
        }
        Ok(Self {
            file: file.to_owned(),
            from,
            head,
            written,
            bytes: rest.to_vec(),
        })
    }
}

fn u32(bytes: &[u8]) -> Result<u32, NotARange> {
    bytes
        .try_into()
        .map(u32::from_le_bytes)
        .map_err(|_| NotARange)
}

fn u64(bytes: &[u8]) -> Result<u64, NotARange> {
    bytes
        .try_into()
        .map(u64::from_le_bytes)
        .map_err(|_| NotARange)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range() -> Range {
        Range {
            file: "binlog.000003".to_owned(),
            from: 1 << 33,
            head: b"\xfebin...".to_vec(),
            written: vec![Written {
                length: 77,
                at: Timestamp::from_microsecond(-5).unwrap(),
                seen: true,
            }],
            bytes: vec![7; 300],
        }
    }

    /// Golden: archives outlive the version that wrote them.
    #[test]
    fn version_1_is_read() {
        let mut small = range();
        small.bytes = b"xy".to_vec();
        let hex: String = small.encode().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(
            hex,
            "6f666662696e30310d00000062696e6c6f672e30303030303307000000fe62696e2e2e2e\
             0000000002000000010000004d00000000000000fbffffffffffffff017879"
        );
    }

    #[test]
    fn a_range_reads_back_whole_or_not_at_all() {
        let bytes = range().encode();
        assert_eq!(Range::decode(&bytes), Ok(range()));
        let head = bytes.len() - 300;
        for cut in 0..head {
            assert_eq!(Range::decode(&bytes[..cut]), Err(NotARange), "{cut}");
        }
        let mut other = bytes;
        other[7] = b'2';
        assert_eq!(Range::decode(&other), Err(NotARange));
    }
}
