//! Global transaction identifiers: the names by which engines know transactions, and sets of them.
//!
//! MySQL: `uuid:number`, sets `uuid:1-7:9,uuid:1`. MariaDB: `domain-server-sequence`; its sets are
//! positions: the last transaction of each domain, with everything before it.

use crate::engine::EngineKind;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// The name of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gtid {
    Mysql {
        source: Source,
        number: u64,
    },
    Mariadb {
        domain: u32,
        server: u32,
        sequence: u64,
    },
}

impl Gtid {
    /// Reads a name as the engine writes it.
    pub fn parse(kind: EngineKind, text: &str) -> Option<Self> {
        match kind {
            EngineKind::Mysql => {
                let (uuid, n) = text.split_once(':')?;
                Some(Gtid::Mysql {
                    source: read_uuid(uuid)?,
                    number: number(n)?,
                })
            }
            EngineKind::Mariadb => {
                let mut all = BTreeMap::new();
                read_mariadb(&mut all, text)?;
                let (domain, (server, sequence)) = all.pop_first()?;
                Some(Gtid::Mariadb {
                    domain,
                    server,
                    sequence,
                })
            }
        }
    }
}

/// UUID of the server that a MySQL transaction began at.
pub type Source = [u8; 16];

/// A set of transactions, all of one engine kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GtidSet(Members);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Members {
    /// Intervals of each source: sorted, apart from each other, both ends in the set.
    Mysql(BTreeMap<Source, Vec<(u64, u64)>>),
    /// Server and sequence number of the last transaction of each domain.
    Mariadb(BTreeMap<u32, (u32, u64)>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a GTID set of {kind}: it is written {}", form(*.kind))]
pub struct InvalidGtids {
    text: String,
    kind: EngineKind,
}

fn form(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Mysql => "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-57",
        EngineKind::Mariadb => "0-1-57",
    }
}

impl GtidSet {
    pub fn empty(kind: EngineKind) -> Self {
        Self(match kind {
            EngineKind::Mysql => Members::Mysql(BTreeMap::new()),
            EngineKind::Mariadb => Members::Mariadb(BTreeMap::new()),
        })
    }

    /// An empty set of the same engine kind.
    pub fn empty_like(&self) -> Self {
        Self::empty(match self.0 {
            Members::Mysql(_) => EngineKind::Mysql,
            Members::Mariadb(_) => EngineKind::Mariadb,
        })
    }

    /// Reads a set as the engine writes it; white space does not count.
    pub fn parse(kind: EngineKind, text: &str) -> Result<Self, InvalidGtids> {
        let mut set = Self::empty(kind);
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        for part in compact.split(',').filter(|p| !p.is_empty()) {
            let read = match &mut set.0 {
                Members::Mysql(all) => read_mysql(all, part),
                Members::Mariadb(all) => read_mariadb(all, part),
            };
            read.ok_or_else(|| InvalidGtids {
                text: text.to_owned(),
                kind,
            })?;
        }
        Ok(set)
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Members::Mysql(all) => all.is_empty(),
            Members::Mariadb(all) => all.is_empty(),
        }
    }

    pub fn contains(&self, gtid: Gtid) -> bool {
        match (&self.0, gtid) {
            (Members::Mysql(all), Gtid::Mysql { source, number }) => {
                covers(all.get(&source), number, number)
            }
            (
                Members::Mariadb(all),
                Gtid::Mariadb {
                    domain, sequence, ..
                },
            ) => all.get(&domain).is_some_and(|(_, last)| sequence <= *last),
            _ => false,
        }
    }

    /// Everything of `other` is in this set.
    pub fn covers(&self, other: &GtidSet) -> bool {
        match (&self.0, &other.0) {
            (Members::Mysql(all), Members::Mysql(other)) => other.iter().all(|(source, parts)| {
                parts
                    .iter()
                    .all(|(from, to)| covers(all.get(source), *from, *to))
            }),
            (Members::Mariadb(all), Members::Mariadb(other)) => other
                .iter()
                .all(|(domain, (_, last))| all.get(domain).is_some_and(|(_, own)| last <= own)),
            _ => other.is_empty(),
        }
    }

    /// Adds a transaction. One of the other engine kind is not added.
    pub fn insert(&mut self, gtid: Gtid) {
        match (&mut self.0, gtid) {
            (Members::Mysql(all), Gtid::Mysql { source, number }) => {
                add(all.entry(source).or_default(), number, number);
            }
            (
                Members::Mariadb(all),
                Gtid::Mariadb {
                    domain,
                    server,
                    sequence,
                },
            ) => advance(all, domain, server, sequence),
            _ => {}
        }
    }

    /// Adds transactions `from` to `to`, both included, of one MySQL source.
    pub fn insert_interval(&mut self, source: Source, from: u64, to: u64) {
        if let Members::Mysql(all) = &mut self.0
            && from <= to
        {
            add(all.entry(source).or_default(), from, to);
        }
    }

    /// Adds everything of `other`, which is of the same engine kind.
    pub fn extend(&mut self, other: &GtidSet) {
        match (&mut self.0, &other.0) {
            (Members::Mysql(all), Members::Mysql(other)) => {
                for (source, parts) in other {
                    let own = all.entry(*source).or_default();
                    parts.iter().for_each(|(from, to)| add(own, *from, *to));
                }
            }
            (Members::Mariadb(all), Members::Mariadb(other)) => {
                for (domain, (server, last)) in other {
                    advance(all, *domain, *server, *last);
                }
            }
            _ => {}
        }
    }
}

