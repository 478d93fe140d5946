//! The zlib-compressed protocol, which ends at the gateway: seven bytes of header (length,
//! sequence, length before compression or zero), then the data.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::io;

const HEADER: usize = 7;
/// Payloads below it are sent as they are, as servers do.
const MIN_COMPRESS: usize = 50;

thread_local! {
    /// Some 300 KiB of state, so one per worker thread instead of one per connection.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), true));
}

/// One side's state of the compressed protocol. Both directions share one sequence.
pub(crate) struct Codec {
    sequence: u8,
    header: [u8; HEADER],
    filled: usize,
    /// Bytes of the current packet that are still to come.
    left: usize,
    inflate: Option<Box<Decompress>>,
    packed: bool,
    /// All bytes of the packet are in, but not yet out.
    draining: bool,
}

impl Codec {
    pub(crate) fn new() -> Self {
        Self {
            sequence: 0,
            header: [0; HEADER],
            filled: 0,
            left: 0,
            inflate: None,
            packed: false,
            draining: false,
        }
    }

    /// Whether [`Codec::decode`] has more to say without further input.
    pub(crate) fn draining(&self) -> bool {
        self.draining
    }

    /// Decodes from `input` to `out`: bytes taken, bytes written. Takes all of `input` unless
    /// `out` is full.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> io::Result<(usize, usize)> {
        let (mut taken, mut written) = (0, 0);
        loop {
            if self.left == 0 && !self.draining {
                let n = (HEADER - self.filled).min(input.len() - taken);
                self.header[self.filled..self.filled + n].copy_from_slice(&input[taken..taken + n]);
                self.filled += n;
                taken += n;
                if self.filled < HEADER {
                    return Ok((taken, written));
                }
                self.begin();
                continue;
            }
            if written == out.len() || (taken == input.len() && !self.draining) {
                return Ok((taken, written));
            }
            let end = taken + self.left.min(input.len() - taken);
            let (used, made) = self.data(&input[taken..end], &mut out[written..])?;
            taken += used;
            written += made;
        }
    }

    fn begin(&mut self) {
        let [a, b, c, sequence, d, e, f] = self.header;
        self.filled = 0;
        self.left = u32::from_le_bytes([a, b, c, 0]) as usize;
        self.sequence = sequence.wrapping_add(1);
        self.packed = [d, e, f] != [0, 0, 0];
        if self.packed {
            let inflate = self
                .inflate
                .get_or_insert_with(|| Box::new(Decompress::new(true)));
            inflate.reset(true);
        }
    }

    fn data(&mut self, input: &[u8], out: &mut [u8]) -> io::Result<(usize, usize)> {
        let inflate = match &mut self.inflate {
            Some(inflate) if self.packed => inflate,
            _ => {
                let n = input.len().min(out.len());
                self.left -= n;
                out[..n].copy_from_slice(&input[..n]);
                return Ok((n, n));
            }
        };
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(input, out, FlushDecompress::None)
            .map_err(io::Error::other)?;
        let used = (inflate.total_in() - before_in) as usize;
        let made = (inflate.total_out() - before_out) as usize;
        let ended = status == Status::StreamEnd;
        self.left -= used;
        self.draining = self.left == 0 && !ended;
        // Data behind the end of the stream, or a stream that does not move.
        if (ended && self.left > 0) || (!ended && used == 0 && made == 0) {
            return Err(io::Error::other("malformed compressed packet"));
        }
        Ok((used, made))
    }

    /// Appends `data` (at most one packet's worth) as one compressed packet.
    pub(crate) fn encode(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER]);
        let mut before = 0;
        if data.len() >= MIN_COMPRESS {
            DEFLATE
                .with_borrow_mut(|deflate| {
                    deflate.reset();
                    out.reserve(data.len() + data.len() / 1000 + 64);
                    deflate.compress_vec(data, out, FlushCompress::Finish)
                })
                .map_err(io::Error::other)?;
            before = data.len();
        }
        if before == 0 || out.len() - start - HEADER >= data.len() {
            out.truncate(start + HEADER);
            out.extend_from_slice(data);
            before = 0;
        }
        let length = (out.len() - start - HEADER) as u32;
        out[start..start + 3].copy_from_slice(&length.to_le_bytes()[..3]);
        out[start + 3] = self.sequence;
        out[start + 4..start + 7].copy_from_slice(&(before as u32).to_le_bytes()[..3]);
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_all(bytes: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut codec = Codec::new();
        let (mut all, mut at) = (Vec::new(), 0);
        let mut out = [0; 97];
        while at < bytes.len() {
            let end = bytes.len().min(at + step);
            let (taken, written) = codec.decode(&bytes[at..end], &mut out)?;
            all.extend_from_slice(&out[..written]);
            at += taken;
            if taken == 0 && written == 0 {
                break;
            }
        }
        // What the inflater still holds when its input is used up.
        loop {
            let (_, written) = codec.decode(&[], &mut out)?;
            all.extend_from_slice(&out[..written]);
            if written == 0 {
                return Ok(all);
            }
        }
    }

    #[test]
    fn what_is_encoded_decodes_in_pieces_of_any_size() {
        let mut encoder = Codec::new();
        let mut bytes = Vec::new();
        let data: Vec<u8> = (0..5_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for piece in [&b"SELECT 1"[..], &data, &data[..60], b"x"] {
            encoder.encode(piece, &mut bytes).unwrap();
        }
        let expected = [&b"SELECT 1"[..], &data, &data[..60], b"x"].concat();
        for step in [1, 2, 7, 100, 1_000_000] {
            assert!(decode_all(&bytes, step).unwrap() == expected, "{step}");
        }
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_quietly(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_all(&bytes, 64);
        }
    }
}
