//! Reading binlog files: up to where an engine has committed, and what is in what was read.

use super::malformed;
use super::watch::Watch;
use crate::admin::session::{AdminError, Session};
use crate::instance::{internal, lock};
use jiff::Timestamp;
use offshoot_core::binlog::{Committed, Mark, Piece, Range, Reading, Written, committed};
use offshoot_core::engine::{EngineKind, EngineRef, Version};
use offshoot_core::gtid::GtidSet;
use offshoot_core::port::PortResult;
use offshoot_wire::Malformed;
use offshoot_wire::binlog::{Event, Format, Scanner, Transaction};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The statement's older name is gone since then.
const BINARY_LOG_STATUS_SINCE: Version = Version {
    major: 8,
    minor: 2,
    patch: 0,
};
/// What stands in front of a file's first transaction is shorter: a GTID set of a few hundred
/// servers.
const HEAD: u64 = 1 << 20;
/// Bytes that are walked through at once.
const BLOCK: usize = 1 << 20;

/// The file that the engine writes to, and how much of it is committed: it ends with a whole
/// group of transactions.
pub(super) async fn active(
    session: &mut Session,
    engine: EngineRef,
) -> Result<(String, u64), AdminError> {
    let renamed = engine.kind == EngineKind::Mysql && engine.version >= BINARY_LOG_STATUS_SINCE;
    let sql = match renamed {
        true => "SHOW BINARY LOG STATUS",
        false => "SHOW MASTER STATUS",
    };
    let rows = session.query(sql).await?;
    let found = rows.into_iter().next();
    let found = found.and_then(|mut row| Some((row.take(0)?, row.take(1)?)));
    found.ok_or_else(|| {
        AdminError::Connection(io::Error::other("the engine writes no binlog").into())
    })
}

/// All files, oldest first.
pub(super) async fn files(session: &mut Session) -> Result<Vec<String>, AdminError> {
    let rows = session.query("SHOW BINARY LOGS").await?;
    Ok(rows.into_iter().filter_map(|mut row| row.take(0)).collect())
}

/// Transactions before the first of a file.
pub(super) fn before(path: &Path, kind: EngineKind) -> PortResult<GtidSet> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD).read_to_end(&mut bytes))
        .map_err(internal)?;
    let mut scanner = Scanner::new();
    scanner.push(&bytes);
    loop {
        match scanner.step() {
            Ok(Some(part)) => match part.event {
                Some(Event::Before(set)) => return Ok(set),
                Some(Event::Begin(_)) => return Ok(GtidSet::empty(kind)),
                _ => {}
            },
            Ok(None) => return Ok(GtidSet::empty(kind)),
            Err(error) => return Err(malformed(&path.display().to_string(), error)),
        }
    }
}

/// An engine's files at one moment.
pub(super) struct Source {
    pub(super) data: PathBuf,
    pub(super) files: Vec<String>,
    pub(super) active: String,
    pub(super) end: u64,
    pub(super) kind: EngineKind,
    pub(super) watch: Option<Arc<Watch>>,
    pub(super) inside: Inside,
    pub(super) now: Timestamp,
}

enum Failure {
    Io(io::Error),
    Malformed(Malformed),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        Failure::Malformed(error)
    }
}

impl Source {
    pub(super) fn read(&self, mut mark: Mark, limit: u64) -> PortResult<Reading> {
        loop {
            let Some(at) = self.files.iter().position(|file| *file == mark.file) else {
                return Ok(Reading::Lost(format!(
                    "{} is not there any more",
                    mark.file
                )));
            };
            let active = mark.file == self.active;
            let mut file = File::open(self.data.join(&mark.file)).map_err(internal)?;
            let end = match active {
                true => self.end,
                false => file.metadata().map_err(internal)?.len(),
            };
            if end < mark.offset {
                return Ok(Reading::Lost(format!("{} is another file", mark.file)));
            }
            if end > mark.offset {
                if active {
                    // The engine says how much it has written, not how much it has flushed.
                    file.sync_data().map_err(internal)?;
                }
                return match self.piece(&mut file, &mark, end, limit) {
                    Ok(mut piece) => {
                        if piece.next.offset == end {
                            match active {
                                true => piece.complete_at = Some(self.now),
                                false => piece.next = self.after(at),
                            }
                        }
                        Ok(Reading::Piece(Box::new(piece)))
                    }
                    Err(Failure::Malformed(error)) => {
                        Ok(Reading::Lost(format!("{}: {error}", mark.file)))
                    }
                    Err(Failure::Io(error)) => Err(internal(error)),
                };
            }
            if active {
                return Ok(Reading::Nothing(self.now));
            }
            mark = self.after(at);
        }
    }

    /// The file behind that at `at`, which is not the active one.
    fn after(&self, at: usize) -> Mark {
        Mark::start_of(self.files.get(at + 1).unwrap_or(&self.active).as_str())
    }

