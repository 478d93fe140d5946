//! The port: volumes and snapshots come into being by the rename out of `making`, and go by the
//! rename back.

use super::owner::Owner;
use super::{Inner, Pool, from_half_name, half_name, name, report, whole_name};
use crate::driver::DATA;
use crate::{extent, tree};
use async_trait::async_trait;
use offshoot_core::Refusal;
use offshoot_core::id::{SnapshotId, VolumeId};
use offshoot_core::port::{Freeze, Frozen, PortError, PortResult, Volumes};
use offshoot_core::refusal::Kind;
use offshoot_core::volume::{Driver, PoolStatus, Stored, VolumeUsage};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, AtFlags, Mode, RenameFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::io;
use std::time::Duration;

/// btrfs gives room back with its next commit, up to half a minute after a removal. Below this, in
/// bytes, one is asked for, so that nobody who made room is told that there is none.
const NEARLY_FULL: u64 = 64 << 20;

#[async_trait]
impl Volumes for Pool {
    async fn status(&self) -> PortResult<PoolStatus> {
        let inner = std::sync::Arc::clone(&self.inner);
        let fault = |error| crate::error::fault("reading the pool's size", 0, error);
        // statvfs answers from memory on every filesystem that a pool lies on.
        let look = move || report::status(inner.root.as_fd(), inner.driver, &inner.dir);
        let seen = look().map_err(fault)?;
        if seen.driver != Driver::Btrfs || seen.free >= NEARLY_FULL {
            return Ok(seen);
        }
        let inner = std::sync::Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || rustix::fs::syncfs(&inner.root))
            .await
            .map_err(io::Error::other)
            .and_then(|synced| synced.map_err(io::Error::from))
            .and_then(|()| look())
            .map_err(fault)
    }

    async fn create(&self, volume: VolumeId) -> PortResult<()> {
        self.change(Stored::Volume(volume), None, move |inner| {
            inner.make(Stored::Volume(volume), "making a volume", |half, _| {
                inner.copier.make(inner.making.as_fd(), half)
            })
        })
        .await
    }

    async fn snapshot(&self, volume: VolumeId, snapshot: SnapshotId) -> PortResult<()> {
        let (from, to) = (Stored::Volume(volume), Stored::Snapshot(snapshot));
        self.change(to, Some(from), move |inner| {
            inner.clone(from, to, "making a snapshot")
        })
        .await
    }

    async fn fork(&self, snapshot: SnapshotId, volume: VolumeId) -> PortResult<()> {
        let (from, to) = (Stored::Snapshot(snapshot), Stored::Volume(volume));
        self.change(to, Some(from), move |inner| {
            inner.clone(from, to, "making a volume")
        })
        .await
    }

    async fn remove(&self, stored: Stored) -> PortResult<()> {
        self.change(stored, None, move |inner| {
            inner
                .remove(stored)
                .map_err(|error| crate::error::fault("removing a volume", inner.free(), error))
        })
        .await
    }

    async fn list(&self) -> PortResult<Vec<Stored>> {
        let inner = std::sync::Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            inner
                .list()
                .map_err(|error| crate::error::fault("reading the pool", 0, error))
        })
        .await
        .unwrap_or_else(|panic| Err(PortError::retry(Refusal::internal(panic))))
    }

    async fn pause(&self, volume: VolumeId) -> PortResult<Option<Duration>> {
        let predicted = self.predict_pause(volume).await?;
        Ok(predicted.map(|pause| pause.loaded))
    }

    async fn duplicate(
        &self,
        from: VolumeId,
        to: VolumeId,
        engine: Option<Box<dyn Freeze>>,
    ) -> PortResult<Duration> {
        let (from, to) = (Stored::Volume(from), Stored::Volume(to));
        self.change(to, Some(from), move |inner| {
            inner.duplicate(from, to, engine)
        })
        .await
    }

    async fn keep(&self, volume: VolumeId, snapshot: SnapshotId) -> PortResult<()> {
        let (from, to) = (Stored::Volume(volume), Stored::Snapshot(snapshot));
        self.change(to, Some(from), move |inner| {
            inner
                .keep(volume, snapshot)
                .map_err(|error| inner.fault("keeping a volume", from, error))
        })
        .await
    }

    async fn usage(&self, volume: VolumeId) -> PortResult<VolumeUsage> {
        self.read(Stored::Volume(volume), "reading a volume", move |inner| {
            let dir = tree::open_dir(&inner.volumes, &name(volume.as_str()))?;
            extent::usage(dir.as_fd(), inner.driver)
        })
        .await
    }
}

