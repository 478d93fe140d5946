//! The system's programs that make and grow filesystems.

use crate::PoolError;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where systems keep them: `sudo` and services often have no `sbin` in their PATH.
const PLACES: [&str; 6] = [
    "/usr/sbin",
    "/sbin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
];

pub(super) struct Program {
    name: &'static str,
    path: PathBuf,
}

impl Program {
    /// `package` is named to whom it is missing.
    pub(super) fn find(name: &'static str, package: &'static str) -> Result<Self, PoolError> {
        PLACES
            .iter()
            .map(|place| Path::new(place).join(name))
            .find(|path| path.is_file())
            .map(|path| Self { name, path })
            .ok_or(PoolError::ProgramMissing {
                program: name,
                package,
            })
    }

    /// Runs it to its end. What it says on the way is told only when it fails.
    pub(super) fn run(
        &self,
        arguments: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<(), PoolError> {
        let output = arguments(&mut Command::new(&self.path))
            .stdin(Stdio::null())
            .output()
            .map_err(PoolError::io("cannot run", &self.path))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(PoolError::ProgramFailed {
            program: self.name,
            output: text.trim().replace('\n', "; "),
        })
    }
}
