//! Moving the volumes of a copying pool into a new image, so that `pool create` can also be the
//! second thing that somebody does.

use super::{PoolImage, Progress, Step, mount};
use crate::PoolError;
use crate::driver::{self, DATA};
use crate::error::Size;
use crate::extent;
use crate::pool::owner::Owner;
use crate::tree::{self, Bytes};
use offshoot_core::volume::Driver;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use std::ffi::{CStr, CString};
use std::io;
use std::path::{Path, PathBuf};

/// How much of an image existing volumes may fill: beyond, it would be full at once.
const FILL_PERCENT: u64 = 80;
/// What a pool's directory may hold.
const KNOWN: [&str; 5] = ["pool.json", "lock", "volumes", "snapshots", "making"];

/// A copying pool that was found at the mount point; locked as long as this lives.
pub(super) struct Content {
    dir: PathBuf,
    root: OwnedFd,
    bytes: u64,
    _lock: OwnedFd,
}

impl Content {
    /// `None` when there is no directory, or an empty one.
    ///
    /// # Errors
    /// It holds something else, is in use, or would not fit into `size` bytes.
    pub(super) fn find(dir: &Path, size: u64) -> Result<Option<Self>, PoolError> {
        let names = match std::fs::read_dir(dir) {
            Ok(entries) => entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
                .map_err(PoolError::io("cannot read", dir))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(PoolError::io("cannot read", dir)(error)),
        };
        if names.is_empty() {
            return Ok(None);
        }
        if let Some(other) = names
            .iter()
            .find(|name| !KNOWN.iter().any(|known| name == known))
        {
            return Err(PoolError::NotEmpty {
                dir: dir.to_owned(),
                found: other.to_string_lossy().into_owned(),
            });
        }
        let content = Self::lock(dir).map_err(PoolError::io("cannot read", dir))?;
        let content = content.ok_or_else(|| PoolError::Locked(dir.to_owned()))?;
        if engine_in(dir) {
            return Err(PoolError::Busy(dir.to_owned()));
        }
        if content.bytes > size / 100 * FILL_PERCENT {
            return Err(PoolError::TooSmall {
                wanted: Size(size),
                least: Size(content.bytes / FILL_PERCENT * 100),
            });
        }
        Ok(Some(content))
    }

    fn lock(dir: &Path) -> io::Result<Option<Self>> {
        let path = CString::new(dir.as_os_str().as_encoded_bytes())?;
        let root = tree::open_dir(fs::CWD, &path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = fs::openat(&root, c"lock", flags, Mode::RUSR | Mode::WUSR)?;
        if fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        let mut bytes = 0;
        for home in [c"volumes", c"snapshots"] {
            if let Some(home) = optional(tree::open_dir(&root, home))? {
                bytes += extent::usage(home.as_fd(), Driver::Copy)?.allocated;
            }
        }
        Ok(Some(Self {
            dir: dir.to_owned(),
            root,
            bytes,
            _lock: lock,
        }))
    }

    /// Copies everything into the image file `file`. One that could not take it all is left for the
    /// caller to remove.
    pub(super) fn move_into(
        &self,
        file: &Path,
        image: &PoolImage,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), PoolError> {
        let failed = || PoolError::io("cannot move the volumes of", &self.dir);
        let mut place = file.as_os_str().to_owned();
        place.push(".mount");
        let place = PathBuf::from(place);
        std::fs::create_dir_all(&place).map_err(failed())?;
        let copied = mount::mount(file, &place, image.fs).and_then(|()| {
            let copied = self.copy_to(&place, image, progress).map_err(failed());
            let gone = mount::unmount(&place);
            copied.and(gone)
        });
        let removed = std::fs::remove_dir(&place).map_err(failed());
        copied.and(removed)
    }

    /// Removes what has been moved: it would lie hidden below the mount.
    pub(super) fn remove(&self) {
        for home in [c"volumes", c"snapshots", c"making"] {
            if let Err(error) = tree::remove(self.root.as_fd(), home) {
                tracing::warn!(pool = %self.dir.display(), %error, "old volumes stay below the mount");
            }
        }
        let _ = fs::unlinkat(&self.root, c"pool.json", AtFlags::empty());
    }

    fn copy_to(
        &self,
        place: &Path,
        image: &PoolImage,
        progress: &mut dyn FnMut(Progress),
    ) -> io::Result<()> {
        let place = CString::new(place.as_os_str().as_encoded_bytes())?;
        let target = tree::open_dir(fs::CWD, &place)?;
        let mut done = 0;
        for (home, owned) in [(c"volumes", true), (c"snapshots", false)] {
            let Some(from) = optional(tree::open_dir(&self.root, home))? else {
                continue;
            };
            let mode = Mode::from_raw_mode(fs::fstat(&from)?.st_mode & 0o777);
            fs::mkdirat(&target, home, mode)?;
            let to = tree::open_dir(&target, home)?;
            fs::fchmod(&to, mode)?;
            for entry in tree::entries(from.as_fd())? {
                progress(Step::Moving.at(done, self.bytes));
                let source = tree::open_dir(&from, &entry.name)?;
                copy_one(
                    source.as_fd(),
                    to.as_fd(),
                    &entry.name,
                    owned,
                    image.fs.driver(),
                )?;
                let again = tree::open_dir(&from, &entry.name)?;
                done += extent::usage(again.as_fd(), Driver::Copy)?.allocated;
            }
        }
        fs::syncfs(&target)?;
        progress(Step::Moving.at(self.bytes, self.bytes));
        Ok(())
    }
}

fn copy_one(
    source: BorrowedFd<'_>,
    home: BorrowedFd<'_>,
    name: &CStr,
    owned: bool,
    driver: Driver,
) -> io::Result<()> {
    driver::copier(driver).make(home, name)?;
    let volume = tree::open_dir(home, name)?;
    let owner = match fs::statat(source, DATA, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if owned => Some(Owner(stat.st_uid)),
        _ => None,
    };
    driver::clone_data(source, volume.as_fd(), owner, Bytes::Copy)?;
    let stat = fs::fstat(source)?;
    let (uid, gid) = (stat.st_uid, stat.st_gid);
    fs::fchown(
        &volume,
        Some(rustix::process::Uid::from_raw(uid)),
        Some(rustix::process::Gid::from_raw(gid)),
    )?;
    Ok(fs::fchmod(
        &volume,
        Mode::from_raw_mode(stat.st_mode & 0o7777),
    )?)
}

/// Whether a process works in the pool: engines outlive their server, and have their data
/// directory as working directory.
fn engine_in(dir: &Path) -> bool {
    let Ok(dir) = std::fs::canonicalize(dir) else {
        return false;
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok())
        .any(|place| place.starts_with(&dir))
}

fn optional(opened: io::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
