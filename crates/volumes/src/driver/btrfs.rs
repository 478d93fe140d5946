//! btrfs: every volume and snapshot is a subvolume.
//!
//! Nothing but metadata is written here, and btrfs commits metadata in whole transactions: so the
//! rename may come before the commit that makes all of it durable at once.

use super::{Copier, DATA};
use crate::pool::owner::Owner;
use crate::{ioctl, tree};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, IFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;

pub(super) struct Btrfs;

impl Copier for Btrfs {
    fn make(&self, making: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        ioctl::subvolume_create(making, name)?;
        let volume = tree::open_dir(making, name)?;
        // Database files are written in place: with copy-on-write of their own they would fall
        // into pieces. What is new inherits the flag; a snapshot still copies each block once.
        let flags = fs::ioctl_getflags(&volume)?;
        Ok(fs::ioctl_setflags(&volume, flags | IFlags::NOCOW)?)
    }

    fn clone(
        &self,
        source: BorrowedFd<'_>,
        making: BorrowedFd<'_>,
        name: &CStr,
        owner: Option<Owner>,
        copied: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        ioctl::subvolume_snapshot(source, making, name)?;
        copied()?;
        let volume = tree::open_dir(making, name)?;
        tree::remove_all_but(volume.as_fd(), DATA)?;
        if let Some(owner) = owner {
            tree::give_all(volume.as_fd(), owner)?;
        }
        Ok(())
    }

    fn remove(&self, parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        match ioctl::subvolume_destroy(parent, name) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // Not a subvolume (a half-made directory), one in it, or not root and the mount has no
            // `user_subvol_rm_allowed`: an emptied subvolume goes like a directory.
            Err(_) => tree::remove(parent, name),
        }
    }

    fn before_commit(&self, _making: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A renamed subvolume makes this commit the whole transaction, but write nobody's dirty pages.
    /// (START_SYNC with WAIT_SYNC says the same, but loses a wake-up when several call it at once
    /// and then waits for the next periodic commit, up to half a minute.)
    fn after_commit(&self, _making: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
        Ok(fs::fsync(target)?)
    }
}
