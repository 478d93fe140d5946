//! Full copies, on any filesystem. Holes stay holes.

use super::{Copier, DATA, make_dir};
use crate::pool::owner::Owner;
use crate::tree::{self, Bytes};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs;
use std::ffi::CStr;
use std::io;

pub(super) struct Copy;

impl Copier for Copy {
    fn make(&self, making: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        make_dir(making, name)?;
        make_dir(tree::open_dir(making, name)?.as_fd(), DATA)
    }

    fn clone(
        &self,
        source: BorrowedFd<'_>,
        making: BorrowedFd<'_>,
        name: &CStr,
        owner: Option<Owner>,
    ) -> io::Result<()> {
        let from = tree::open_dir(source, DATA)?;
        self.make(making, name)?;
        let to = tree::open_dir(tree::open_dir(making, name)?, DATA)?;
        tree::clone(from.as_fd(), to.as_fd(), owner, Bytes::Copy)
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
