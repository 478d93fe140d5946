//! Writes a tree into an empty directory. Zeros become holes, so a file takes no more than before.

use super::{BLOCK, full, is_zero, open_dir, open_root};
use crate::error::{ArchiveError, Result};
use crate::index::Entry;
use rustix::fd::OwnedFd;
use rustix::fs::{self, Dir, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tree that is being written.
pub(crate) struct Tree {
    path: PathBuf,
    root: OwnedFd,
    /// Directories whose own mode would keep their owner out while they are filled.
    closed: Vec<(Vec<u8>, Mode)>,
}

/// A file of it, at its full length.
#[derive(Clone)]
pub(crate) struct File {
    path: PathBuf,
    file: Arc<OwnedFd>,
}

impl Tree {
    /// Begins in `path`, which is made, or is empty.
    pub(crate) fn begin(path: &Path) -> Result<Self> {
        let failed = ArchiveError::file(path);
        let open = || {
            match fs::mkdir(path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            let root = open_root(path)?;
            let mut names = Dir::read_from(&root)?;
            let empty = names
                .all(|entry| entry.is_ok_and(|e| matches!(e.file_name().to_bytes(), b"." | b"..")));
            Ok::<_, io::Error>((root, empty))
        };
        match open().map_err(failed)? {
            (root, true) => Ok(Self {
                path: path.to_owned(),
                root,
                closed: Vec::new(),
            }),
            (_, false) => Err(ArchiveError::NotEmpty(path.to_owned())),
        }
    }

    /// Makes an entry. A file is returned, to be filled.
    pub(crate) fn make(&mut self, entry: Entry) -> Result<Option<File>> {
        let (Entry::Directory { path, .. } | Entry::Link { path, .. } | Entry::File { path, .. }) =
            &entry;
        let path = full(&self.path, path);
        self.try_make(entry).map_err(ArchiveError::file(path))
    }

    fn try_make(&mut self, entry: Entry) -> io::Result<Option<File>> {
        match entry {
            Entry::Directory { path, mode } => {
                let (parent, name) = self.parent(&path)?;
                let mode = Mode::from_raw_mode(mode);
                let open = mode | Mode::RWXU;
                fs::mkdirat(&parent, name, open)?;
                // The umask must not decide.
                fs::fchmod(open_dir(&parent, name)?, open)?;
                if mode != open {
                    self.closed.push((path, mode));
                }
                Ok(None)
            }
            Entry::Link { path, target } => {
                let (parent, name) = self.parent(&path)?;
                fs::symlinkat(&*target, &parent, name)?;
                Ok(None)
            }
            Entry::File { path, mode, size } => {
                let (parent, name) = self.parent(&path)?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let file = fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR)?;
                fs::fchmod(&file, Mode::from_raw_mode(mode))?;
                fs::ftruncate(&file, size)?;
                Ok(Some(File {
                    path: full(&self.path, &path),
                    file: Arc::new(file),
                }))
            }
        }
    }

    /// Ends when everything is on disk.
    pub(crate) fn finish(self) -> Result<()> {
        let finish = || {
            for (path, mode) in self.closed.iter().rev() {
                let (parent, name) = self.parent(path)?;
                fs::fchmod(open_dir(&parent, name)?, *mode)?;
            }
            Ok(fs::syncfs(&self.root)?)
        };
        finish().map_err(ArchiveError::file(&self.path))
    }

    /// Bytes that there is room for.
    pub(crate) fn room(&self) -> Result<u64> {
        let stat =
            fs::fstatvfs(&self.root).map_err(|e| ArchiveError::file(&self.path)(e.into()))?;
        Ok(stat.f_bavail * stat.f_frsize)
    }

    /// The directory of an entry, and the entry's name in it.
    fn parent<'p>(&self, path: &'p [u8]) -> io::Result<(OwnedFd, &'p OsStr)> {
        let mut dir = open_dir(&self.root, ".")?;
        let mut rest = path;
        while let Some(end) = rest.iter().position(|b| *b == b'/') {
            dir = open_dir(&dir, OsStr::from_bytes(&rest[..end]))?;
            rest = &rest[end + 1..];
        }
        Ok((dir, OsStr::from_bytes(rest)))
    }
}

impl File {
    /// Writes what is not zeros of a whole block.
    pub(crate) fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let mut start = 0;
        while start < bytes.len() {
            let rest = &bytes[start..];
            let zeros = run(rest, true);
            start += zeros;
            let data = run(&rest[zeros..], false);
            self.write_all(at + start as u64, &bytes[start..start + data])
                .map_err(ArchiveError::file(&self.path))?;
            start += data;
        }
        Ok(())
    }

    fn write_all(&self, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::pwrite(&*self.file, bytes, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    at += written as u64;
                    bytes = &bytes[written..];
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Bytes up to the first block that is zeros, or is not.
fn run(bytes: &[u8], zeros: bool) -> usize {
    let blocks = bytes.chunks(BLOCK);
    blocks
        .take_while(|block| is_zero(block) == zeros)
        .map(<[u8]>::len)
        .sum()
}
