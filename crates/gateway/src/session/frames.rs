//! Where commands begin in the bytes of a client.
//!
//! A command is a packet with sequence number zero. Packets with another number are the content of
//! a LOAD DATA LOCAL file, up to an empty packet; within it nothing is interpreted, and numbers wrap
//! to zero. A packet of full length is continued by the next one, in both.

use offshoot_wire::packet::{HEADER, Header};

#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Bytes of the current packet, header included, that are still to come.
    left: usize,
    /// The next packet continues the current one.
    continued: bool,
    /// The current packet goes nowhere.
    refused: bool,
    /// A file's content is under way.
    content: bool,
    /// The last command may be followed by a file's content.
    may_load: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes are needed.
    More,
    /// So many bytes go to the engine.
    Pass(usize),
    /// So many bytes go nowhere.
    Drop(usize),
    /// A command begins, of so many bytes with its header. It stays until accepted or refused.
    Command(usize),
    /// A file's content begins or goes on where no command asked for one.
    OutOfOrder,
}

impl Frames {
    /// Looks at the front of `bytes`. What is passed or dropped must be consumed.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Step {
        if self.left == 0 {
            let Some(header) = Header::read(bytes) else {
                return Step::More;
            };
            if !self.continued && !self.content && header.sequence == 0 {
                return Step::Command(HEADER + header.length);
            }
            if !self.continued {
                if !self.content && !self.may_load {
                    return Step::OutOfOrder;
                }
                self.content = header.length > 0;
                self.may_load = true;
            }
            self.begin(header.continued(), HEADER + header.length);
        }
        let n = self.left.min(bytes.len());
        if n == 0 {
            return Step::More;
        }
        self.left -= n;
        match self.refused {
            true => Step::Drop(n),
            false => Step::Pass(n),
        }
    }

    /// The command that begins passes. `may_load`: a file's content may follow it.
    pub(crate) fn accept(&mut self, total: usize, may_load: bool) {
        self.refused = false;
        self.may_load = may_load;
        self.begin(full(total), total);
    }

    /// The command that begins goes nowhere.
    pub(crate) fn refuse(&mut self, total: usize) {
        self.refused = true;
        self.may_load = false;
        self.begin(full(total), total);
    }

    /// Between two commands, as far as the client's bytes tell.
    pub(crate) fn at_rest(&self) -> bool {
        self.left == 0 && !self.continued && !self.content
    }

    /// A file's content is under way: the engine answers when it ends.
    pub(crate) fn in_content(&self) -> bool {
        self.content
    }

    fn begin(&mut self, continued: bool, total: usize) {
        self.left = total;
        self.continued = continued;
    }
}

/// Whether a command of so many bytes is only the first part.
pub(crate) fn full(total: usize) -> bool {
    total == HEADER + offshoot_wire::packet::MAX_PAYLOAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_wire::packet::{MAX_PAYLOAD, packet};
    use proptest::prelude::*;

    /// The commands that are seen in `bytes` when they come in pieces of `step`, and what passes.
    fn commands(bytes: &[u8], step: usize) -> (Vec<u8>, Vec<u8>, bool) {
        let mut frames = Frames::default();
        let (mut seen, mut passed, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for piece in bytes.chunks(step) {
            held.extend_from_slice(piece);
            loop {
                match frames.next(&held) {
                    Step::More => break,
                    Step::Pass(n) => passed.extend(held.drain(..n)),
                    Step::Drop(n) => drop(held.drain(..n)),
                    Step::Command(_) if held.len() < 5 => break,
                    Step::Command(total) => {
                        seen.push(held[4]);
                        frames.accept(total, held[4] == 3);
                    }
                    Step::OutOfOrder => return (seen, passed, false),
                }
            }
        }
        (seen, passed, true)
    }

    fn put(bytes: &mut Vec<u8>, sequence: u8, payload: &[u8]) {
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
        bytes.push(sequence);
        bytes.extend_from_slice(payload);
    }

    #[test]
    fn a_files_content_is_not_a_command_even_when_numbers_wrap() {
        let mut bytes = Vec::new();
        put(&mut bytes, 0, b"\x03LOAD DATA LOCAL");
        for n in 2..600u32 {
            put(&mut bytes, n as u8, b"\x03KILL 1073741825");
        }
        put(&mut bytes, 88, b"");
        put(&mut bytes, 0, b"\x0e");
        for step in [1, 3, 5, 1000, 1_000_000] {
            let (seen, passed, good) = commands(&bytes, step);
            assert!(good && passed == bytes);
            assert_eq!(seen, [3, 0x0e], "{step}");
        }
    }

    #[test]
    fn continuations_are_not_commands_in_queries_and_in_files() {
        let mut bytes = Vec::new();
        let mut full = vec![b'x'; MAX_PAYLOAD];
        full[0] = 3;
        put(&mut bytes, 0, &full);
        put(&mut bytes, 1, b"");
        put(&mut bytes, 0, b"\x03LOAD");
        put(&mut bytes, 2, &full);
        // An empty continuation does not end the file, the next empty packet does.
        put(&mut bytes, 3, b"");
        put(&mut bytes, 0, b"\x01\x01\x01");
        put(&mut bytes, 1, b"");
        put(&mut bytes, 0, b"\x0e");
        let (seen, passed, good) = commands(&bytes, 60_000);
        assert!(good && passed == bytes);
        assert_eq!(seen, [3, 3, 0x0e]);
    }

    #[test]
    fn content_that_nobody_asked_for_is_out_of_order() {
        assert!(!commands(&packet(1, |p| p.push(3)), 100).2);
        let mut bytes = packet(0, |p| p.push(0x0e));
        put(&mut bytes, 1, b"abc");
        assert!(!commands(&bytes, 100).2);
    }

    proptest! {
        #[test]
        fn any_bytes_give_the_same_in_pieces_of_any_size(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(3), any::<u8>()], 0..200),
            step in 1usize..50,
        ) {
            prop_assert_eq!(commands(&bytes, step), commands(&bytes, 1_000));
        }
    }
}
