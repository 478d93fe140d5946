//! The image's blocks: all of them, before anything relies on them.

use super::{Progress, RESERVE, Step};
use crate::PoolError;
use crate::error::Size;
use rustix::fs::{self, FallocateFlags, IFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Bytes allocated between two reports of progress.
const STEP: u64 = 256 << 20;
/// Bytes written at once where a filesystem cannot allocate without writing.
const WRITE: usize = 4 << 20;

/// Refuses what would leave less than [`RESERVE`] on the disk that holds `path`. `more` are the
/// bytes to come, `wanted` the size that was asked for.
pub(super) fn check_room(path: &Path, more: u64, wanted: u64) -> Result<(), PoolError> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let stat = fs::statvfs(dir).map_err(|error| PoolError::io("cannot use", dir)(error.into()))?;
    let free = stat.f_bavail * stat.f_frsize;
    if more.saturating_add(RESERVE) > free {
        return Err(PoolError::NoRoom {
            path: path.to_owned(),
            wanted: Size(wanted),
            reserve: Size(RESERVE),
            free: Size(free),
        });
    }
    Ok(())
}

/// Makes a file of `size` bytes, all allocated, for its owner alone.
pub(super) fn create(
    path: &Path,
    size: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), PoolError> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(PoolError::io("cannot make", path))?;
    // On a host filesystem that copies on write, each write to the image would need new blocks.
    if let Ok(flags) = fs::ioctl_getflags(&file) {
        let _ = fs::ioctl_setflags(&file, flags | IFlags::NOCOW);
    }
    allocate(&file, 0, size, progress).map_err(PoolError::io("cannot allocate", path))
}

/// Makes an image longer, from `from` to `to` bytes.
pub(super) fn extend(
    path: &Path,
    from: u64,
    to: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), PoolError> {
    let failed = || PoolError::io("cannot allocate", path);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(failed())?;
    allocate(&file, from, to, progress).map_err(failed())
}

/// Gives an image back the blocks that something (a trim of all filesystems) took from it.
pub(super) fn fill_holes(path: &Path, size: u64) {
    let filled = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| Ok(fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, size)?));
    if let Err(error) = filled {
        tracing::warn!(image = %path.display(), %error, "the pool image may be sparse");
    }
}

fn allocate(file: &File, from: u64, to: u64, progress: &mut dyn FnMut(Progress)) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let step = STEP.min(to - at);
        match fs::fallocate(file, FallocateFlags::empty(), at, step) {
            Ok(()) => at += step,
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP) => {
                write_zeros(file, at, at + step)?;
                at += step;
            }
            Err(error) => return Err(error.into()),
        }
        progress(Step::Allocating.at(at - from, to - from));
    }
    file.sync_all()
}

fn write_zeros(file: &File, mut at: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; WRITE];
    while at < to {
        let step = usize::try_from(to - at).map_or(WRITE, |left| left.min(WRITE));
        file.write_all_at(&zeros[..step], at)?;
        at += step as u64;
    }
    Ok(())
}
