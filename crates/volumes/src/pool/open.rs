//! Opening a pool: what it was, what it is, whether that fits.

use super::claim::Claims;
use super::owner::Owners;
use super::record::{self, Record};
use super::{Inner, JOBS, PoolOptions};
use crate::PoolError;
use crate::driver;
use crate::tree;
use offshoot_core::volume::Driver;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long another holder of the lock is waited for: a server that is just ending.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

pub(super) fn open(dir: &Path, options: PoolOptions) -> Result<Inner, PoolError> {
    let dir = &std::path::absolute(dir).map_err(PoolError::io("cannot resolve", dir))?;
    let root_user = rustix::process::geteuid().is_root();
    let beside = record::beside(dir);
    let promise = Record::read(&beside).map_err(|error| match error {
        PoolError::Io { cause, .. } => unwritable(dir, "reached")(cause),
        other => other,
    })?;
    let promised = promise.as_ref().map(|record| record.driver);
    let root = open_root(dir, promised, root_user)?;
    let unwritable = |what| unwritable(dir, what);

    let (driver, found) = driver::detect(root.as_fd()).map_err(unwritable("used"))?;
    check_promise(dir, promised, driver, &found)?;
    if root_user {
        check_reachable(dir)?;
    }
    let lock = lock(dir, root.as_fd())?;
    let recorded = Record::read(&record::inside(dir))?.map(|record| record.driver);
    check_promise(dir, recorded, driver, &found)?;

    let others = if root_user {
        Mode::XGRP | Mode::XOTH
    } else {
        Mode::empty()
    };
    let sub = |name, mode| subdirectory(root.as_fd(), name, mode).map_err(unwritable("written"));
    let volumes = sub(c"volumes", Mode::RWXU | others)?;
    let snapshots = sub(c"snapshots", Mode::RWXU)?;
    let making = sub(c"making", Mode::RWXU)?;
    check_driver(dir, recorded, driver, [&volumes, &snapshots])?;

    if recorded != Some(driver) {
        Record::new(driver, None)
            .write(&record::inside(dir))
            .map_err(unwritable("written"))?;
    }
    let image = promise.and_then(|record| record.image);
    if promised != Some(driver)
        && let Err(error) = Record::new(driver, image.clone()).write(&beside)
    {
        // Its parent belongs to somebody else, who would have to unmount it, too.
        tracing::warn!(file = %beside.display(), %error, "the pool's driver is recorded in the pool only");
    }
    let owners = if root_user {
        let taken = owners_in(volumes.as_fd()).map_err(unwritable("read"))?;
        Some(Owners::new(options.owners, taken))
    } else {
        None
    };
    tracing::info!(pool = %dir.display(), %driver, "pool open");
    Ok(Inner {
        dir: dir.clone(),
        driver,
        copier: driver::copier(driver),
        image,
        owners,
        root,
        volumes,
        snapshots,
        making,
        claims: Arc::new(Claims::default()),
        jobs: Arc::new(Semaphore::new(JOBS)),
        _lock: lock,
    })
}

fn unwritable(dir: &Path, what: &'static str) -> impl FnOnce(io::Error) -> PoolError {
    move |cause| PoolError::Unwritable {
        dir: dir.to_owned(),
        what,
        cause,
    }
}

fn open_root(dir: &Path, promised: Option<Driver>, root_user: bool) -> Result<OwnedFd, PoolError> {
    let open = || {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::open(dir, flags, Mode::empty()).map_err(io::Error::from)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_promise(dir, promised, Driver::Copy, "no directory")?;
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(if root_user { 0o711 } else { 0o700 })
                .create(dir)
                .map_err(unwritable(dir, "made"))?;
            open().map_err(unwritable(dir, "opened"))
        }
        result => result.map_err(unwritable(dir, "opened")),
    }
}

/// A pool that copied by reference does not fall back to full copies.
fn check_promise(
    dir: &Path,
    promised: Option<Driver>,
    driver: Driver,
    found: &str,
) -> Result<(), PoolError> {
    match promised {
        Some(promised) if promised.copy_on_write() && !driver.copy_on_write() => {
            Err(PoolError::NotMounted {
                dir: dir.to_owned(),
                promised,
                found: found.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

/// Plain directories can be reflinked and copied, but only subvolumes have snapshots.
fn check_driver(
    dir: &Path,
    recorded: Option<Driver>,
    found: Driver,
    homes: [&OwnedFd; 2],
) -> Result<(), PoolError> {
    let Some(recorded) = recorded.filter(|recorded| *recorded != found) else {
        return Ok(());
    };
    if found != Driver::Btrfs {
        return Ok(());
    }
    for home in homes {
        let entries = tree::open_dir(home, c".")
            .and_then(|home| tree::entries(home.as_fd()))
            .map_err(unwritable(dir, "read"))?;
        if !entries.is_empty() {
            return Err(PoolError::DriverChanged {
                dir: dir.to_owned(),
                recorded,
                found,
            });
        }
    }
    Ok(())
}

/// Engines run under identities of their own and must get through every directory above.
fn check_reachable(dir: &Path) -> Result<(), PoolError> {
    for above in dir.ancestors() {
        let mode = std::fs::metadata(above)
            .map_err(PoolError::io("cannot read", above))?
            .mode()
            & 0o777;
        if mode & 0o001 == 0 {
            return Err(PoolError::Unreachable {
                dir: above.to_owned(),
                mode,
                pool: dir.to_owned(),
            });
        }
    }
    Ok(())
}

fn lock(dir: &Path, root: BorrowedFd<'_>) -> Result<OwnedFd, PoolError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = fs::openat(root, c"lock", flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| unwritable(dir, "written")(error.into()))?;
    for _ in 0..LOCK_TRIES {
        match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::AGAIN) => std::thread::sleep(LOCK_PAUSE),
            Err(error) => return Err(unwritable(dir, "locked")(error.into())),
        }
    }
    Err(PoolError::Locked(dir.to_owned()))
}

fn subdirectory(root: BorrowedFd<'_>, name: &CStr, mode: Mode) -> io::Result<OwnedFd> {
    match fs::mkdirat(root, name, mode) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let dir = tree::open_dir(root, name)?;
    fs::fchmod(&dir, mode)?;
    Ok(dir)
}

/// The identities of the volumes there are.
fn owners_in(volumes: BorrowedFd<'_>) -> io::Result<BTreeSet<u32>> {
    let mut taken = BTreeSet::new();
    for entry in tree::entries(tree::open_dir(volumes, c".")?.as_fd())? {
        if let Ok(stat) = fs::statat(volumes, &entry.name, AtFlags::SYMLINK_NOFOLLOW)
            && !taken.insert(stat.st_gid)
        {
            tracing::error!(gid = stat.st_gid, "two volumes have one identity");
        }
    }
    Ok(taken)
}
