//! Decoding S2 streams, which the Go clients pack every request with.
//!
//! S2 is Snappy's format with two additions: a copy may repeat the last distance (`0` where Snappy
//! has none), and blocks may be of 4 MiB. Sources: Google's `format_description.txt` and
//! `framing_format.txt` of Snappy, and klauspost's description of S2's additions.

use std::sync::LazyLock;

/// Types of chunks in a stream.
const COMPRESSED: u8 = 0x00;
const UNCOMPRESSED: u8 = 0x01;
const IDENTIFIER: u8 = 0xff;
/// From here on a chunk that is not known may be skipped.
const SKIPPABLE: u8 = 0x80;
/// Largest decoded block.
const MAX_BLOCK: usize = 4 << 20;
const CHECKSUM: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum S2Error {
    #[error("the S2 stream is damaged: {0}")]
    Damaged(&'static str),
    #[error("the message is longer than {0} bytes when unpacked")]
    TooLong(usize),
}

use S2Error::{Damaged, TooLong};

/// Decodes a whole stream into at most `limit` bytes. No bytes are the stream of an empty message.
pub(super) fn decode(mut stream: &[u8], limit: usize) -> Result<Vec<u8>, S2Error> {
    let mut out = Vec::new();
    let mut identified = false;
    while let Some((head, rest)) = stream.split_first_chunk::<4>() {
        let [kind, a, b, c] = *head;
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        let (body, rest) = rest
            .split_at_checked(length)
            .ok_or(Damaged("a chunk is cut off"))?;
        stream = rest;
        if !identified && kind != IDENTIFIER {
            return Err(Damaged("it does not begin as one"));
        }
        match kind {
            IDENTIFIER if matches!(body, b"S2sTwO" | b"sNaPpY") => identified = true,
            IDENTIFIER => return Err(Damaged("an unknown identifier")),
            COMPRESSED | UNCOMPRESSED => {
                let (sum, data) = body
                    .split_first_chunk::<CHECKSUM>()
                    .ok_or(Damaged("a chunk without checksum"))?;
                let before = out.len();
                if kind == COMPRESSED {
                    block(data, &mut out, limit)?;
                } else {
                    if data.len() > limit - before {
                        return Err(TooLong(limit));
                    }
                    out.extend_from_slice(data);
                }
                if masked(crc32c(&out[before..])) != u32::from_le_bytes(*sum) {
                    return Err(Damaged("a checksum differs"));
                }
            }
            SKIPPABLE.. => {}
            _ => return Err(Damaged("an unknown chunk")),
        }
    }
    match stream {
        [] => Ok(out),
        _ => Err(Damaged("a chunk is cut off")),
    }
}

/// Appends a decoded block.
fn block(source: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), S2Error> {
    let mut source = Source(source);
    let length = source.varint()?;
    if length > MAX_BLOCK {
        return Err(Damaged("a block is too long"));
    }
    let begin = out.len();
    if length > limit - begin {
        return Err(TooLong(limit));
    }
    let end = begin + length;
    let mut distance = 0;
    while let Some((&tag, rest)) = source.0.split_first() {
        source.0 = rest;
        let upper = usize::from(tag >> 2);
        let run = match tag & 3 {
            0 => {
                let run = 1 + match upper {
                    60..=63 => source.number(upper - 59)?,
                    short => short,
                };
                if run > end - out.len() {
                    return Err(Damaged("a block is longer than it says"));
                }
                out.extend_from_slice(source.take(run)?);
                continue;
            }
            1 => {
                let low = source.number(1)?;
                let short = upper & 7;
                match (upper >> 3) << 8 | low {
                    // S2: as far back as the last time.
                    0 => match short {
                        5 => 8 + source.number(1)?,
                        6 => 4 + (1 << 8) + source.number(2)?,
                        7 => 4 + (1 << 16) + source.number(3)?,
                        short => 4 + short,
                    },
                    far => {
                        distance = far;
                        4 + short
                    }
                }
            }
            2 => {
                distance = source.number(2)?;
                1 + upper
            }
            _ => {
                distance = source.number(4)?;
                1 + upper
            }
        };
        let here = out.len();
        if distance == 0 || distance > here - begin {
            return Err(Damaged("a copy from before its block"));
        }
        if run > end - here {
            return Err(Damaged("a block is longer than it says"));
        }
        if run <= distance {
            out.extend_from_within(here - distance..here - distance + run);
        } else {
            // What is copied grows while it is copied.
            for from in here - distance..here - distance + run {
                out.push(out[from]);
            }
        }
    }
    match out.len() == end {
        true => Ok(()),
        false => Err(Damaged("a block is shorter than it says")),
    }
}

struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], S2Error> {
        let (taken, rest) = self
            .0
            .split_at_checked(n)
            .ok_or(Damaged("a block is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of `n` bytes, four at most, the lowest first.
    fn number(&mut self, n: usize) -> Result<usize, S2Error> {
        let mut bytes = [0; 4];
        bytes[..n].copy_from_slice(self.take(n)?);
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    fn varint(&mut self) -> Result<usize, S2Error> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.number(1)?;
            value |= ((byte & 0x7f) as u64) << shift;
            if byte < 0x80 {
                return usize::try_from(value).map_err(|_| Damaged("a length"));
            }
        }
        Err(Damaged("a length"))
    }
}

/// As Snappy's framing stores it.
fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), four bytes a step.
fn crc32c(bytes: &[u8]) -> u32 {
    static TABLES: LazyLock<[[u32; 256]; 4]> = LazyLock::new(tables);
    let t = &*TABLES;
    let mut sum = !0u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let x = sum ^ word.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
        let [a, b, c, d] = x.to_le_bytes().map(usize::from);
        sum = t[3][a] ^ t[2][b] ^ t[1][c] ^ t[0][d];
    }
    for byte in words.remainder() {
        sum = t[0][usize::from(sum as u8 ^ byte)] ^ sum >> 8;
    }
    !sum
}

fn tables() -> [[u32; 256]; 4] {
    /// The polynomial, its bits the other way round.
    const CASTAGNOLI: u32 = 0x82f6_3b78;
    let mut tables = [[0; 256]; 4];
    for (n, entry) in tables[0].iter_mut().enumerate() {
        let mut sum = n as u32;
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { CASTAGNOLI } else { 0 };
        }
        *entry = sum;
    }
    for table in 1..4 {
        for n in 0..256 {
            let before: u32 = tables[table - 1][n];
            tables[table][n] = before >> 8 ^ tables[0][usize::from(before as u8)];
        }
    }
    tables
}

#[cfg(test)]
mod tests;
