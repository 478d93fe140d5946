//! MariaDB's definition files, which tell what there is and whether it changed without opening a
//! table: `schema/table.frm` (tables, views, sequences), `schema/table.TRG` (all triggers of a
//! table), `schema/trigger.TRN` (the table of a trigger). Names in here are file names, as the
//! engine encodes them.

use offshoot_core::id::InstanceId;
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Instances whose files are remembered. Forgetting one costs reading its files' heads again.
const KNOWN_INSTANCES: usize = 64;
/// A directory that changed within this time (ns) may be in the middle of a rename: the coarsest
/// time stamps move every 4 ms, and the two renames of an ALTER lie closer together than the rest.
const CALM: i64 = 12_000_000;
/// How often, and at what distance, a directory in motion is looked at again; after [`PATIENCE`]
/// times a change just before the look is no hindrance any more.
const ATTEMPTS: u32 = 200;
const PATIENCE: u32 = 5;
const PAUSE: Duration = Duration::from_millis(4);
/// A file's head: where its kind, or a trigger's table, stands.
const HEAD: u64 = 1024;

/// A file as it was when its head was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
}

impl FileStamp {
    pub(super) fn text(&self) -> String {
        format!("{:x}/{:x}/{:x}", self.inode, self.modified, self.size)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Table,
    View,
    Sequence,
    /// With the file name of its table.
    Trigger(String),
}

/// One definition file.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) head: Head,
    pub(super) stamp: FileStamp,
}

pub(super) type Heads = HashMap<String, (FileStamp, Head)>;

/// What was read of files before, by instance: a stat tells that it holds still.
#[derive(Debug, Default)]
pub(super) struct KnownFiles {
    instances: Mutex<HashMap<InstanceId, Arc<Mutex<Heads>>>>,
}

impl KnownFiles {
    pub(super) fn of(&self, instance: InstanceId) -> Arc<Mutex<Heads>> {
        let mut all = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KNOWN_INSTANCES && !all.contains_key(&instance) {
            all.clear();
        }
        all.entry(instance).or_default().clone()
    }
}

/// All definition files below `data_dir` but those of `without` (the engine's own schemas), and the
/// stamps of `.TRG` files by `schema/table`. `now`: nanoseconds since 1970. Blocks.
pub(super) fn scan(
    data_dir: &Path,
    without: &[&str],
    known: &Mutex<Heads>,
    mut now: i64,
) -> io::Result<(Vec<Found>, HashMap<String, FileStamp>)> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = Scan::default();
    for entry in fs::read_dir(data_dir)? {
        let entry = entry?;
        let Ok(schema) = entry.file_name().into_string() else {
            continue;
        };
        let other = schema.starts_with('#') || without.contains(&schema.as_str());
        if other || !entry.file_type()?.is_dir() {
            continue;
        }
        let mut attempt = 0;
        loop {
            let mut one = Scan::default();
            let rest = one.schema(&entry.path(), &schema, &known, now)?;
            // Where DDL never pauses, a scan that no change fell into must do.
            if rest == Motion::Still || rest == Motion::Recent && attempt > PATIENCE {
                all.join(one);
                break;
            }
            if attempt == ATTEMPTS {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "a schema changes all the time",
                ));
            }
            attempt += 1;
            std::thread::sleep(PAUSE);
            now += i64::try_from(PAUSE.as_nanos()).unwrap_or_default();
        }
    }
    *known = all.heads;
    Ok((all.found, all.triggers))
}

/// Whether a directory changed while it was looked at: a table that is being renamed is missed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Motion {
    Still,
    /// It did not, as far as time stamps tell: it changed just before.
    Recent,
    Moving,
}

#[derive(Default)]
struct Scan {
    heads: Heads,
    found: Vec<Found>,
    triggers: HashMap<String, FileStamp>,
}

impl Scan {
    fn join(&mut self, one: Scan) {
        self.heads.extend(one.heads);
        self.found.extend(one.found);
        self.triggers.extend(one.triggers);
    }

    /// Looks at one schema's directory.
    fn schema(&mut self, dir: &Path, schema: &str, known: &Heads, now: i64) -> io::Result<Motion> {
        let Some(before) = present(fs::metadata(dir))? else {
            return Ok(Motion::Still);
        };
        let Some(entries) = present(fs::read_dir(dir))? else {
            return Ok(Motion::Still);
        };
        let mut renaming = false;
        for entry in entries {
            let entry = entry?;
            let Ok(file) = entry.file_name().into_string() else {
                continue;
            };
            if file.starts_with('#') {
                // The old table, for the moment between the two renames of an ALTER.
                renaming |= file.starts_with("#sql-backup") || file.starts_with("#sql-exchange");
                continue;
            }
            let Some((name, kind)) = file.rsplit_once('.') else {
                continue;
            };
            if !matches!(kind, "frm" | "TRG" | "TRN") {
                continue;
            }
            let Some(stamp) = present(entry.metadata())?.as_ref().map(stamp) else {
                renaming = true;
                continue;
            };
            let key = format!("{schema}/{file}");
            if kind == "TRG" {
                self.triggers.insert(format!("{schema}/{name}"), stamp);
                continue;
            }
            let head = match known.get(&key) {
                Some((was, head)) if *was == stamp => Some(head.clone()),
                _ => present(head(&entry.path(), kind))?.flatten(),
            };
            if let Some(head) = head {
                self.found.push(Found {
                    schema: schema.to_owned(),
                    name: name.to_owned(),
                    head: head.clone(),
                    stamp,
                });
                self.heads.insert(key, (stamp, head));
            }
        }
        let after = present(fs::metadata(dir))?.as_ref().map(stamp);
        Ok(if renaming || after != Some(stamp(&before)) {
            Motion::Moving
        } else if stamp(&before).modified >= now - CALM {
            Motion::Recent
        } else {
            Motion::Still
        })
    }
}

/// `None` for a file that is gone meanwhile.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn stamp(metadata: &Metadata) -> FileStamp {
    FileStamp {
        inode: metadata.ino(),
        size: metadata.len(),
        modified: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
    }
}

/// What a file is, by its first bytes: a view begins with `TYPE=VIEW`, a binary definition with
/// 0xfe 0x01 and marks a sequence in bits 4 and 5 of byte 39. `None` for what is neither.
fn head(path: &Path, kind: &str) -> io::Result<Option<Head>> {
    let mut bytes = Vec::with_capacity(64);
    File::open(path)?.take(HEAD).read_to_end(&mut bytes)?;
    if kind == "TRN" {
        let text = String::from_utf8_lossy(&bytes);
        let table = text
            .lines()
            .find_map(|line| line.strip_prefix("trigger_table="));
        return Ok(table.map(|table| Head::Trigger(table.to_owned())));
    }
    Ok(match bytes.as_slice() {
        [0xfe, 0x01, ..] if bytes.get(39).is_some_and(|b| b & 0x30 == 0x20) => Some(Head::Sequence),
        [0xfe, 0x01, ..] => Some(Head::Table),
        text if text.starts_with(b"TYPE=VIEW") => Some(Head::View),
        _ => None,
    })
}
