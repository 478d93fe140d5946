//! Engine programs: which there are, where their files lie, and how a command for one is built.

use offshoot_core::engine::{EngineRef, EngineSource};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The files of one engine. A managed engine lies below `<engines>/<kind>-<version>/`, with this
/// description in `engine.json` there, written last: without it the directory is not an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFiles {
    pub engine: EngineRef,
    pub source: EngineSource,
    /// `mysqld` or `mariadbd`.
    pub server: PathBuf,
    /// The dynamic loader that comes with a managed engine and its library directories; `None` = the system's.
    pub loader: Option<Loader>,
    /// Directory with the subdirectory `english` of error messages (`--lc-messages-dir`).
    pub messages: PathBuf,
    /// `--character-sets-dir`.
    pub character_sets: PathBuf,
    /// `--plugin-dir`.
    pub plugins: PathBuf,
    /// Directory with the client programs (`mysql`, `mysqldump`), where they came along.
    pub clients: Option<PathBuf>,
    /// Directories an engine must be able to read (its prefix, or the system's `/usr` and `/lib`).
    pub readable: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loader {
    pub program: PathBuf,
    pub library_path: Vec<PathBuf>,
}
