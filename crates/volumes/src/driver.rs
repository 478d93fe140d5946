//! The drivers: what differs between filesystems when a volume is made, cloned and removed.

mod btrfs;
mod copy;
mod xfs;

use crate::pool::owner::Owner;
use crate::tree::{self, Bytes};
use offshoot_core::volume::Driver;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags};
use std::ffi::CStr;
use std::io;

/// The directory in a volume that belongs to its engine, which makes it; an empty volume has none.
pub(crate) const DATA: &CStr = c"data";

/// One way to copy. Directories are given as descriptors; `name` is new in `making`.
pub(crate) trait Copier: Send + Sync {
    /// Makes an empty volume, in which new directories and files come to be as the driver wants them.
    fn make(&self, making: BorrowedFd<'_>, name: &CStr) -> io::Result<()>;

    /// Makes a clone of the volume or snapshot `source`, everything in `data` owned by `owner`
    /// (`None`: left as it comes). Calls `copied` as soon as `source` may change again.
    fn clone(
        &self,
        source: BorrowedFd<'_>,
        making: BorrowedFd<'_>,
        name: &CStr,
        owner: Option<Owner>,
        copied: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>;

    /// Removes a volume or snapshot; one that is not there is removed.
    fn remove(&self, parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()>;

    /// Makes durable what the rename that follows must not overtake.
    fn before_commit(&self, making: BorrowedFd<'_>) -> io::Result<()>;

    /// Makes the rename out of `making` into `target` durable.
    fn after_commit(&self, making: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()>;
}

pub(crate) fn copier(driver: Driver) -> &'static dyn Copier {
    match driver {
        Driver::Btrfs => &btrfs::Btrfs,
        Driver::Xfs => &xfs::Xfs,
        Driver::Copy => &copy::Copy,
    }
}

const BTRFS_MAGIC: u64 = 0x9123_683E;
const XFS_MAGIC: u64 = 0x5846_5342;

/// The driver for what lies at `dir`, and the filesystem's name for people. Leaves no trace.
pub(crate) fn detect(dir: BorrowedFd<'_>) -> io::Result<(Driver, String)> {
    let magic = fs::fstatfs(dir)?.f_type as u64 & 0xFFFF_FFFF;
    Ok(match magic {
        BTRFS_MAGIC => (Driver::Btrfs, "btrfs".into()),
        XFS_MAGIC => match reflinks(dir).map_err(|error| error.kind()) {
            // A full pool is opened, too: or nothing could be deleted from it.
            Ok(()) | Err(io::ErrorKind::StorageFull) => (Driver::Xfs, "XFS".into()),
            Err(io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => {
                (Driver::Copy, "XFS made without reflink=1".into())
            }
            Err(other) => return Err(other.into()),
        },
        0xEF53 => (Driver::Copy, "ext4".into()),
        0x0102_1994 => (Driver::Copy, "tmpfs".into()),
        0x794C_7630 => (Driver::Copy, "overlayfs".into()),
        0x6969 => (Driver::Copy, "NFS".into()),
        other => (Driver::Copy, format!("filesystem {other:#x}")),
    })
}

/// Whether one file can share the data of another, tried on two files without a name.
fn reflinks(dir: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let source = fs::openat(dir, c".", flags, Mode::RUSR | Mode::WUSR)?;
    let target = fs::openat(dir, c".", flags, Mode::RUSR | Mode::WUSR)?;
    rustix::io::pwrite(&source, &[1; 4096], 0)?;
    Ok(fs::ioctl_ficlone(target.as_fd(), source.as_fd())?)
}

fn make_dir(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    fs::mkdirat(parent, name, Mode::RWXU)?;
    tree::open_dir(parent, name)
}

/// Clones the engine's directory of `source`, if there is one, file by file into `volume`.
pub(crate) fn clone_data(
    source: BorrowedFd<'_>,
    volume: BorrowedFd<'_>,
    owner: Option<Owner>,
    bytes: Bytes,
) -> io::Result<()> {
    let from = match tree::open_dir(source, DATA) {
        Ok(from) => from,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let to = make_dir(volume, DATA)?;
    tree::clone(from.as_fd(), to.as_fd(), owner, bytes)?;
    tree::give(volume, DATA, owner)
}