    fn piece(&self, file: &mut File, mark: &Mark, end: u64, limit: u64) -> Result<Piece, Failure> {
        let (head, format) = head(file)?;
        let to = end.min(mark.offset.saturating_add(limit.max(1)));
        let written = match &self.watch {
            Some(watch) => {
                // After the engine has said how much there is: this look has all of it.
                watch.look(&mark.file, mark.file == self.active, &file.metadata()?);
                watch.written(&mark.file, mark.settled)
            }
            None => Vec::new(),
        };
        let mut piece = Piece {
            range: Range {
                file: mark.file.clone(),
                from: mark.offset,
                head,
                written: Vec::new(),
                bytes: Vec::new(),
            },
            whole: mark.settled == mark.offset,
            transactions: 0,
            gtids: GtidSet::empty(self.kind),
            first: None,
            last: None,
            next: mark.clone(),
            complete_at: None,
        };
        let mut scanner = self.scanner(file, mark, format)?;
        file.seek(SeekFrom::Start(mark.offset))?;
        let bytes = &mut piece.range.bytes;
        file.take(to - mark.offset).read_to_end(bytes)?;
        scanner.push(bytes);
        while let Some(part) = scanner.step()? {
            if let Some(transaction) = part.ends {
                count(&mut piece, &transaction, &written);
            }
        }
        // A range ends with a whole transaction, unless it holds no end of one.
        let settled = scanner.settled();
        let read = mark.offset + piece.range.bytes.len() as u64;
        let to = match settled > mark.offset && read < end {
            true => settled,
            false => read,
        };
        let length = usize::try_from(to - mark.offset).unwrap_or(usize::MAX);
        piece.range.bytes.truncate(length);
        let until = written.partition_point(|w| w.length < to);
        piece.range.written = written.into_iter().take(until + 1).collect();
        piece.next.offset = to;
        piece.next.settled = settled;
        if settled < to {
            self.inside.keep(&piece.next, scanner);
        }
        Ok(piece)
    }

    /// A scanner at the mark. Inside of a transaction it is the one that came there, or another
    /// that walks there again.
    fn scanner(&self, file: &mut File, mark: &Mark, format: Format) -> Result<Scanner, Failure> {
        if mark.offset == 0 {
            return Ok(Scanner::new());
        }
        if mark.settled < mark.offset
            && let Some(scanner) = self.inside.take(mark)
        {
            return Ok(scanner);
        }
        let mut scanner = match mark.settled {
            0 => Scanner::new(),
            settled => Scanner::resume(format, settled),
        };
        file.seek(SeekFrom::Start(mark.settled))?;
        let mut block = vec![0; BLOCK];
        let mut left = mark.offset - mark.settled;
        while left > 0 {
            let size = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            let Some(block) = block.get_mut(..size) else {
                break;
            };
            file.read_exact(block)?;
            scanner.push(block);
            while scanner.step()?.is_some() {}
            left -= size as u64;
        }
        Ok(scanner)
    }
}

/// What a file begins with, and its description. MySQL takes no relay log that does not say which
/// transactions were before it.
fn head(file: &mut File) -> Result<(Vec<u8>, Format), Failure> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    let mut scanner = Scanner::new();
    scanner.push(&bytes);
    let mut end = 0;
    while let Some(part) = scanner.step()? {
        let behind = usize::try_from(part.at).unwrap_or(usize::MAX) + part.bytes.len();
        match part.event {
            None if end == 0 => end = behind,
            Some(Event::Format(_)) => end = behind,
            Some(Event::Before(_)) => {
                let mysql = scanner
                    .format()
                    .is_some_and(|f| f.engine == EngineKind::Mysql);
                end = if mysql { behind } else { end };
                break;
            }
            _ => break,
        }
    }
    let format = scanner.format().ok_or(Malformed("format description"))?;
    bytes.truncate(end);
    Ok((bytes, format))
}

fn count(piece: &mut Piece, transaction: &Transaction, written: &[Written]) {
    piece.transactions += 1;
    let Some(gtid) = transaction.gtid else { return };
    let at = match transaction.committed {
        Some(micros) => i64::try_from(micros)
            .ok()
            .and_then(|m| Timestamp::from_microsecond(m).ok())
            .unwrap_or(Timestamp::MAX),
        None => committed(written, transaction.start, transaction.seconds),
    };
    piece.gtids.insert(gtid);
    piece.first.get_or_insert(Committed { gtid, at });
    piece.last = Some(Committed { gtid, at });
}

/// The scanner that stopped inside of a large transaction: it would take a walk through all of it to
/// get there again.
#[derive(Clone, Default)]
pub(super) struct Inside(Arc<Mutex<Option<(String, u64, Scanner)>>>);

impl Inside {
    fn keep(&self, mark: &Mark, scanner: Scanner) {
        *lock(&self.0) = Some((mark.file.clone(), mark.offset, scanner));
    }

    fn take(&self, mark: &Mark) -> Option<Scanner> {
        let mut kept = lock(&self.0);
        kept.take_if(|(file, offset, _)| *file == mark.file && *offset == mark.offset)
            .map(|(_, _, scanner)| scanner)
    }
}
