//! Binlogs as they are archived: ranges of files, what is in them, and up to where they are replayed.

use crate::engine::EngineRef;
use crate::gtid::{Gtid, GtidSet};
use crate::id::{BranchId, HistoryId, VolumeId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod range;

pub use range::{NotARange, Range};

/// Where reading of an engine's binlog goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub file: String,
    /// Bytes of the file that were read.
    pub offset: u64,
    /// Bytes of it up to which transactions are whole: less than `offset` inside of a large one.
    pub settled: u64,
}

impl Mark {
    pub fn start_of(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            offset: 0,
            settled: 0,
        }
    }
}

/// A moment at which a binlog file had just been written to, and its length then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub length: u64,
    pub at: Timestamp,
    /// Every write since the moment before was seen as it happened.
    pub seen: bool,
}

/// The name of a transaction, and when it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    pub gtid: Gtid,
    pub at: Timestamp,
}

/// When a transaction that begins at `start` was committed, for an engine that notes only the second
/// in which its last statement began: when the file was written to, where that was seen, else the
/// end of that second.
pub fn committed(written: &[Written], start: u64, seconds: u32) -> Timestamp {
    let second = Timestamp::from_second(i64::from(seconds)).unwrap_or(Timestamp::MAX);
    let end = second
        .checked_add(jiff::SignedDuration::from_micros(999_999))
        .unwrap_or(Timestamp::MAX);
    // Transactions are written whole, one group at a time: the first length beyond its beginning has it.
    let at = written.partition_point(|w| w.length <= start);
    match written.get(at) {
        Some(w) if w.seen => w.at,
        Some(w) => w.at.min(end),
        None => end,
    }
}

/// A range of a binlog file that was read, with what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub range: Range,
    /// It begins outside of any transaction.
    pub whole: bool,
    /// Transactions that end in it: how many, which, the first and the last.
    pub transactions: u64,
    pub gtids: GtidSet,
    pub first: Option<Committed>,
    pub last: Option<Committed>,
    pub next: Mark,
    /// It goes to the end of what the engine had committed: everything from before this moment has been
    /// read with it. A busy engine has more by then.
    pub complete_at: Option<Timestamp>,
}

/// What an engine's binlog has beyond a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Piece(Box<Piece>),
    /// Nothing: everything that was committed before this moment has been read.
    Nothing(Timestamp),
    /// It cannot be read from there on: why, for the log.
    Lost(String),
}

/// A beginning from which on a binlog can be read without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    pub mark: Mark,
    /// Transactions before it.
    pub before: GtidSet,
}

/// A moment in a branch's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// With everything that was committed at this time or before.
    Time(Timestamp),
    /// With exactly these transactions.
    Gtids(GtidSet),
}

/// An unbroken stretch of a production branch's history, archived segment by segment. Another volume, and a
/// time without a binlog, begin another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    pub id: HistoryId,
    pub branch: BranchId,
    pub volume: VolumeId,
    pub engine: EngineRef,
    /// Transactions before the first segment that is kept.
    pub before: GtidSet,
    /// Transactions up to the end of the last segment.
    pub archived: GtidSet,
    /// Where the archive goes on.
    pub mark: Mark,
    /// Number of the next segment.
    pub next: u64,
    pub started_at: Timestamp,
    /// Everything that was committed before this time is archived.
    pub complete_at: Timestamp,
    /// Nothing is added any more.
    pub ended_at: Option<Timestamp>,
}

/// An archived range of a binlog file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub history: HistoryId,
    pub number: u64,
    pub file: String,
    pub from: u64,
    pub to: u64,
    /// It begins outside of any transaction.
    pub whole: bool,
    /// Transactions that end in it: how many, which, the first and the last.
    pub transactions: u64,
    pub gtids: GtidSet,
    pub first: Option<Committed>,
    pub last: Option<Committed>,
    /// Name of the object in the vault, and SHA-256 (hexadecimal) of its content.
    pub object: String,
    pub checksum: String,
    pub archived_at: Timestamp,
}

/// Between which moments a branch can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub transactions: u64,
    pub last: Option<Committed>,
    /// Everything that the engine's data has now.
    pub gtids: GtidSet,
    /// Name of the file with the last transaction, and where in it that ends.
    pub file: String,
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap()
    }

    #[test]
    fn a_commit_is_as_exact_as_it_was_seen() {
        let written = [
            (100, 10_000, false),
            (200, 60_000, true),
            (300, 3_000_000, false),
            (400, 9_000_000, true),
        ]
        .map(|(length, micros, seen)| Written {
            length,
            at: at(micros),
            seen,
        });
        for (start, seconds, expected) in [
            (0, 0, 10_000),
            (100, 0, 60_000),
            (150, 0, 60_000),
            // Not seen, and written later than its second: nobody knows when.
            (200, 0, 999_999),
            (200, 3, 3_000_000),
            // A statement that took long.
            (300, 2, 9_000_000),
            (400, 9, 9_999_999),
        ] {
            let seconds = 1_700_000_000 + seconds;
            assert_eq!(committed(&written, start, seconds), at(expected), "{start}");
        }
        assert_eq!(committed(&[], 5, 1_700_000_000), at(999_999));
    }
}
