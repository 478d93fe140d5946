//! A pool that is open: its directory, its driver, and the jobs that run in it.
//!
//! ```text
//! pool.json            what the pool is
//! lock                 held by the server that has it open
//! volumes/ID/data/     an engine's data directory, once the engine has made one; with root,
//!                      volumes/ID is root's, and its group is the volume's identity
//! snapshots/ID/data/   images, for root alone
//! making/v-ID, s-ID    half-made and half-removed volumes and snapshots
//! ```
//! What has its name in `volumes` or `snapshots` is whole: the rename out of `making` is what
//! makes it, the rename back is what removes it.

mod claim;
mod open;
pub(crate) mod owner;
pub(crate) mod record;
pub(crate) mod report;
mod volumes;

use crate::driver::{Copier, DATA};
use crate::error::fault;
use crate::image::ImageRecord;
use crate::{OwnerRange, Pause, PoolError, extent, tree};
use claim::Claims;
use offshoot_core::Refusal;
use offshoot_core::id::{SnapshotId, VolumeId};
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::volume::{Driver, Stored};
use owner::{Owner, Owners};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags};
use std::ffi::{CStr, CString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Jobs that run at once. They share one disk and one log: more of them only wait for each other,
/// fewer would flush it more often.
const JOBS: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
pub struct PoolOptions {
    /// Identities for volumes; used when the process is root.
    pub owners: OwnerRange,
}

/// Volumes and snapshots in one directory. One process has it open at a time.
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    driver: Driver,
    copier: &'static dyn Copier,
    image: Option<ImageRecord>,
    /// `None` when the process is not root: then everything belongs to its own user.
    owners: Option<Owners>,
    root: OwnedFd,
    volumes: OwnedFd,
    snapshots: OwnedFd,
    making: OwnedFd,
    claims: Arc<Claims>,
    jobs: Arc<Semaphore>,
    /// Held as long as the pool is open.
    _lock: OwnedFd,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Pool({}, {})",
            self.inner.dir.display(),
            self.inner.driver
        )
    }
}

/// Where a volume is and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The volume's directory; the engine's data directory is `data` in it. Root makes and gives
    /// away what else an engine needs there: the engine itself may only pass through.
    pub path: PathBuf,
    /// User and group number of its files and its engine; `None` when the process is not root.
    pub owner: Option<(u32, u32)>,
}

impl Pool {
    /// Opens the pool at `dir` and makes its directories where they are missing. Blocks for a few
    /// system calls.
    ///
    /// # Errors
    /// See [`PoolError`]: not writable, not reachable for engines, open elsewhere, or no longer
    /// copy-on-write though it was.
    pub fn open(dir: impl AsRef<Path>, options: PoolOptions) -> Result<Pool, PoolError> {
        let inner = Arc::new(open::open(dir.as_ref(), options)?);
        Ok(Pool { inner })
    }

    pub fn driver(&self) -> Driver {
        self.inner.driver
    }

    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Where a volume is and whose it is: one `stat`.
    ///
    /// # Errors
    /// Not found; or it belongs to root alone, which no engine may run as.
    pub fn locate(&self, volume: VolumeId) -> PortResult<Located> {
        let inner = &self.inner;
        let name = name(volume.as_str());
        let stat = tree::open_dir(&inner.volumes, &name)
            .and_then(|dir| Ok(fs::fstat(dir)?))
            .map_err(|error| inner.fault("finding a volume", Stored::Volume(volume), error))?;
        if inner.owners.is_some() && stat.st_gid == 0 {
            let cause = format!("{volume:?} has no identity of its own");
            return Err(PortError::fatal(Refusal::internal(cause)));
        }
        Ok(Located {
            path: inner.dir.join("volumes").join(volume.as_str()),
            owner: inner.owners.as_ref().map(|_| (stat.st_gid, stat.st_gid)),
        })
    }

    /// The engine's directory in a snapshot, for whoever copies it out of the pool. It is for root, or
    /// Offshoot's own user, alone.
    ///
    /// # Errors
    /// Not found.
    pub fn locate_snapshot(&self, snapshot: SnapshotId) -> PortResult<PathBuf> {
        let inner = &self.inner;
        let stored = Stored::Snapshot(snapshot);
        tree::open_dir(&inner.snapshots, &name(snapshot.as_str()))
            .map_err(|error| inner.fault("finding a snapshot", stored, error))?;
        let dir = inner.dir.join("snapshots").join(snapshot.as_str());
        Ok(dir.join(DATA.to_string_lossy().as_ref()))
    }

    /// The engine's directory in a volume that holds none yet, for whoever writes one into it. It is
    /// the engine's once it was [handed over](Pool::hand_over).
    ///
    /// # Errors
    /// As [`Pool::locate`].
    pub fn locate_data(&self, volume: VolumeId) -> PortResult<PathBuf> {
        let path = self.locate(volume)?.path;
        Ok(path.join(DATA.to_string_lossy().as_ref()))
    }

