//! Reads a tree: entries in the order of their names, each file followed by its pieces.

use super::{CHUNK, full, is_zero, open_dir, open_root};
use crate::error::{ArchiveError, Result};
use crate::index::Entry;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, Dir, FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// Directories in directories. An engine has two.
const DEPTH: usize = 64;

pub(crate) enum Piece {
    Entry(Entry),
    /// The next chunk of the file before: its content, or how many zeros.
    Content(Vec<u8>),
    Zeros(u64),
}

/// Sum of the lengths of all files.
pub(crate) fn size(root: &Path) -> Result<u64> {
    let mut sum = 0;
    let dir = open_root(root).map_err(ArchiveError::file(root))?;
    walk(root, dir, &mut |found| {
        if let Found::File { size, .. } = found {
            sum += size;
        }
        Ok(true)
    })?;
    Ok(sum)
}

/// Hands everything to `take`, until it wants no more. What is neither file, directory nor link is
/// left out: an engine makes it anew.
pub(crate) fn pieces(root: &Path, mut take: impl FnMut(Piece) -> bool) -> Result<()> {
    let dir = open_root(root).map_err(ArchiveError::file(root))?;
    walk(root, dir, &mut |found| match found {
        Found::Other(entry) => Ok(take(Piece::Entry(entry))),
        Found::File {
            dir,
            name,
            path,
            mode,
            size,
        } => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let file = fs::openat(dir, name, flags, Mode::empty())
                .map_err(|e| ArchiveError::file(full(root, &path))(e.into()))?;
            let entry = Entry::File {
                path: path.clone(),
                mode,
                size,
            };
            Ok(take(Piece::Entry(entry)) && contents(root, &path, &file, size, &mut take)?)
        }
    })?;
    Ok(())
}

enum Found<'a> {
    Other(Entry),
    File {
        dir: &'a OwnedFd,
        name: &'a [u8],
        path: Vec<u8>,
        mode: u32,
        size: u64,
    },
}

type Visit<'a> = dyn FnMut(Found<'_>) -> Result<bool> + 'a;

/// Depth first, so that no more is in memory than the names of one directory for each level.
fn walk(root: &Path, dir: OwnedFd, visit: &mut Visit<'_>) -> Result<bool> {
    descend(root, &[], &dir, DEPTH, visit)
}

fn descend(
    root: &Path,
    at: &[u8],
    dir: &OwnedFd,
    depth: usize,
    visit: &mut Visit<'_>,
) -> Result<bool> {
    let failed = |path: &[u8], error: Errno| ArchiveError::file(full(root, path))(error.into());
    let mut names = Vec::new();
    for entry in Dir::read_from(dir).map_err(|e| failed(at, e))? {
        let entry = entry.map_err(|e| failed(at, e))?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    for name in names {
        let path = match at {
            [] => name.clone(),
            at => [at, b"/", &name].concat(),
        };
        let stat =
            fs::statat(dir, &*name, fs::AtFlags::SYMLINK_NOFOLLOW).map_err(|e| failed(&path, e))?;
        let mode = stat.st_mode & 0o777;
        let more = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let inner = open_dir(dir, &*name).map_err(ArchiveError::file(full(root, &path)))?;
                let depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| failed(&path, Errno::NAMETOOLONG))?;
                let entry = Entry::Directory {
                    path: path.clone(),
                    mode,
                };
                visit(Found::Other(entry))? && descend(root, &path, &inner, depth, visit)?
            }
            FileType::Symlink => {
                let target =
                    fs::readlinkat(dir, &*name, Vec::new()).map_err(|e| failed(&path, e))?;
                visit(Found::Other(Entry::Link {
                    path,
                    target: target.into_bytes(),
                }))?
            }
            FileType::RegularFile => visit(Found::File {
                dir,
                name: &name,
                path,
                mode,
                size: stat.st_size.try_into().unwrap_or(0),
            })?,
            _ => true,
        };
        if !more {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contents(
    root: &Path,
    path: &[u8],
    file: &OwnedFd,
    size: u64,
    take: &mut impl FnMut(Piece) -> bool,
) -> Result<bool> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Changed(full(root, path)),
        _ => ArchiveError::file(full(root, path))(error),
    };
    let mut at = 0;
    while at < size {
        let length = (size - at).min(CHUNK as u64);
        let piece = match data_after(file, at).map_err(failed)? {
            Some(data) if data < at + length => read(file, at, length).map_err(failed)?,
            _ => Piece::Zeros(length),
        };
        if !take(piece) {
            return Ok(false);
        }
        at += length;
    }
    match fs::fstat(file).map(|stat| stat.st_size.try_into() == Ok(size)) {
        Ok(true) => Ok(true),
        Ok(false) => Err(ArchiveError::Changed(full(root, path))),
        Err(error) => Err(failed(error.into())),
    }
}

/// Where data begins at or after `at`; `None`: there is only a hole.
fn data_after(file: impl AsFd, at: u64) -> io::Result<Option<u64>> {
    match fs::seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        Err(Errno::INVAL) => Ok(Some(at)),
        Err(error) => Err(error.into()),
    }
}

fn read(file: &OwnedFd, at: u64, length: u64) -> io::Result<Piece> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(CHUNK)];
    let mut done = 0;
    while done < bytes.len() {
        match rustix::io::pread(file, &mut bytes[done..], at + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match is_zero(&bytes) {
        true => Piece::Zeros(length),
        false => Piece::Content(bytes),
    })
}
