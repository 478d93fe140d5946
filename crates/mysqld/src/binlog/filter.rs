//! What of an archived binlog an engine is given: from what its data has up to the wanted moment,
//! put into files that it applies as a relay log.

use super::applier::relay_file;
use super::malformed;
use crate::VolumeDir;
use crate::instance::internal;
use jiff::Timestamp;
use offshoot_core::binlog::{Committed, Range, Replayed, Until, Written, committed};
use offshoot_core::gtid::{Gtid, GtidSet};
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use offshoot_wire::binlog::{Begin, Event, Part, Query, Scanner, Transaction};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::fchown;

/// A batch is applied when it has this many bytes: it takes as much room beside the data.
const BATCH: u64 = 256 << 20;

/// Walks through ranges. Blocking; a step ends where the engine has something to do.
pub(super) struct Filter {
    volume: VolumeDir,
    from: GtidSet,
    until: Until,
    /// What the engine has applied, in an earlier call as well.
    pub(super) applied: GtidSet,
    scanner: Scanner,
    /// Of the present range.
    head: Vec<u8>,
    written: Vec<Written>,
    doing: Doing,
    batch: Option<Batch>,
    /// To be done after the batch.
    aside: Option<Aside>,
    over: bool,
    replayed: Replayed,
}

enum Doing {
    Nothing,
    /// The data has it.
    Skip,
    /// The engine has applied it.
    Count,
    /// It goes into the batch, in which it begins at `start`.
    Write {
        start: u64,
    },
    /// It goes to the engine by itself.
    Aside(Box<Query>),
}

/// Transactions in a relay log.
pub(super) struct Batch {
    file: BufWriter<File>,
    length: u64,
    pub(super) gtids: GtidSet,
}

/// A definition of an event. A replica switches events off as it applies them, so the engine gets
/// these as its own.
pub(super) struct Aside {
    pub(super) query: Box<Query>,
    pub(super) gtid: Gtid,
}

pub(super) enum Next {
    /// More is needed.
    Range,
    Apply(Batch),
    Define(Aside),
    /// The moment is reached.
    Over,
}

impl Filter {
    pub(super) fn new(volume: VolumeDir, from: GtidSet, until: Until, applied: GtidSet) -> Self {
        Self {
            replayed: Replayed {
                transactions: 0,
                last: None,
                gtids: from.clone(),
                file: String::new(),
                offset: 0,
            },
            volume,
            from,
            until,
            applied,
            scanner: Scanner::new(),
            head: Vec::new(),
            written: Vec::new(),
            doing: Doing::Nothing,
            batch: None,
            aside: None,
            over: false,
        }
    }

    /// Adds the next range.
    pub(super) fn take(&mut self, range: Range) -> PortResult<()> {
        let first = self.replayed.file.is_empty();
        if range.file == self.replayed.file {
            if range.from != self.scanner.position() {
                return Err(gap(&range));
            }
        } else {
            if range.from != 0 && !first {
                return Err(gap(&range));
            }
            // What a crash of the server cut short was never committed.
            self.forget()?;
            self.scanner = match range.from {
                0 => Scanner::new(),
                from => {
                    let mut scanner = Scanner::new();
                    scanner.push(&range.head);
                    let wrong = |error| malformed(&range.file, error);
                    while scanner.step().map_err(wrong)?.is_some() {}
                    let format = scanner.format().ok_or_else(|| gap(&range))?;
                    Scanner::resume(format, from)
                }
            };
            self.replayed.file = range.file;
        }
        self.scanner.push(&range.bytes);
        self.head = range.head;
        self.written = range.written;
        Ok(())
    }

    /// Goes on until something is to be done.
    pub(super) fn advance(&mut self) -> PortResult<Next> {
        if let Some(batch) = self.ripe() {
            return Ok(Next::Apply(batch));
        }
        if let Some(aside) = self.aside.take() {
            return Ok(Next::Define(aside));
        }
        while !self.over {
            // Taken out so that a part may borrow from it.
            let mut scanner = std::mem::take(&mut self.scanner);
            let step = match scanner.step() {
                Ok(Some(part)) => self.part(&part).map(|()| true),
                Ok(None) => Ok(false),
                Err(error) => Err(malformed(&self.replayed.file, error)),
            };
            self.scanner = scanner;
            if !step? {
                return Ok(Next::Range);
            }
            if let Some(batch) = self.ripe() {
                return Ok(Next::Apply(batch));
            }
            if let Some(aside) = self.aside.take() {
                return Ok(Next::Define(aside));
            }
        }
        Ok(Next::Over)
    }

    /// There are no more ranges. The last batch, where there is one.
    pub(super) fn finish(&mut self) -> PortResult<Option<Batch>> {
        self.forget()?;
        self.over = true;
        Ok(self.ripe())
    }

    /// What came of it.
    pub(super) fn replayed(self) -> PortResult<Replayed> {
        if let Until::Gtids(wanted) = &self.until
            && *wanted != self.replayed.gtids
        {
            return Err(PortError::fatal(
                Refusal::unprocessable(format!(
                    "\"{wanted}\" is no moment of this branch's history: nearest to it is \"{}\"",
                    self.replayed.gtids
                ))
                .code(code::RESTORE_POINT)
                .hint("a GTID set names every transaction up to the moment, from the first on"),
            ));
        }
        Ok(self.replayed)
    }

