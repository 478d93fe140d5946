//! Single events.

use super::query::Query;
use crate::cursor::{Cursor, Malformed};
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::{Gtid, GtidSet};

/// Type numbers of events, for both engines but where it says so.
pub(super) mod kind {
    pub(crate) const QUERY: u8 = 2;
    pub(crate) const STOP: u8 = 3;
    pub(crate) const ROTATE: u8 = 4;
    pub(crate) const INTVAR: u8 = 5;
    pub(crate) const RAND: u8 = 13;
    pub(crate) const USER_VAR: u8 = 14;
    pub(crate) const FORMAT: u8 = 15;
    pub(crate) const XID: u8 = 16;
    pub(crate) const TABLE_MAP: u8 = 19;
    pub(crate) const XA_PREPARE: u8 = 38;
    /// MySQL.
    pub(crate) const GTID: u8 = 33;
    pub(crate) const ANONYMOUS: u8 = 34;
    pub(crate) const PREVIOUS_GTIDS: u8 = 35;
    pub(crate) const TAGGED_GTID: u8 = 42;
    /// MariaDB.
    pub(crate) const ANNOTATE: u8 = 160;
    pub(crate) const MARIADB_GTID: u8 = 162;
    pub(crate) const GTID_LIST: u8 = 163;
    pub(crate) const START_ENCRYPTION: u8 = 164;
}

/// What stands in front of every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// When its statement began, in seconds since 1970.
    pub seconds: u32,
    pub kind: u8,
    pub server: u32,
    /// Bytes of the event, this header and its checksum included.
    pub length: u32,
    /// Offset of its end in the file, of which the lower 32 bits are kept.
    pub end: u32,
}

impl Header {
    pub const LENGTH: usize = 19;

    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "event header";
        let mut c = Cursor::new(bytes);
        let header = Self {
            seconds: c.u32(WHAT)?,
            kind: c.u8(WHAT)?,
            server: c.u32(WHAT)?,
            length: c.u32(WHAT)?,
            end: c.u32(WHAT)?,
        };
        c.u16(WHAT)?;
        Ok(header)
    }
}

/// What the first event of a file says about those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub engine: EngineKind,
    /// Each event ends in a CRC-32 of itself.
    pub checksums: bool,
}

impl Format {
    /// Bytes at the end of each event that are not its body.
    pub(super) fn trailer(self) -> usize {
        if self.checksums { CHECKSUM } else { 0 }
    }
}

const CHECKSUM: usize = 4;

/// A transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// `None`: the server gave it no name.
    pub gtid: Option<Gtid>,
    /// When its last statement began, in seconds since 1970.
    pub seconds: u32,
    /// When it was committed, in microseconds since 1970, where the engine notes it (MySQL).
    pub committed: Option<u64>,
    /// Bytes from here to its end, where the engine notes them (MySQL).
    pub(super) length: Option<u64>,
    /// It is one statement without an end mark of its own (MariaDB).
    pub(super) standalone: bool,
}

/// An event, as far as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Format(Format),
    /// Which transactions are in the files before this one.
    Before(GtidSet),
    Begin(Begin),
    Query(Query),
    /// The transaction ends here.
    End,
    /// Nothing comes behind it in this file, and the next file is named.
    Rotate(String),
    /// The server was shut down.
    Stop,
    Other,
}

/// Whether more of an event than its header is needed to read it.
pub(super) fn read_whole(kind: u8) -> bool {
    matches!(
        kind,
        kind::FORMAT
            | kind::QUERY
            | kind::ROTATE
            | kind::GTID
            | kind::ANONYMOUS
            | kind::PREVIOUS_GTIDS
            | kind::MARIADB_GTID
            | kind::GTID_LIST
    )
}

/// The events that come before the statement of a group that is one statement.
pub(super) fn prelude(kind: u8) -> bool {
    matches!(
        kind,
        kind::INTVAR | kind::RAND | kind::USER_VAR | kind::TABLE_MAP | kind::ANNOTATE
    )
}

/// Reads the description of a file: the whole first event.
pub(super) fn format(event: &[u8]) -> Result<Format, Malformed> {
    const WHAT: &str = "format description";
    let mut c = Cursor::new(event);
    c.take(Header::LENGTH, WHAT)?;
    if c.u16(WHAT)? != 4 {
        return Err(Malformed("binlog version"));
    }
    let version = c.take(50, WHAT)?;
    let mariadb = version.windows(7).any(|w| w == b"MariaDB");
    c.u32(WHAT)?;
    if usize::from(c.u8(WHAT)?) != Header::LENGTH {
        return Err(Malformed(WHAT));
    }
    // Lengths of the types' headers, the algorithm, and a checksum that is there in any case.
    let at = c.rest().len().checked_sub(1 + CHECKSUM);
    let algorithm = at.and_then(|at| c.rest().get(at)).ok_or(Malformed(WHAT))?;
    Ok(Format {
        engine: match mariadb {
            true => EngineKind::Mariadb,
            false => EngineKind::Mysql,
        },
        checksums: match algorithm {
            0 => false,
            1 => true,
            _ => return Err(Malformed("checksum algorithm")),
        },
    })
}