impl Inner {
    fn clone(&self, from: Stored, to: Stored, doing: &'static str) -> PortResult<()> {
        if self
            .is_whole(to)
            .map_err(|error| self.fault(doing, to, error))?
        {
            return Ok(());
        }
        let source = tree::open_dir(self.home(from), &whole_name(from))
            .map_err(|error| self.fault(doing, from, error))?;
        if self.driver == Driver::Copy {
            self.check_room(source.as_fd())
                .map_err(|error| self.fault(doing, from, error))?;
        }
        self.make(to, doing, |half, owner| {
            let making = self.making.as_fd();
            self.copier
                .clone(source.as_fd(), making, half, owner, &mut || Ok(()))
        })
    }

    /// The same from one volume to another, whose engine stands still until its data is copied.
    fn duplicate(
        &self,
        from: Stored,
        to: Stored,
        engine: Option<Box<dyn Freeze>>,
    ) -> PortResult<Duration> {
        const DOING: &str = "copying a volume";
        let Some(engine) = engine else {
            return self.clone(from, to, DOING).map(|()| Duration::ZERO);
        };
        if self
            .is_whole(to)
            .map_err(|error| self.fault(DOING, to, error))?
        {
            return Ok(Duration::ZERO);
        }
        let source = tree::open_dir(self.home(from), &whole_name(from))
            .map_err(|error| self.fault(DOING, from, error))?;
        // What is written now need not be written while the engine stands still.
        fs::syncfs(&source).map_err(|error| self.fault(DOING, from, error.into()))?;
        let mut stood = None;
        let made = self.make(to, DOING, |half, owner| {
            let mut frozen = match engine.freeze() {
                Ok(frozen) => Some(frozen),
                Err(error) => {
                    stood = Some(Err(error));
                    return Err(io::ErrorKind::Interrupted.into());
                }
            };
            let mut thaw = || {
                stood = frozen.take().map(Frozen::thaw);
                match stood {
                    Some(Ok(_)) => Ok(()),
                    _ => Err(io::ErrorKind::Interrupted.into()),
                }
            };
            let making = self.making.as_fd();
            self.copier
                .clone(source.as_fd(), making, half, owner, &mut thaw)
        });
        match (made, stood) {
            // What it says is why nothing was made.
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), stood) => stood.unwrap_or(Ok(Duration::ZERO)),
        }
    }

    /// Everything of the volume but the engine's data goes, and the rest becomes root's, before the
    /// rename that makes it a snapshot: each of them can be repeated.
    fn keep(&self, volume: VolumeId, snapshot: SnapshotId) -> io::Result<()> {
        let (from, to) = (name(volume.as_str()), name(snapshot.as_str()));
        match tree::open_dir(&self.volumes, &from) {
            // Renamed by an earlier call, which may not have made it durable.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && self.is_whole(Stored::Snapshot(snapshot))? => {}
            dir => {
                let dir = dir?;
                let owner = Owner(fs::fstat(&dir)?.st_gid);
                tree::remove_all_but(dir.as_fd(), DATA)?;
                fs::fchmod(&dir, Mode::RWXU)?;
                if self.owners.is_some() {
                    fs::fchown(&dir, Some(Uid::ROOT), Some(Gid::ROOT))?;
                }
                // An engine need not have synced all that it wrote before it ended.
                fs::syncfs(&dir)?;
                let flags = RenameFlags::NOREPLACE;
                fs::renameat_with(&self.volumes, &from, &self.snapshots, &to, flags)?;
                if let Some(owners) = &self.owners {
                    owners.release(owner);
                }
            }
        }
        self.copier
            .after_commit(self.volumes.as_fd(), self.snapshots.as_fd())
    }

    /// Makes `to` with `fill`, which makes `half` in `making`, and names it. Leaves nothing when
    /// it fails, and removes what an earlier call left.
    fn make(
        &self,
        to: Stored,
        doing: &'static str,
        fill: impl FnOnce(&CStr, Option<Owner>) -> io::Result<()>,
    ) -> PortResult<()> {
        if self
            .is_whole(to)
            .map_err(|error| self.fault(doing, to, error))?
        {
            return Ok(());
        }
        let owner = match (&self.owners, to) {
            (Some(owners), Stored::Volume(_)) => Some(owners.take().ok_or_else(no_identity)?),
            _ => None,
        };
        let half = half_name(to);
        let made = self
            .copier
            .remove(self.making.as_fd(), &half)
            .and_then(|()| fill(&half, owner))
            .and_then(|()| self.close_off(&half, owner))
            .and_then(|()| self.copier.before_commit(self.making.as_fd()))
            .and_then(|()| self.commit(&half, to));
        made.map_err(|error| {
            if let Err(error) = self.copier.remove(self.making.as_fd(), &half) {
                tracing::warn!(?to, %error, "a half-made volume stays until its id is removed");
            }
            if let (Some(owners), Some(owner)) = (&self.owners, owner) {
                owners.release(owner);
            }
            // What is missing now is not `to`: that is being made.
            crate::error::fault(doing, self.free(), error)
        })
    }

    /// Lets the volume's own group, and nobody else, through its directory. An engine may not write
    /// there, or it could put links where root makes directories.
    fn close_off(&self, half: &CStr, owner: Option<Owner>) -> io::Result<()> {
        let dir = tree::open_dir(&self.making, half)?;
        let Some(owner) = owner else {
            return Ok(fs::fchmod(&dir, Mode::RWXU)?);
        };
        fs::fchown(&dir, Some(Uid::ROOT), Some(owner.gid()))?;
        fs::fchmod(&dir, Mode::RWXU | Mode::XGRP)?;
        match fs::chmodat(&dir, DATA, Mode::RWXU, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn commit(&self, half: &CStr, to: Stored) -> io::Result<()> {
        let home = self.home(to);
        let whole = whole_name(to);
        fs::renameat_with(&self.making, half, home, &whole, RenameFlags::NOREPLACE)?;
        self.copier
            .after_commit(self.making.as_fd(), home)
            .inspect_err(|_| {
                // Not durable, so not made: the caller repeats it.
                if let Err(error) = fs::renameat(home, &whole, &self.making, half) {
                    tracing::error!(?to, %error, "a volume that may not be durable stays");
                }
            })
    }

    fn remove(&self, stored: Stored) -> io::Result<()> {
        let (home, whole, half) = (self.home(stored), whole_name(stored), half_name(stored));
        self.copier.remove(self.making.as_fd(), &half)?;
        let owner =
            fs::statat(home, &whole, AtFlags::SYMLINK_NOFOLLOW).map(|stat| Owner(stat.st_gid));
        match fs::renameat(home, &whole, &self.making, &half) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.copier.remove(self.making.as_fd(), &half)?;
        if let (Some(owners), Stored::Volume(_), Ok(owner)) = (&self.owners, stored, owner) {
            owners.release(owner);
        }
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<Stored>> {
        let mut found = BTreeSet::new();
        for entry in entries(self.volumes.as_fd())? {
            let id = entry.to_str().ok().and_then(|id| id.parse().ok());
            found.extend(id.map(Stored::Volume));
        }
        for entry in entries(self.snapshots.as_fd())? {
            let id = entry.to_str().ok().and_then(|id| id.parse().ok());
            found.extend(id.map(Stored::Snapshot));
        }
        for entry in entries(self.making.as_fd())? {
            found.extend(from_half_name(&entry));
        }
        Ok(found.into_iter().collect())
    }

    /// A copy that will not fit is not begun: it would fill the disk of everybody else first.
    fn check_room(&self, source: BorrowedFd<'_>) -> io::Result<()> {
        if extent::usage(source, Driver::Copy)?.allocated > self.free() {
            return Err(Errno::NOSPC.into());
        }
        Ok(())
    }
}

/// The names in a directory that others are reading, too.
fn entries(dir: BorrowedFd<'_>) -> io::Result<impl Iterator<Item = std::ffi::CString>> {
    let own = tree::open_dir(dir, c".")?;
    Ok(tree::entries(own.as_fd())?.into_iter().map(|e| e.name))
}

fn no_identity() -> PortError {
    let refusal = Refusal::new(Kind::Exhausted, "every identity for volumes is taken")
        .hint("delete branches, or widen the range of identities in the configuration");
    PortError::fatal(refusal)
}