    /// The batch, when it is to be applied now.
    fn ripe(&mut self) -> Option<Batch> {
        let between = matches!(self.doing, Doing::Nothing);
        let large = self.batch.as_ref().is_some_and(|b| b.length >= BATCH);
        let ripe = between && (large || self.over || self.aside.is_some());
        self.batch.take_if(|_| ripe)
    }

    fn part(&mut self, part: &Part<'_>) -> PortResult<()> {
        match &part.event {
            Some(Event::Format(_)) => {}
            Some(Event::Begin(begin)) => self.begin(begin, part.at)?,
            Some(Event::Query(query)) if query.defines_event() => {
                if matches!(self.doing, Doing::Write { .. }) {
                    self.forget()?;
                    self.doing = Doing::Aside(Box::new(query.clone()));
                }
            }
            _ => {}
        }
        if let (Doing::Write { .. }, Some(batch)) = (&self.doing, &mut self.batch) {
            batch.write(part.bytes)?;
        }
        if let Some(transaction) = &part.ends {
            self.end(transaction);
        }
        Ok(())
    }

    fn begin(&mut self, begin: &Begin, at: u64) -> PortResult<()> {
        let Some(gtid) = begin.gtid else {
            return Err(PortError::fatal(Refusal::unprocessable(
                "the branch's binlog has a transaction without a GTID: it cannot be replayed",
            )));
        };
        if self.from.contains(gtid) {
            self.doing = Doing::Skip;
            return Ok(());
        }
        let beyond = match &self.until {
            Until::Time(time) => self.time(begin.committed, at, begin.seconds) > *time,
            Until::Gtids(set) => !set.contains(gtid),
        };
        if beyond {
            self.over = true;
            self.doing = Doing::Nothing;
        } else if self.applied.contains(gtid) {
            self.doing = Doing::Count;
        } else {
            let batch = match &mut self.batch {
                Some(batch) => batch,
                none => none.insert(Batch::create(&self.volume, &self.head, &self.from)?),
            };
            self.doing = Doing::Write {
                start: batch.length,
            };
        }
        Ok(())
    }

    fn end(&mut self, transaction: &Transaction) {
        let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        let Some(gtid) = transaction.gtid else { return };
        match doing {
            Doing::Nothing | Doing::Skip => return,
            Doing::Count => {}
            Doing::Write { .. } => {
                self.applied.insert(gtid);
                if let Some(batch) = &mut self.batch {
                    batch.gtids.insert(gtid);
                }
            }
            Doing::Aside(query) => {
                self.applied.insert(gtid);
                self.aside = Some(Aside { query, gtid });
            }
        }
        self.replayed.transactions += 1;
        self.replayed.last = Some(Committed {
            gtid,
            at: self.time(
                transaction.committed,
                transaction.start,
                transaction.seconds,
            ),
        });
        self.replayed.gtids.insert(gtid);
        self.replayed.offset = transaction.end;
    }

    fn time(&self, noted: Option<u64>, start: u64, seconds: u32) -> Timestamp {
        match noted {
            Some(micros) => i64::try_from(micros)
                .ok()
                .and_then(|micros| Timestamp::from_microsecond(micros).ok())
                .unwrap_or(Timestamp::MAX),
            None => committed(&self.written, start, seconds),
        }
    }

    /// Takes an unfinished transaction out of the batch again.
    fn forget(&mut self) -> PortResult<()> {
        let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        let (Doing::Write { start }, Some(batch)) = (doing, &mut self.batch) else {
            return Ok(());
        };
        if batch.gtids.is_empty() {
            self.batch = None;
            return Ok(());
        }
        batch.cut(start)
    }
}

impl Batch {
    fn create(volume: &VolumeDir, head: &[u8], like: &GtidSet) -> PortResult<Self> {
        let path = volume.path.join("data").join(relay_file());
        let file = File::create(path).map_err(unwritten)?;
        if let Some(owner) = volume.owner {
            fchown(&file, Some(owner.uid), Some(owner.gid)).map_err(unwritten)?;
        }
        let mut batch = Self {
            file: BufWriter::new(file),
            length: 0,
            gtids: like.empty_like(),
        };
        batch.write(head)?;
        Ok(batch)
    }

    fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.file.write_all(bytes).map_err(unwritten)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn cut(&mut self, length: u64) -> PortResult<()> {
        use std::io::Seek;
        self.file
            .seek(io::SeekFrom::Start(length))
            .map_err(unwritten)?;
        self.file.get_ref().set_len(length).map_err(unwritten)?;
        self.length = length;
        Ok(())
    }

    /// All of it is in its file.
    pub(super) fn close(self) -> PortResult<GtidSet> {
        match self.file.into_inner() {
            Ok(_) => Ok(self.gtids),
            Err(error) => Err(unwritten(error.into_error())),
        }
    }
}

fn gap(range: &Range) -> PortError {
    PortError::fatal(
        Refusal::unprocessable(format!(
            "the binlog archive has a gap before {} at {}",
            range.file, range.from
        ))
        .code(code::RESTORE_POINT),
    )
}

fn unwritten(error: io::Error) -> PortError {
    if error.kind() == io::ErrorKind::StorageFull {
        let refusal = Refusal::unavailable("the pool has no room for the branch's history");
        return PortError::retry(
            refusal
                .code(code::DISK_FULL)
                .hint("make room in the pool")
                .cause(error),
        );
    }
    internal(error)
}