/// Reads an event behind the first: all of it where [`read_whole`] says so, else its header will do.
pub(super) fn parse(format: Format, header: &Header, event: &[u8]) -> Result<Event, Malformed> {
    let body = event.len().checked_sub(format.trailer());
    let body = body.and_then(|end| event.get(Header::LENGTH..end));
    let whole = || body.ok_or(Malformed("event"));
    Ok(match (header.kind, format.engine) {
        (kind::FORMAT, _) => return Err(Malformed("second format description")),
        (kind::QUERY, _) => Event::Query(Query::parse(header, whole()?)?),
        (kind::STOP, _) => Event::Stop,
        (kind::ROTATE, _) => {
            let name = whole()?.get(8..).ok_or(Malformed("next file"))?;
            let name = std::str::from_utf8(name).map_err(|_| Malformed("next file"))?;
            Event::Rotate(name.to_owned())
        }
        (kind::XID | kind::XA_PREPARE, _) => Event::End,
        (kind::GTID | kind::ANONYMOUS, EngineKind::Mysql) => {
            Event::Begin(mysql_gtid(header, whole()?)?)
        }
        (kind::TAGGED_GTID, EngineKind::Mysql) => return Err(Malformed("tagged GTID")),
        (kind::PREVIOUS_GTIDS, EngineKind::Mysql) => Event::Before(previous_gtids(whole()?)?),
        (kind::MARIADB_GTID, EngineKind::Mariadb) => Event::Begin(mariadb_gtid(header, whole()?)?),
        (kind::GTID_LIST, EngineKind::Mariadb) => Event::Before(gtid_list(whole()?)?),
        (kind::START_ENCRYPTION, EngineKind::Mariadb) => return Err(Malformed("encrypted binlog")),
        _ => Event::Other,
    })
}

fn mysql_gtid(header: &Header, body: &[u8]) -> Result<Begin, Malformed> {
    const WHAT: &str = "GTID";
    /// The time of the first commit follows, on another server.
    const TWO_TIMES: u64 = 1 << 55;
    let mut c = Cursor::new(body);
    c.u8(WHAT)?;
    let source = c.array(WHAT)?;
    let number = u64::from_le_bytes(c.array(WHAT)?);
    // Kind and numbers of the logical clock.
    c.take(1 + 16, WHAT)?;
    let stamp = |c: &mut Cursor<'_>| {
        let mut bytes = [0; 8];
        bytes[..7].copy_from_slice(c.take(7, WHAT)?);
        Ok(u64::from_le_bytes(bytes))
    };
    let committed = stamp(&mut c)?;
    if committed & TWO_TIMES != 0 {
        stamp(&mut c)?;
    }
    let length = c.lenenc(WHAT)?;
    if length < u64::from(header.length) {
        return Err(Malformed("length of a transaction"));
    }
    if header.kind == kind::GTID && (number == 0 || number > i64::MAX as u64) {
        return Err(Malformed(WHAT));
    }
    Ok(Begin {
        gtid: (header.kind == kind::GTID).then_some(Gtid::Mysql { source, number }),
        seconds: header.seconds,
        committed: Some(committed & !TWO_TIMES),
        length: Some(length),
        standalone: false,
    })
}

fn mariadb_gtid(header: &Header, body: &[u8]) -> Result<Begin, Malformed> {
    const WHAT: &str = "GTID";
    const STANDALONE: u8 = 1;
    let mut c = Cursor::new(body);
    let sequence = u64::from_le_bytes(c.array(WHAT)?);
    let domain = c.u32(WHAT)?;
    Ok(Begin {
        gtid: Some(Gtid::Mariadb {
            domain,
            server: header.server,
            sequence,
        }),
        seconds: header.seconds,
        committed: None,
        length: None,
        standalone: c.u8(WHAT)? & STANDALONE != 0,
    })
}

fn previous_gtids(body: &[u8]) -> Result<GtidSet, Malformed> {
    const WHAT: &str = "previous GTIDs";
    let mut c = Cursor::new(body);
    let u64 = |c: &mut Cursor<'_>| c.array(WHAT).map(u64::from_le_bytes);
    let sources = u64(&mut c)?;
    // The highest byte says in which form the set is; 0 is that without tags.
    if sources >> 56 != 0 {
        return Err(Malformed("tagged GTID"));
    }
    let mut set = GtidSet::empty(EngineKind::Mysql);
    for _ in 0..sources {
        let source = c.array(WHAT)?;
        let mut last = 0;
        for _ in 0..u64(&mut c)? {
            let (from, after) = (u64(&mut c)?, u64(&mut c)?);
            if from <= last || after <= from || after > i64::MAX as u64 {
                return Err(Malformed(WHAT));
            }
            set.insert_interval(source, from, after - 1);
            last = after;
        }
    }
    Ok(set)
}

fn gtid_list(body: &[u8]) -> Result<GtidSet, Malformed> {
    const WHAT: &str = "GTID list";
    /// The highest four bits are flags.
    const COUNT: u32 = (1 << 28) - 1;
    let mut c = Cursor::new(body);
    let mut set = GtidSet::empty(EngineKind::Mariadb);
    for _ in 0..c.u32(WHAT)? & COUNT {
        let (domain, server) = (c.u32(WHAT)?, c.u32(WHAT)?);
        let sequence = u64::from_le_bytes(c.array(WHAT)?);
        set.insert(Gtid::Mariadb {
            domain,
            server,
            sequence,
        });
    }
    Ok(set)
}
