//! Time zones for an engine: the compiled zones of `/usr/share/zoneinfo` (TZif) as statements that
//! fill the five tables `mysql.time_zone*`, the same for every engine.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Directories with the same zones in another counting, which engines do not want.
const OTHER_COUNTING: [&str; 2] = ["posix", "right"];
/// Files that are aliases of the machine or of a rule, not names of zones.
const NO_NAMES: [&str; 3] = ["localtime", "posixrules", "Factory"];
/// Engines convert from 1970 on; rules that go on for ever are written out up to here, as far as
/// the packaged zones of the engines themselves reach (2037-12-31T23:59:59Z).
const LAST: i64 = 2_145_916_799;
/// The engines refuse zones with more (`TZ_MAX_TIMES` 370, `TZ_MAX_TYPES` 20 in their sources).
const TRANSITIONS_MAX: usize = 360;
const TYPES_MAX: usize = 20;
/// A bootstrapping engine reads statements and lines of at most 20,000 bytes.
const STATEMENT_MAX: usize = 16_000;
/// A zone file is 1 to 4 KiB.
const FILE_MAX: u64 = 1 << 20;

/// A zone: changes of type at Unix seconds, and the types. Type 0 holds before the first change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    pub transitions: Vec<(i64, usize)>,
    pub types: Vec<Type>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// Seconds east of UTC.
    pub offset: i32,
    pub dst: bool,
    pub abbreviation: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    #[error("time zones in {path} cannot be read: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} holds no time zones")]
    Empty { path: PathBuf },
}

/// Reads one TZif file (version 1 to 4, footer included). `None` when it is not one.
pub fn parse(name: &str, bytes: &[u8]) -> Option<Zone> {
    let tz = TimeZone::tzif(name, bytes).ok()?;
    let mut zone = Zone {
        transitions: Vec::new(),
        types: Vec::new(),
    };
    let first = Timestamp::MIN;
    let info = tz.to_offset_info(first);
    zone.type_of(
        info.offset().seconds(),
        info.dst().is_dst(),
        info.abbreviation(),
    );
    // Of the past before 1970 only the state at its end counts.
    let before = tz.preceding(Timestamp::UNIX_EPOCH).next();
    let after = tz
        .following(Timestamp::UNIX_EPOCH)
        .take_while(|t| t.timestamp().as_second() <= LAST);
    for change in before.into_iter().chain(after).take(TRANSITIONS_MAX) {
        let kind = zone.type_of(
            change.offset().seconds(),
            change.dst().is_dst(),
            change.abbreviation(),
        );
        zone.transitions
            .push((change.timestamp().as_second(), kind));
    }
    // A change at the epoch itself is neither before nor after it.
    let epoch = tz.to_offset_info(Timestamp::UNIX_EPOCH);
    let kind = zone.type_of(
        epoch.offset().seconds(),
        epoch.dst().is_dst(),
        epoch.abbreviation(),
    );
    let place = zone.transitions.partition_point(|(at, _)| *at < 0);
    let state = place.checked_sub(1).map_or(0, |i| zone.transitions[i].1);
    if state != kind {
        zone.transitions.insert(place, (0, kind));
    }
    (zone.types.len() <= TYPES_MAX).then_some(zone)
}

impl Zone {
    fn type_of(&mut self, offset: i32, dst: bool, abbreviation: &str) -> usize {
        let this = Type {
            offset,
            dst,
            // The column has 8 characters.
            abbreviation: abbreviation.chars().filter(|c| plain(*c)).take(8).collect(),
        };
        self.types
            .iter()
            .position(|t| *t == this)
            .unwrap_or_else(|| {
                self.types.push(this);
                self.types.len() - 1
            })
    }
}

/// Every zone below `directory`, by name, sorted.
pub fn read(directory: &Path) -> Result<Vec<(String, Zone)>, ZoneError> {
    let mut zones = Vec::new();
    let mut waiting = vec![(directory.to_owned(), String::new())];
    while let Some((path, prefix)) = waiting.pop() {
        let failed = |source| ZoneError::Read {
            path: path.clone(),
            source,
        };
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let file = entry.file_name();
            let Some(file) = file.to_str().filter(|n| n.chars().all(plain)) else {
                continue;
            };
            let name = format!("{prefix}{file}");
            if entry.file_type().map_err(failed)?.is_dir() {
                if !OTHER_COUNTING.contains(&name.as_str()) {
                    waiting.push((entry.path(), format!("{name}/")));
                }
                continue;
            }
            // Follows links: names are often links to the zone they are another name of.
            let whole =
                std::fs::metadata(entry.path()).is_ok_and(|m| m.is_file() && m.len() < FILE_MAX);
            if !whole || NO_NAMES.contains(&name.as_str()) {
                continue;
            }
            let bytes = std::fs::read(entry.path()).map_err(failed)?;
            if let Some(zone) = parse(&name, &bytes) {
                zones.push((name, zone));
            }
        }
    }
    if zones.is_empty() {
        return Err(ZoneError::Empty {
            path: directory.to_owned(),
        });
    }
    zones.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(zones)
}