fn covers(parts: Option<&Vec<(u64, u64)>>, from: u64, to: u64) -> bool {
    parts.is_some_and(|parts| {
        let at = parts.partition_point(|(_, end)| *end < from);
        parts.get(at).is_some_and(|(a, b)| *a <= from && to <= *b)
    })
}

/// Adds an interval and joins it with those that it touches.
fn add(parts: &mut Vec<(u64, u64)>, mut from: u64, mut to: u64) {
    let first = parts.partition_point(|(_, end)| end.saturating_add(1) < from);
    let mut after = first;
    while let Some((a, b)) = parts.get(after).filter(|(a, _)| *a <= to.saturating_add(1)) {
        from = from.min(*a);
        to = to.max(*b);
        after += 1;
    }
    parts.splice(first..after, [(from, to)]);
}

fn advance(all: &mut BTreeMap<u32, (u32, u64)>, domain: u32, server: u32, sequence: u64) {
    let last = all.entry(domain).or_insert((server, sequence));
    if last.1 < sequence {
        *last = (server, sequence);
    }
}

fn read_mysql(all: &mut BTreeMap<Source, Vec<(u64, u64)>>, part: &str) -> Option<()> {
    let (uuid, intervals) = part.split_once(':')?;
    let own = all.entry(read_uuid(uuid)?).or_default();
    for interval in intervals.split(':') {
        let (from, to) = match interval.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None => (number(interval)?, number(interval)?),
        };
        if from == 0 || to < from || to > i64::MAX as u64 {
            return None;
        }
        add(own, from, to);
    }
    Some(())
}

fn read_mariadb(all: &mut BTreeMap<u32, (u32, u64)>, part: &str) -> Option<()> {
    let mut fields = part.split('-').map(number);
    let mut next = || fields.next().flatten();
    let domain = u32::try_from(next()?).ok()?;
    let server = u32::try_from(next()?).ok()?;
    let sequence = next()?;
    if fields.next().is_some() {
        return None;
    }
    advance(all, domain, server, sequence);
    Some(())
}

/// Digits only: `parse` would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn read_uuid(text: &str) -> Option<Source> {
    let dashes = [8, 13, 18, 23];
    let ok = text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| match dashes.contains(&i) {
                true => b == b'-',
                false => b.is_ascii_hexdigit(),
            });
    if !ok {
        return None;
    }
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(uuid)
}

fn write_uuid(f: &mut fmt::Formatter<'_>, uuid: &Source) -> fmt::Result {
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            f.write_char('-')?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gtid::Mysql { source, number } => {
                write_uuid(f, source)?;
                write!(f, ":{number}")
            }
            Gtid::Mariadb {
                domain,
                server,
                sequence,
            } => write!(f, "{domain}-{server}-{sequence}"),
        }
    }
}

