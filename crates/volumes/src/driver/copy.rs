//! Full copies, on any filesystem. Holes stay holes.

use super::{Copier, clone_data, make_dir};
use crate::pool::owner::Owner;
use crate::tree::{self, Bytes};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs;
use std::ffi::CStr;
use std::io;

pub(super) struct Copy;

impl Copier for Copy {
    fn make(&self, making: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        make_dir(making, name).map(drop)
    }

    fn clone(
        &self,
        source: BorrowedFd<'_>,
        making: BorrowedFd<'_>,
        name: &CStr,
        owner: Option<Owner>,
        copied: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let volume = make_dir(making, name)?;
        clone_data(source, volume.as_fd(), owner, Bytes::Copy)?;
        copied()
    }

    fn remove(&self, parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        tree::remove(parent, name)
    }

    fn before_commit(&self, making: BorrowedFd<'_>) -> io::Result<()> {
        Ok(fs::syncfs(making)?)
    }

    fn after_commit(&self, making: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
        fs::fsync(target)?;
        Ok(fs::fsync(making)?)
    }
}
