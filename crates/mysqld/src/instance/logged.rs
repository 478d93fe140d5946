//! Binlogs in the volume of a development engine, which writes none: a copy of a production engine
//! brings them along. Of transactions that its parent was committing they alone can say what
//! becomes of them, so the binlog is on until an engine has closed it.

use rustix::fs::{Mode, OFlags};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Beginning of every binlog that is not encrypted.
const MAGIC: [u8; 4] = *b"\xfebin";
/// Where the flags of the first event are, and the one that its engine clears when it closes the file.
const FLAGS: usize = MAGIC.len() + 17;
const IN_USE: u8 = 1;

/// What an engine left of its binlogs in a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// It closed the last one: all of its transactions are committed or rolled back.
    Closed,
    Open,
}

pub(super) fn left(data: &Path) -> io::Result<Left> {
    let mut files = files(data)?;
    files.sort_by_key(|(number, _)| *number);
    let Some((Some(_), last)) = files.pop() else {
        return Ok(Left::Nothing);
    };
    // The files are the engine's, which is trusted with nothing else.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = fs::File::from(rustix::fs::open(last, flags, Mode::empty())?);
    let mut head = [0; FLAGS + 1];
    match file.read_exact(&mut head) {
        Ok(()) if head.starts_with(&MAGIC) && head[FLAGS] & IN_USE == 0 => Ok(Left::Closed),
        Ok(()) => Ok(Left::Open),
        // It was begun, and no more.
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Left::Open),
        Err(e) => Err(e),
    }
}

/// Removes them: an engine that starts without a binlog never would.
pub(super) fn remove(data: &Path) -> io::Result<()> {
    for (_, path) in files(data)? {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The binlogs with their numbers, and their index with none.
fn files(data: &Path) -> io::Result<Vec<(Option<u64>, PathBuf)>> {
    let entries = match fs::read_dir(data) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix("binlog."));
        if let Some(rest) = rest
            && !entry.file_type()?.is_dir()
        {
            files.push((rest.parse().ok(), entry.path()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(flags: u8) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 17]);
        bytes.extend([flags, 0]);
        bytes
    }

    #[test]
    fn the_last_file_says_whether_it_was_closed() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        let found = || left(dir.path()).unwrap();
        assert_eq!(left(&dir.path().join("none")).unwrap(), Left::Nothing);
        assert_eq!(found(), Left::Nothing);
        put("binlog.999999", &event(1));
        put("binlog.index", b"./binlog.999999\n");
        assert_eq!(found(), Left::Open);
        put("binlog.1000000", &event(0));
        assert_eq!(found(), Left::Closed);
        put("binlog.1000001", b"");
        assert_eq!(found(), Left::Open);
        put("ibdata1", b"");
        fs::create_dir(dir.path().join("binlog.shop")).unwrap();
        remove(dir.path()).unwrap();
        let entries = fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["binlog.shop", "ibdata1"]);
        assert_eq!(found(), Left::Nothing);
    }
}
