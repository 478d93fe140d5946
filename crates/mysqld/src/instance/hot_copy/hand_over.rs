//! A copy becomes the data of another volume. What is in it is the work of an engine, which is not
//! trusted: everything goes through descriptors, and no symbolic link is followed.

use crate::{Owner, VolumeDir};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::process::{Gid, Uid};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::path::Path;

const DATA: &CStr = c"data";
/// Beginnings of names of what `mariadb-backup` writes for itself.
const NOTES: [&[u8]; 3] = [b"xtrabackup_", b"mariadb_backup_", b"backup-my.cnf"];

/// Moves the copy into its volume, as its owner's, durable on return.
pub(super) fn hand_over(scratch: &Path, target: &VolumeDir) -> io::Result<()> {
    let volume = open(CWD, &target.path)?;
    super::remove(&target.path.join("data"))?;
    match fs::renameat(CWD, scratch, &volume, DATA) {
        // Each volume of a btrfs pool is a subvolume; their files can still share blocks.
        Err(rustix::io::Errno::XDEV) => {
            fs::mkdirat(&volume, DATA, Mode::RWXU)?;
            let (from, to) = (open(CWD, scratch)?, open(&volume, DATA)?);
            copy(from.as_fd(), to.as_fd())?;
            super::remove(scratch)?;
        }
        done => done?,
    }
    let data = open(&volume, DATA)?;
    for (name, _) in entries(data.as_fd())? {
        if NOTES.iter().any(|note| name.to_bytes().starts_with(note)) {
            fs::unlinkat(&data, &name, AtFlags::empty())?;
        }
    }
    if let Some(owner) = target.owner {
        give(data.as_fd(), owner)?;
        fs::fchown(
            &data,
            Some(Uid::from_raw(owner.uid)),
            Some(Gid::from_raw(owner.gid)),
        )?;
    }
    Ok(fs::syncfs(&volume)?)
}

fn open(parent: impl AsFd, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(parent, name, flags, Mode::empty())?)
}

fn entries(dir: BorrowedFd<'_>) -> io::Result<Vec<(CString, FileType)>> {
    let mut all = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            let stat = fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            all.push((name.to_owned(), FileType::from_raw_mode(stat.st_mode)));
        }
    }
    Ok(all)
}

/// Copies files and directories, by reference where the filesystem can.
fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    for (name, kind) in entries(from)? {
        if kind.is_dir() {
            fs::mkdirat(to, &name, Mode::RWXU)?;
            copy(open(from, &name)?.as_fd(), open(to, &name)?.as_fd())?;
        } else if kind.is_file() {
            let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let source = fs::openat(from, &name, read, Mode::empty())?;
            let new = fs::openat(to, &name, write, Mode::RUSR | Mode::WUSR)?;
            if fs::ioctl_ficlone(&new, &source).is_err() {
                io::copy(&mut File::from(source), &mut File::from(new))?;
            }
        }
    }
    Ok(())
}

/// Gives everything below `dir` to `owner`.
fn give(dir: BorrowedFd<'_>, owner: Owner) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    for (name, kind) in entries(dir)? {
        fs::chownat(dir, &name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        if kind.is_dir() {
            give(open(dir, &name)?.as_fd(), owner)?;
        }
    }
    Ok(())
}
