//! Engines on this machine: finding and installing them, initialising data directories, running
//! and confining their processes, talking to them as administrator, reading and writing schemas.
//!
//! It implements the ports `Engines`, `Instances`, `Binlogs` (`offshoot_core::port`) and `Schemas`
//! (`offshoot_schema::port`). It does not know what a branch, a workflow or a store is, nor how a
//! pool copies: where a volume lies, it asks [`DataDirs`].

pub mod admin;
mod binlog;
pub mod engine;
pub mod instance;
pub mod schema;

use offshoot_core::id::VolumeId;
use offshoot_core::port::PortResult;
use std::path::PathBuf;

/// Where a volume's files are and whose they are. Implemented over the pool by the binary.
pub trait DataDirs: Send + Sync {
    /// The volume's directory, private to `owner`. An engine's data directory is the directory
    /// `data` in it.
    fn locate(&self, volume: VolumeId) -> PortResult<VolumeDir>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeDir {
    pub path: PathBuf,
    /// The unprivileged identity that owns the volume's files and that its engine runs as; `None`
    /// when Offshoot does not run as root and everything belongs to its own user.
    pub owner: Option<Owner>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}