    /// Gives an engine's directory that was written into a volume from outside to the volume's
    /// identity, durable on return.
    ///
    /// # Errors
    /// Not found, or nothing was written.
    pub async fn hand_over(&self, volume: VolumeId) -> PortResult<()> {
        const DOING: &str = "handing a volume over";
        let stored = Stored::Volume(volume);
        self.change(stored, None, move |inner| {
            let hand_over = || -> io::Result<()> {
                let dir = tree::open_dir(&inner.volumes, &name(volume.as_str()))?;
                let data = tree::open_dir(&dir, DATA)?;
                fs::fchmod(&data, fs::Mode::RWXU)?;
                if inner.owners.is_some() {
                    let owner = Owner(fs::fstat(&dir)?.st_gid);
                    tree::give_all(data.as_fd(), owner)?;
                    tree::give(&dir, DATA, Some(owner))?;
                }
                Ok(fs::syncfs(&data)?)
            };
            hand_over().map_err(|error| inner.fault(DOING, stored, error))
        })
        .await
    }

    /// How long a running engine would have to stand still for a copy of this volume, from the
    /// number of its files and extents. `None` in a pool that copies in full: there a running
    /// engine's own means are to be used. Takes about 10 µs per file.
    pub async fn predict_pause(&self, volume: VolumeId) -> PortResult<Option<Pause>> {
        let stored = Stored::Volume(volume);
        self.read(stored, "reading a volume's extents", move |inner| {
            let dir = tree::open_dir(&inner.volumes, &name(volume.as_str()))?;
            extent::pause(dir.as_fd(), inner.driver)
        })
        .await
    }

    /// Runs `job`, which changes nothing, where it may block.
    async fn read<T: Send + 'static>(
        &self,
        stored: Stored,
        doing: &'static str,
        job: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            job(&inner).map_err(|error| inner.fault(doing, stored, error))
        })
        .await
        .unwrap_or_else(|panic| Err(PortError::retry(Refusal::internal(panic))))
    }

    /// Runs `job` where it may block, alone on `alone` and beside others on `shared`. It goes on
    /// to its end when the caller does not wait for it.
    async fn change<T: Send + 'static>(
        &self,
        alone: Stored,
        shared: Option<Stored>,
        job: impl FnOnce(&Inner) -> PortResult<T> + Send + 'static,
    ) -> PortResult<T> {
        let claim = self.inner.claims.claim(alone, shared).await;
        let permit = Arc::clone(&self.inner.jobs).acquire_owned().await;
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            let result = job(&inner);
            drop((claim, permit));
            result
        })
        .await
        .unwrap_or_else(|panic| Err(PortError::retry(Refusal::internal(panic))))
    }
}

impl Inner {
    /// Where whole things of this sort are.
    fn home(&self, stored: Stored) -> BorrowedFd<'_> {
        match stored {
            Stored::Volume(_) => self.volumes.as_fd(),
            Stored::Snapshot(_) => self.snapshots.as_fd(),
        }
    }

    fn is_whole(&self, stored: Stored) -> io::Result<bool> {
        match fs::statat(
            self.home(stored),
            whole_name(stored),
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn free(&self) -> u64 {
        fs::fstatvfs(&self.root).map_or(0, |stat| stat.f_bavail * stat.f_frsize)
    }

    /// A failure at `doing` something with `stored`, for the port.
    fn fault(&self, doing: &'static str, stored: Stored, cause: io::Error) -> PortError {
        if cause.kind() == io::ErrorKind::NotFound {
            return PortError::fatal(match stored {
                Stored::Volume(id) => Refusal::not_found(format_args!("volume {id}")),
                Stored::Snapshot(id) => Refusal::not_found(format_args!("snapshot {id}")),
            });
        }
        fault(doing, self.free(), cause)
    }
}

fn name(id: &str) -> CString {
    CString::new(id).unwrap_or_default()
}

fn whole_name(stored: Stored) -> CString {
    match stored {
        Stored::Volume(id) => name(id.as_str()),
        Stored::Snapshot(id) => name(id.as_str()),
    }
}

/// Its name in `making`.
fn half_name(stored: Stored) -> CString {
    match stored {
        Stored::Volume(id) => name(&format!("v-{id}")),
        Stored::Snapshot(id) => name(&format!("s-{id}")),
    }
}

fn from_half_name(name: &CStr) -> Option<Stored> {
    match name.to_str().ok()?.split_once('-')? {
        ("v", id) => id.parse().ok().map(Stored::Volume),
        ("s", id) => id.parse().ok().map(Stored::Snapshot),
        _ => None,
    }
}
