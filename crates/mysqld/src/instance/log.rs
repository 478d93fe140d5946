//! What engines write to their standard output: `<logs>/<id>.log`, with one older file beside it.

use offshoot_core::id::InstanceId;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A log that is longer becomes the older one.
pub const LOG_LIMIT: u64 = 8 << 20;
/// How much of a log's end is looked at for its last lines.
const TAIL_LIMIT: u64 = 1 << 20;

#[derive(Clone, Debug)]
pub struct Logs {
    directory: PathBuf,
}

impl Logs {
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    fn path(&self, id: InstanceId) -> PathBuf {
        self.directory.join(format!("{id}.log"))
    }

    fn older(&self, id: InstanceId) -> PathBuf {
        self.directory.join(format!("{id}.log.1"))
    }

    /// Opens for appending; renames a long one first. The engine is not running.
    pub fn open(&self, id: InstanceId) -> io::Result<File> {
        let path = self.path(id);
        if fs::metadata(&path).is_ok_and(|m| m.len() > LOG_LIMIT) {
            fs::rename(&path, self.older(id))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
    }

    /// Cuts a log that grew too long under a running engine, which appends to it.
    pub fn trim(&self, id: InstanceId) -> io::Result<()> {
        let path = self.path(id);
        match fs::metadata(&path) {
            Ok(m) if m.len() > 2 * LOG_LIMIT => {
                fs::copy(&path, self.older(id))?;
                OpenOptions::new().write(true).open(&path)?.set_len(0)
            }
            _ => Ok(()),
        }
    }

    /// Length in bytes; 0 when there is none.
    pub fn length(&self, id: InstanceId) -> u64 {
        fs::metadata(self.path(id)).map_or(0, |m| m.len())
    }

    /// The last lines, oldest first, of what was written from byte `from` on.
    pub fn tail(&self, id: InstanceId, lines: usize, from: u64) -> io::Result<Vec<String>> {
        let mut text = read_end(&self.path(id), from)?;
        if from == 0 && text.iter().filter(|b| **b == b'\n').count() < lines {
            let mut older = read_end(&self.older(id), 0)?;
            older.append(&mut text);
            text = older;
        }
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        let first = all.len().saturating_sub(lines);
        Ok(all[first..].iter().map(|l| (*l).to_owned()).collect())
    }

    /// The error lines among the last ones written from byte `from` on, at most `count`.
    pub fn errors(&self, id: InstanceId, count: usize, from: u64) -> Vec<String> {
        let lines = self.tail(id, 200, from).unwrap_or_default();
        let errors: Vec<String> = lines
            .iter()
            .filter(|l| l.contains("[ERROR]") || l.contains("error while loading"))
            .cloned()
            .collect();
        let chosen = if errors.is_empty() { lines } else { errors };
        let first = chosen.len().saturating_sub(count);
        chosen[first..].to_vec()
    }

    pub fn remove(&self, id: InstanceId) -> io::Result<()> {
        for path in [self.path(id), self.older(id)] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// Instances of which a log is left.
    pub fn list(&self) -> io::Result<Vec<InstanceId>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|n| n.split_once(".log"));
            if let Some(Ok(id)) = id.map(|(id, _)| id.parse()) {
                all.push(id);
            }
        }
        Ok(all)
    }
}

fn read_end(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_LIMIT).max(from.min(length));
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(TAIL_LIMIT).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_reaches_into_the_older_log() {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::new(dir.path());
        let id: InstanceId = "abcdefghijkl".parse().unwrap();
        assert!(logs.tail(id, 5, 0).unwrap().is_empty());
        fs::write(dir.path().join("abcdefghijkl.log.1"), "a\nb\n").unwrap();
        fs::write(dir.path().join("abcdefghijkl.log"), "c\n[ERROR] d\n").unwrap();
        assert_eq!(logs.tail(id, 3, 0).unwrap(), ["b", "c", "[ERROR] d"]);
        assert_eq!(logs.errors(id, 5, 0), ["[ERROR] d"]);
        assert_eq!(logs.tail(id, 3, 2).unwrap(), ["[ERROR] d"]);
        assert_eq!(logs.list().unwrap(), [id, id]);
        logs.remove(id).unwrap();
        assert!(logs.list().unwrap().is_empty());
    }
}
