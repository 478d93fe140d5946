//! Directory trees: cloning, giving away, removing. Everything goes through descriptors and never
//! follows a symbolic link, because the content belongs to engines that are not trusted.

use crate::pool::owner::Owner;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// From this many files in one directory on, two threads work on them: different files hardly wait
/// for each other, starting a thread costs as much as a few of them.
const ITEMS_FOR_TWO_THREADS: usize = 48;
/// Bytes that one `copy_file_range` is asked for: a call that can be interrupted soon.
const COPY_STEP: usize = 64 << 20;
const DIRECTORY_BUFFER: usize = 16 << 10;

/// How the bytes of a file get into its clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    Reflink,
    Copy,
}

pub(crate) struct Entry {
    pub(crate) name: CString,
    pub(crate) kind: FileType,
}

pub(crate) fn open_dir(parent: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(parent, name, flags, Mode::empty())?)
}

/// What is in a directory, without `.` and `..`. Nobody else may be reading this descriptor.
pub(crate) fn entries(dir: BorrowedFd<'_>) -> io::Result<Vec<Entry>> {
    fs::seek(dir, fs::SeekFrom::Start(0))?;
    let mut buffer = vec![MaybeUninit::uninit(); DIRECTORY_BUFFER];
    let mut raw = RawDir::new(dir, &mut buffer);
    let mut entries = Vec::new();
    while let Some(entry) = raw.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            known => known,
        };
        entries.push(Entry {
            name: name.to_owned(),
            kind,
        });
    }
    Ok(entries)
}

/// Clones the content of `from` into the empty directory `to`, for `owner` (`None`: whoever runs
/// this). Sockets, pipes and devices are left out. Permission bits are kept as far as the umask lets.
pub(crate) fn clone(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    owner: Option<Owner>,
    bytes: Bytes,
) -> io::Result<()> {
    let mut files = Vec::new();
    for Entry { name, kind } in entries(from)? {
        if kind.is_file() {
            files.push(name);
        } else if kind.is_dir() {
            let source = open_dir(from, &name)?;
            let mode = Mode::from_raw_mode(fs::fstat(&source)?.st_mode & 0o777);
            fs::mkdirat(to, &name, mode | Mode::RWXU)?;
            give(to, &name, owner)?;
            let target = open_dir(to, &name)?;
            clone(source.as_fd(), target.as_fd(), owner, bytes)?;
        } else if kind.is_symlink() {
            fs::symlinkat(fs::readlinkat(from, &name, Vec::new())?, to, &name)?;
            give(to, &name, owner)?;
        }
    }
    let one = |name: &CString| clone_file(from, to, name, owner, bytes);
    match bytes {
        Bytes::Reflink => in_two_threads(&files, one),
        // Copies wait for the disk, not for the processor.
        Bytes::Copy => files.iter().try_for_each(one),
    }
}

/// Calls `job` for each item; many of them are shared by two threads.
fn in_two_threads<T: Sync>(
    items: &[T],
    job: impl Fn(&T) -> io::Result<()> + Sync,
) -> io::Result<()> {
    if items.len() < ITEMS_FOR_TWO_THREADS {
        return items.iter().try_for_each(job);
    }
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            job(item)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work().and(other.join().unwrap_or_else(|_| Err(Errno::IO.into())))
    })
}