/// Statements that fill the tables, each on a line of its own and ended by `;`. Names of the same
/// zone share one id.
pub fn statements(zones: &[(String, Zone)]) -> String {
    let mut ids: HashMap<&Zone, usize> = HashMap::new();
    let (mut zone, mut name, mut transition, mut kind) = (
        Insert::new("time_zone (Time_zone_id, Use_leap_seconds)"),
        Insert::new("time_zone_name (Name, Time_zone_id)"),
        Insert::new("time_zone_transition (Time_zone_id, Transition_time, Transition_type_id)"),
        Insert::new(
            "time_zone_transition_type (Time_zone_id, Transition_type_id, `Offset`, Is_DST, Abbreviation)",
        ),
    );
    for (text, this) in zones {
        let next = ids.len() + 1;
        let id = *ids.entry(this).or_insert(next);
        name.row(&format!("('{text}',{id})"));
        if id != next {
            continue;
        }
        zone.row(&format!("({id},'N')"));
        for (at, n) in &this.transitions {
            transition.row(&format!("({id},{at},{n})"));
        }
        for (n, t) in this.types.iter().enumerate() {
            kind.row(&format!(
                "({id},{n},{},{},'{}')",
                t.offset,
                u8::from(t.dst),
                t.abbreviation
            ));
        }
    }
    [zone, name, transition, kind]
        .into_iter()
        .map(Insert::done)
        .collect()
}

/// Rows of one table in statements below the limit.
struct Insert {
    head: String,
    open: String,
    done: String,
}

impl Insert {
    fn new(table: &str) -> Self {
        Self {
            head: format!("INSERT INTO mysql.{table} VALUES "),
            open: String::new(),
            done: String::new(),
        }
    }

    fn row(&mut self, row: &str) {
        if self.head.len() + self.open.len() + row.len() + 2 > STATEMENT_MAX {
            self.flush();
        }
        if !self.open.is_empty() {
            self.open.push(',');
        }
        self.open.push_str(row);
    }

    fn flush(&mut self) {
        if !self.open.is_empty() {
            writeln!(self.done, "{}{};", self.head, self.open).expect("writing to a string");
            self.open.clear();
        }
    }

    fn done(mut self) -> String {
        self.flush();
        self.done
    }
}

/// Characters of zone names and abbreviations: nothing that has to be quoted.
fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version 2 file: empty version 1 block, then one transition at `at` from type 0 to type 1.
    fn tzif(at: i64, types: [(i32, u8, &str); 2], footer: &str) -> Vec<u8> {
        let header = |times: u32, kinds: u32, chars: u32| {
            let mut h = b"TZif2".to_vec();
            h.extend([0; 15]);
            for n in [0, 0, 0, times, kinds, chars] {
                h.extend(n.to_be_bytes());
            }
            h
        };
        let names: String = types.iter().map(|t| format!("{}\0", t.2)).collect();
        let mut bytes = header(0, 1, 1);
        bytes.extend([0; 7]);
        bytes.extend(header(1, 2, u32::try_from(names.len()).unwrap()));
        bytes.extend(at.to_be_bytes());
        bytes.push(1);
        let mut start = 0u8;
        for (offset, dst, name) in types {
            bytes.extend(offset.to_be_bytes());
            bytes.extend([dst, start]);
            start += u8::try_from(name.len() + 1).unwrap();
        }
        bytes.extend(names.as_bytes());
        bytes.extend(format!("\n{footer}\n").as_bytes());
        bytes
    }

    #[test]
    fn a_rule_without_end_is_written_out() {
        let bytes = tzif(
            -1_693_706_400,
            [(3208, 0, "LMT"), (3600, 0, "CET")],
            "CET-1CEST,M3.5.0,M10.5.0/3",
        );
        let zone = parse("Europe/Berlin", &bytes).unwrap();
        assert_eq!(zone.types[0].abbreviation, "LMT");
        // Two changes a year; the last is that of October 2037.
        assert_eq!(zone.transitions.last().unwrap().0, 2_140_045_200);
        assert!(zone.transitions.len() > 2 * 67 && zone.transitions.len() <= TRANSITIONS_MAX);
        let summer = zone
            .transitions
            .iter()
            .find(|t| t.0 == 1_774_746_000)
            .unwrap();
        assert_eq!(
            (zone.types[summer.1].offset, zone.types[summer.1].dst),
            (7200, true)
        );
    }

    #[test]
    fn a_zone_without_rules_has_no_changes_after_the_last() {
        let bytes = tzif(0, [(0, 0, "LMT"), (19_800, 0, "IST")], "IST-5:30");
        let zone = parse("Asia/Kolkata", &bytes).unwrap();
        assert_eq!(zone.transitions, [(0, 1)]);
    }

    #[test]
    fn what_is_not_a_zone_is_none() {
        for bytes in [&b""[..], b"TZif", b"# tab", &[0xff; 64]] {
            assert_eq!(parse("x", bytes), None);
        }
        let whole = tzif(0, [(0, 0, "LMT"), (60, 0, "X")], "<X>0");
        for end in 0..whole.len() {
            let _ = parse("x", &whole[..end]);
        }
    }

    #[test]
    fn statements_stay_below_what_a_bootstrapping_engine_reads() {
        let zone = |n: i32| Zone {
            transitions: (0..300).map(|t| (t, 0)).collect(),
            types: vec![Type {
                offset: n,
                dst: false,
                abbreviation: "A".into(),
            }],
        };
        let mut zones: Vec<_> = (0..30).map(|n| (format!("Z/{n}"), zone(n))).collect();
        zones.push(("Also/3".into(), zone(3)));
        let sql = statements(&zones);
        assert!(
            sql.lines()
                .all(|l| l.len() <= STATEMENT_MAX && l.ends_with(';'))
        );
        assert!(sql.contains("('Also/3',4)"));
        assert_eq!(sql.matches("'N'").count(), 30);
    }
}
