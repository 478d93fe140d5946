//! How far the engine's answer to the last command is, as far as raw bytes tell.

use offshoot_wire::command;
use offshoot_wire::packet::{HEADER, Header};
use offshoot_wire::reply;

/// Bytes of an OK without information, with its header: what a ping is answered with, and what most
/// results end with.
pub(crate) const SHORT_OK: usize = 11;
/// Bytes of an EOF with its header.
const SHORT_EOF: usize = 9;
/// Status flag: another result follows.
const MORE_RESULTS: u8 = 8;

#[derive(Debug)]
pub(crate) struct Answer {
    /// The last command.
    pub(crate) code: u8,
    /// Nothing of the answer has come yet.
    awaited: bool,
    /// First byte of the answer's first payload.
    first: u8,
    /// The answer so far is exactly one packet.
    single: bool,
    /// The engine may ask for a file in a later part of its answer, which is not seen.
    may_load_later: bool,
    tail: [u8; SHORT_OK],
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            code: command::PING,
            awaited: false,
            first: reply::OK,
            single: true,
            may_load_later: false,
            tail: [0; SHORT_OK],
        }
    }
}

impl Answer {
    /// A command was passed.
    pub(crate) fn began(&mut self, code: u8) {
        self.code = code;
        self.awaited = command::answered(code);
        self.may_load_later = false;
    }

    /// The text of the query that was just passed; `None` when it was not seen whole.
    pub(crate) fn of_query(&mut self, text: Option<&[u8]>) {
        let loads = |t: &[u8]| t.windows(4).any(|w| w.eq_ignore_ascii_case(b"LOAD"));
        self.may_load_later = text.is_none_or(|t| t.contains(&b';') && loads(t));
    }

    /// Content of a file was passed: the engine answers again.
    pub(crate) fn continues(&mut self) {
        self.awaited = true;
    }

    pub(crate) fn awaited(&self) -> bool {
        self.awaited
    }

    /// The engine asked for a file and nothing was sent yet.
    pub(crate) fn wants_file(&self) -> bool {
        !self.awaited && self.first == reply::LOCAL_FILE
    }

    /// The engine may be waiting for a file, so that nothing of ours may be sent to it.
    pub(crate) fn may_want_file(&self) -> bool {
        self.may_load_later && !self.looks_finished()
    }

    /// Bytes of the engine; returns the first byte of the answer's payload when it is the first.
    pub(crate) fn note(&mut self, chunk: &[u8]) -> Option<u8> {
        let first = self
            .awaited
            .then(|| chunk.get(HEADER).copied().unwrap_or(0));
        match first {
            Some(first) => {
                self.awaited = false;
                self.first = first;
                self.single = Header::read(chunk).is_some_and(|h| HEADER + h.length == chunk.len());
            }
            None => self.single = false,
        }
        let n = chunk.len().min(SHORT_OK);
        self.tail.copy_within(n.., 0);
        self.tail[SHORT_OK - n..].copy_from_slice(&chunk[chunk.len() - n..]);
        first
    }

    /// All that came of the answer is one whole packet, an error.
    pub(crate) fn is_error(&self) -> bool {
        self.single && !self.awaited && self.first == reply::ERR
    }

    /// Whether the answer looks finished. Bytes of a row can look so by chance: good enough to
    /// choose between a last word and none.
    pub(crate) fn looks_finished(&self) -> bool {
        if self.awaited || self.wants_file() {
            return false;
        }
        let t = &self.tail;
        let ok = t[..3] == [7, 0, 0] && matches!(t[4], reply::OK | reply::EOF);
        let eof = &t[SHORT_OK - SHORT_EOF..];
        self.single
            || (ok && t[7] & MORE_RESULTS == 0)
            || (eof[..3] == [5, 0, 0] && eof[4] == reply::EOF && eof[7] & MORE_RESULTS == 0)
    }
}

/// Status flags of the answer to a ping, when these bytes are one.
pub(crate) fn pong(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [7, 0, 0, 1, reply::OK, 0, 0, low, high, _, _] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_wire::packet;

    #[test]
    fn an_answer_ends_with_its_last_packet() {
        let mut answer = Answer::default();
        assert!(answer.looks_finished());
        answer.began(command::QUERY);
        assert!(!answer.looks_finished());
        let mut rows = packet::packet(1, |p| p.push(1));
        packet::put(&mut rows, 2, |p| p.extend_from_slice(b"\x03row"));
        assert_eq!(answer.note(&rows), Some(1));
        assert!(!answer.looks_finished());
        let end = packet::packet(3, |p| p.extend_from_slice(&[reply::EOF, 0, 0, 2, 0]));
        assert_eq!(answer.note(&end), None);
        assert!(answer.looks_finished());
        answer.began(command::STMT_CLOSE);
        assert!(answer.looks_finished());
        answer.began(command::QUERY);
        let more = packet::packet(1, |p| p.extend_from_slice(&[reply::LOCAL_FILE, b'f']));
        answer.note(&more);
        assert!(!answer.looks_finished());
    }

    #[test]
    fn a_pong_is_told_from_other_bytes() {
        let ok = reply::Ok {
            status: reply::IN_TRANSACTION,
            ..reply::Ok::default()
        };
        assert_eq!(pong(&packet::packet(1, |p| ok.encode(p))), Some(1));
        assert_eq!(pong(b"\x07\0\0\x02\0\0\0\x01\0\0\0"), None);
    }
}