/// As the engine reads it.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Members::Mysql(all) => {
                for (n, (source, parts)) in all.iter().enumerate() {
                    if n > 0 {
                        f.write_char(',')?;
                    }
                    write_uuid(f, source)?;
                    for (from, to) in parts {
                        match from == to {
                            true => write!(f, ":{from}")?,
                            false => write!(f, ":{from}-{to}")?,
                        }
                    }
                }
            }
            Members::Mariadb(all) => {
                for (n, (domain, (server, last))) in all.iter().enumerate() {
                    if n > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{domain}-{server}-{last}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn mysql(text: &str) -> GtidSet {
        GtidSet::parse(EngineKind::Mysql, text).unwrap()
    }

    fn mariadb(text: &str) -> GtidSet {
        GtidSet::parse(EngineKind::Mariadb, text).unwrap()
    }

    #[test]
    fn sets_are_written_in_one_way() {
        let read = mysql(&format!("{B}:1,\n {}:7-9:1-3:4", A.to_uppercase()));
        assert_eq!(read.to_string(), format!("{A}:1-4:7-9,{B}:1"));
        assert_eq!(mariadb("1-2-3, 0-1-9,0-7-5").to_string(), "0-1-9,1-2-3");
        for kind in EngineKind::ALL {
            assert_eq!(GtidSet::parse(kind, " ").unwrap().to_string(), "");
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in [
            "x",
            "0-1-57",
            A,
            &format!("{A}:"),
            &format!("{A}:0"),
            &format!("{A}:3-2"),
            &format!("{A}:+3"),
            &format!("{A}:tag:1"),
            &format!("{A}:1-99999999999999999999"),
            "3e11fa47-71ca-11e1-9e33-c80aa942956é:1",
        ] {
            assert!(GtidSet::parse(EngineKind::Mysql, bad).is_err(), "{bad}");
        }
        for bad in [
            "x",
            "0-1",
            "0-1-2-3",
            "5000000000-1-1",
            "0-1--2",
            &format!("{A}:1"),
        ] {
            assert!(GtidSet::parse(EngineKind::Mariadb, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for (kind, text) in [
            (EngineKind::Mysql, format!("{A}:57")),
            (EngineKind::Mariadb, "1-2-3".to_owned()),
        ] {
            assert_eq!(Gtid::parse(kind, &text).unwrap().to_string(), text);
        }
        assert_eq!(Gtid::parse(EngineKind::Mysql, &format!("{A}:1-2")), None);
        assert_eq!(Gtid::parse(EngineKind::Mariadb, "1-2"), None);
    }

    #[test]
    fn membership() {
        let set = mysql(&format!("{A}:1-4:7"));
        for (part, inside) in [
            (format!("{A}:2-4"), true),
            (format!("{A}:7"), true),
            (format!("{A}:4-7"), false),
            (format!("{A}:5"), false),
            (format!("{B}:1"), false),
            (String::new(), true),
        ] {
            assert_eq!(set.covers(&mysql(&part)), inside, "{part}");
        }
        let set = mariadb("0-1-9");
        for (part, inside) in [
            ("0-2-9", true),
            ("0-1-10", false),
            ("1-1-1", false),
            ("", true),
        ] {
            assert_eq!(set.covers(&mariadb(part)), inside, "{part}");
        }
        assert!(!set.covers(&mysql(&format!("{A}:1"))));
    }

    #[test]
    fn sets_grow() {
        let mut set = mysql(&format!("{A}:1-2:6"));
        for number in [4, 3, 5] {
            set.insert(Gtid::Mysql {
                source: read_uuid(A).unwrap(),
                number,
            });
        }
        set.extend(&mysql(&format!("{B}:9")));
        assert_eq!(set.to_string(), format!("{A}:1-6,{B}:9"));
        let mut set = mariadb("0-1-9");
        set.extend(&mariadb("0-2-7,3-1-1"));
        set.insert(Gtid::Mariadb {
            domain: 0,
            server: 5,
            sequence: 10,
        });
        assert_eq!(set.to_string(), "0-5-10,3-1-1");
    }
}