fn clone_file(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &CStr,
    owner: Option<Owner>,
    bytes: Bytes,
) -> io::Result<()> {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let source = fs::openat(from, name, read, Mode::empty())?;
    let stat = fs::fstat(&source)?;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = fs::openat(to, name, write, Mode::from_raw_mode(stat.st_mode & 0o777))?;
    if stat.st_size > 0 {
        match bytes {
            Bytes::Reflink => fs::ioctl_ficlone(&target, &source)?,
            Bytes::Copy => copy_sparse(&source, &target, stat.st_size as u64)?,
        }
    }
    if let Some(owner) = owner {
        fs::fchown(&target, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Copies the data of a file, leaves its holes holes, and makes the copy as long.
fn copy_sparse(source: &OwnedFd, target: &OwnedFd, size: u64) -> io::Result<()> {
    let mut position = 0;
    while position < size {
        let start = match fs::seek(source, fs::SeekFrom::Data(position)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL) => position,
            Err(error) => return Err(error.into()),
        };
        let end = match fs::seek(source, fs::SeekFrom::Hole(start)) {
            Ok(end) => end.min(size),
            Err(Errno::INVAL) => size,
            Err(error) => return Err(error.into()),
        };
        copy_range(source, target, start, end)?;
        position = end;
    }
    Ok(fs::ftruncate(target, size)?)
}

fn copy_range(source: &OwnedFd, target: &OwnedFd, start: u64, end: u64) -> io::Result<()> {
    let (mut read, mut written) = (start, start);
    while read < end {
        let step = usize::try_from(end - read)
            .unwrap_or(COPY_STEP)
            .min(COPY_STEP);
        match fs::copy_file_range(source, Some(&mut read), target, Some(&mut written), step) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::NOSYS | Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP) => {
                return copy_through_memory(source, target, read, end);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// For kernels and filesystems without `copy_file_range`.
fn copy_through_memory(
    source: &OwnedFd,
    target: &OwnedFd,
    mut at: u64,
    end: u64,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    while at < end {
        let step = usize::try_from(end - at).map_or(buffer.len(), |n| n.min(buffer.len()));
        let read = rustix::io::pread(source, &mut buffer[..step], at)?;
        if read == 0 {
            break;
        }
        let mut chunk = &buffer[..read];
        while !chunk.is_empty() {
            let written = rustix::io::pwrite(target, chunk, at)?;
            chunk = &chunk[written..];
            at += written as u64;
        }
    }
    Ok(())
}

/// Gives one entry to `owner`.
pub(crate) fn give(dir: impl AsFd, name: &CStr, owner: Option<Owner>) -> io::Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    let (uid, gid): (Uid, Gid) = (owner.uid(), owner.gid());
    Ok(fs::chownat(
        dir,
        name,
        Some(uid),
        Some(gid),
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

/// Gives everything below `dir` to `owner`.
pub(crate) fn give_all(dir: BorrowedFd<'_>, owner: Owner) -> io::Result<()> {
    let entries = entries(dir)?;
    in_two_threads(&entries, |entry| give(dir, &entry.name, Some(owner)))?;
    for Entry { name, .. } in entries.iter().filter(|entry| entry.kind.is_dir()) {
        give_all(open_dir(dir, name)?.as_fd(), owner)?;
    }
    Ok(())
}

/// Removes the directory `name` of `parent` and everything in it; one that is not there is removed.
pub(crate) fn remove(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let dir = match open_dir(parent, name) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for Entry { name, kind } in entries(dir.as_fd())? {
        if kind.is_dir() {
            remove(dir.as_fd(), &name)?;
        } else {
            gone(fs::unlinkat(&dir, &name, AtFlags::empty()))?;
        }
    }
    gone(fs::unlinkat(parent, name, AtFlags::REMOVEDIR))
}

/// Removes everything in `dir` but what is called `kept`.
pub(crate) fn remove_all_but(dir: BorrowedFd<'_>, kept: &CStr) -> io::Result<()> {
    for Entry { name, kind } in entries(dir)? {
        if name.as_c_str() == kept {
            continue;
        }
        if kind.is_dir() {
            remove(dir, &name)?;
        } else {
            gone(fs::unlinkat(dir, &name, AtFlags::empty()))?;
        }
    }
    Ok(())
}

fn gone(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Calls `visit` with every regular file below `dir`, opened for reading. What vanishes meanwhile
/// is left out: an engine may be running in it.
pub(crate) fn for_each_file(
    dir: BorrowedFd<'_>,
    visit: &mut dyn FnMut(OwnedFd) -> io::Result<()>,
) -> io::Result<()> {
    for Entry { name, kind } in entries(dir)? {
        let opened = if kind.is_dir() {
            open_dir(dir, &name).and_then(|inner| for_each_file(inner.as_fd(), visit))
        } else if kind.is_file() {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            fs::openat(dir, &name, flags, Mode::empty())
                .map_err(io::Error::from)
                .and_then(&mut *visit)
        } else {
            Ok(())
        };
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}
