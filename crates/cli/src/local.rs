//! What the binary knows of the machine that the command runs on.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

pub struct Local {
    /// Data directory of a server on this machine: its file `root-token` proves who calls, where
    /// nothing else does. Used for loopback addresses only.
    pub data_dir: Option<PathBuf>,
    /// Where that server listens, when it is not the default address.
    pub api_url: Option<String>,
    /// Program and first arguments that start the MySQL client that came with an engine.
    pub mysql: Option<Vec<OsString>>,
    /// The whole command tree, for completions.
    pub tree: fn() -> clap::Command,
}

impl Default for Local {
    /// Nothing is known, and the tree is that of the client commands alone.
    fn default() -> Self {
        Self {
            data_dir: None,
            api_url: None,
            mysql: None,
            tree: <crate::Cli as clap::CommandFactory>::command,
        }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("data_dir", &self.data_dir)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}
