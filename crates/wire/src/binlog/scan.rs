//! A walk through a binlog file that comes in pieces.

use super::MAGIC;
use super::event::{self, Begin, Event, Format, Header};
use crate::cursor::Malformed;
use offshoot_core::gtid::Gtid;

/// Longest event that is read whole, in bytes. A longer statement is passed on as it comes, and
/// not understood; what is to be understood of statements is short.
const WHOLE: usize = 16 << 20;

/// Walks through one file.
#[derive(Debug)]
pub struct Scanner {
    format: Option<Format>,
    /// Bytes not walked through yet; the first of them stands at `at`.
    buffer: Vec<u8>,
    used: usize,
    at: u64,
    /// Where the present event began, and its bytes that are still to come.
    began: u64,
    left: u64,
    open: Option<Open>,
    /// Ends with the present event.
    ending: Option<Transaction>,
    /// Nothing may follow.
    closed: bool,
}

#[derive(Debug)]
struct Open {
    start: u64,
    begin: Begin,
}

/// A whole transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub gtid: Option<Gtid>,
    /// When its last statement began, in seconds since 1970.
    pub seconds: u32,
    /// When it was committed, in microseconds since 1970, where the engine notes it (MySQL).
    pub committed: Option<u64>,
    /// Offsets of its first byte, and of the first behind it.
    pub start: u64,
    pub end: u64,
}

/// Bytes of a file, in their order: each belongs to exactly one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Offset of the first of them.
    pub at: u64,
    pub bytes: &'a [u8],
    /// The event that begins with them.
    pub event: Option<Event>,
    /// The transaction that ends with them.
    pub ends: Option<Transaction>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// At the first byte of a file.
    pub fn new() -> Self {
        Self {
            format: None,
            buffer: Vec::new(),
            used: 0,
            at: 0,
            began: 0,
            left: 0,
            open: None,
            ending: None,
            closed: false,
        }
    }

    /// At an offset at which an event begins, outside of any transaction.
    pub fn resume(format: Format, at: u64) -> Self {
        Self {
            format: Some(format),
            at,
            ..Self::new()
        }
    }

    /// What the file says of itself, once it was read.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// Offset of the next byte to be pushed.
    pub fn position(&self) -> u64 {
        let ahead = self.buffer.len() - self.used;
        self.at.saturating_add(ahead as u64)
    }

    /// Offset up to which whole transactions, and events outside of them, were walked through.
    pub fn settled(&self) -> u64 {
        match (&self.open, &self.ending) {
            (Some(open), _) => open.start,
            (None, Some(ending)) => ending.start,
            (None, None) if self.left > 0 => self.began,
            (None, None) => self.at,
        }
    }

    /// The file has ended: no event follows.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Adds the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next part; `None` while more bytes are needed for one.
    pub fn step(&mut self) -> Result<Option<Part<'_>>, Malformed> {
        if self.left > 0 {
            return Ok(self.rest());
        }
        let ahead = self.buffer.get(self.used..).unwrap_or_default();
        if self.at == 0 {
            return match ahead.split_first_chunk() {
                Some((magic, _)) if *magic == MAGIC => Ok(Some(self.part(MAGIC.len(), None))),
                Some(_) => Err(Malformed("beginning of a binlog file")),
                None => Ok(None),
            };
        }
        if ahead.len() < Header::LENGTH {
            return Ok(None);
        }
        let header = Header::parse(ahead)?;
        let length = usize::try_from(header.length).map_err(|_| Malformed("event length"))?;
        let trailer = self.format.map_or(0, Format::trailer);
        if length < Header::LENGTH + trailer {
            return Err(Malformed("event length"));
        }
        if self.closed {
            return Err(Malformed("event behind the end of its file"));
        }
        let end = self.at.saturating_add(u64::from(header.length));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the header has the lower half"
        )]
        if header.end != end as u32 {
            return Err(Malformed("event position"));
        }
        let whole = event::read_whole(header.kind) && length <= WHOLE;
        if whole && ahead.len() < length {
            return Ok(None);
        }
        let event = match self.format {
            None if whole && header.kind == event::kind::FORMAT => {
                Event::Format(event::format(&ahead[..length])?)
            }
            None => return Err(Malformed("format description")),
            Some(_) if event::read_whole(header.kind) && !whole => Event::Other,
            Some(format) => {
                let known = &ahead[..length.min(ahead.len())];
                event::parse(format, &header, known)?
            }
        };
        if matches!(event, Event::Begin(_))
            && let Some(open) = self.open.take()
        {
            // Its end was not recognised: it was the end of the event before.
            let ends = Some(open.close(self.at));
            return Ok(Some(Part {
                ends,
                ..Part::empty(self.at)
            }));
        }
        self.note(&header, &event, end)?;
        Ok(Some(self.part(length, Some(event))))
    }

    /// What an event means for the walk.
    fn note(&mut self, header: &Header, event: &Event, end: u64) -> Result<(), Malformed> {
        match event {
            Event::Format(format) => self.format = Some(*format),
            Event::Rotate(_) | Event::Stop => self.closed = true,
            Event::Begin(begin) => {
                self.open = Some(Open {
                    start: self.at,
                    begin: *begin,
                });
            }
            _ => {}
        }
        let Some(open) = &self.open else {
            return Ok(());
        };
        if self.closed {
            return Err(Malformed("transaction without an end"));
        }
        let ends = match (open.begin.length, event) {
            (Some(length), _) if end > open.start.saturating_add(length) => {
                return Err(Malformed("length of a transaction"));
            }
            (Some(length), _) => end == open.start.saturating_add(length),
            (None, Event::Begin(_)) => false,
            (None, _) if open.begin.standalone => !event::prelude(header.kind),
            (None, Event::End) => true,
            (None, Event::Query(query)) => query.ends(),
            (None, _) => false,
        };
        if ends {
            self.ending = self.open.take().map(|open| open.close(end));
        }
        Ok(())
    }

    /// The first part of an event of `length` bytes, as far as they are there.
    fn part(&mut self, length: usize, event: Option<Event>) -> Part<'_> {
        self.began = self.at;
        self.left = length as u64;
        let at = self.at;
        let mut part = self.rest().unwrap_or(Part::empty(at));
        part.event = event;
        part
    }

    /// What there is of the present event.
    fn rest(&mut self) -> Option<Part<'_>> {
        let ahead = self.buffer.len() - self.used;
        let count = ahead.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if count == 0 {
            return None;
        }
        let (at, from) = (self.at, self.used);
        self.used += count;
        self.at = self.at.saturating_add(count as u64);
        self.left -= count as u64;
        let ends = match self.left {
            0 => self.ending.take(),
            _ => None,
        };
        Some(Part {
            at,
            bytes: &self.buffer[from..from + count],
            event: None,
            ends,
        })
    }
}

impl Part<'_> {
    fn empty(at: u64) -> Self {
        Self {
            at,
            bytes: &[],
            event: None,
            ends: None,
        }
    }
}

impl Open {
    fn close(self, end: u64) -> Transaction {
        Transaction {
            gtid: self.begin.gtid,
            seconds: self.begin.seconds,
            committed: self.begin.committed,
            start: self.start,
            end,
        }
    }
}
