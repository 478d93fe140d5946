//! Directory trees on disk: read in pieces, and written from pieces. What is read belonged to
//! engines that are not trusted, so no symbolic link is followed on either way.

pub(crate) mod read;
pub(crate) mod write;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes of a chunk. A multiple of every page size that InnoDB has, so a page that changed changes
/// one chunk; the same for all files, so a page that stayed is in the same chunk as before. Smaller
/// ones would cost more requests than they save bytes: see the design note.
pub(crate) const CHUNK: usize = 1 << 20;
const MOST_CHUNK: usize = 16 << 20;
/// What a filesystem allocates at least: zeros of this size and place are left out when written.
const BLOCK: usize = 4096;

/// Whether chunks of another version may have had that size.
pub(crate) fn is_chunk_size(size: usize) -> bool {
    size.is_multiple_of(BLOCK) && (BLOCK..=MOST_CHUNK).contains(&size)
}

static ZEROS: [u8; BLOCK] = [0; BLOCK];

fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(BLOCK)
        .all(|block| *block == ZEROS[..block.len()])
}

fn open_dir(parent: impl AsFd, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(parent, name, flags, Mode::empty())?)
}

/// The root that the caller named may be reached through links; nothing below it may.
fn open_root(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fs::open(path, flags, Mode::empty())?)
}

/// For messages.
fn full(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}
