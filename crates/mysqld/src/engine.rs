//! Engine programs: which there are, where their files lie, how a command for one is built, how
//! one is installed without root, and how a data directory is initialised with it.

pub(crate) mod bound;
pub mod catalog;
pub mod initialize;
pub mod install;
pub mod probe;
pub mod timezone;

pub use catalog::{Catalog, Refused, Wanted};
pub use initialize::LocalEngines;
pub use install::{Ensured, InstallError, Installer, Phase, Progress, ensure, install};

use offshoot_core::engine::{EngineRef, EngineSource};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name of the description of a managed engine, in its directory.
pub const DESCRIPTION: &str = "engine.json";

/// The files of one engine. A managed engine lies below `<engines>/<kind>-<version>/`, with this
/// description in `engine.json` there, written last: without it the directory is not an engine.
/// In that file paths are relative to the directory, so that it may be moved.
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

impl EngineFiles {
    /// The command that runs the server: loader, `--no-defaults` first, the engine's directories.
    /// Everything else (`--datadir`, `--socket`, `--secure-file-priv`, limits) is the caller's. The
    /// environment is emptied but for `TZ=UTC` and a plain locale: nothing of Offshoot's leaks into it.
    pub fn command(&self) -> Command {
        let mut command = self.program(&self.server);
        command
            .env_clear()
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .arg("--no-defaults")
            .arg(option("--lc-messages-dir=", &self.messages))
            .arg(option("--character-sets-dir=", &self.character_sets))
            .arg(option("--plugin-dir=", &self.plugins));
        command
    }

    /// A client program that came with the engine (`mysql`, `mysqldump`), through the same loader.
    /// `None` where it did not come along.
    pub fn client(&self, name: &str) -> Option<Command> {
        let path = self.clients.as_ref()?.join(name);
        path.is_file().then(|| self.program(&path))
    }

    /// Runs a program of this engine's prefix: with its loader, without any option.
    pub(crate) fn program(&self, path: &Path) -> Command {
        let Some(loader) = &self.loader else {
            return Command::new(path);
        };
        let mut libraries = OsString::new();
        for (n, directory) in loader.library_path.iter().enumerate() {
            if n > 0 {
                libraries.push(":");
            }
            libraries.push(directory);
        }
        let mut command = Command::new(&loader.program);
        command.arg("--library-path").arg(libraries).arg(path);
        command
    }

    /// The same description with every path below `base` made absolute (`rebase(dir)` after reading).
    fn absolute(mut self, base: &Path) -> Self {
        self.each_path(|p| {
            if p.is_relative() {
                *p = base.join(&*p);
            }
        });
        self
    }

    /// The same description with every path below `base` made relative to it.
    fn relative(mut self, base: &Path) -> Self {
        self.each_path(|p| {
            if let Ok(rest) = p.strip_prefix(base) {
                *p = rest.to_owned();
            }
        });
        self
    }

    fn each_path(&mut self, mut f: impl FnMut(&mut PathBuf)) {
        f(&mut self.server);
        f(&mut self.messages);
        f(&mut self.character_sets);
        f(&mut self.plugins);
        self.clients.iter_mut().for_each(&mut f);
        self.readable.iter_mut().for_each(&mut f);
        if let Some(loader) = &mut self.loader {
            f(&mut loader.program);
            loader.library_path.iter_mut().for_each(&mut f);
        }
    }

    /// Reads the description of a managed engine in `directory`.
    pub fn read(directory: &Path) -> std::io::Result<Self> {
        let text = std::fs::read(directory.join(DESCRIPTION))?;
        let files: EngineFiles = serde_json::from_slice(&text)?;
        Ok(files.absolute(directory))
    }
}

fn option(name: &str, value: &Path) -> OsString {
    let mut text = OsString::from(name);
    text.push(value);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> EngineFiles {
        EngineFiles {
            engine: "mysql-9.7.4".parse().unwrap(),
            source: EngineSource::Managed,
            server: "root/usr/sbin/mysqld".into(),
            loader: Some(Loader {
                program: "root/ld.so".into(),
                library_path: vec!["root/a".into(), "root/b".into()],
            }),
            messages: "root/m".into(),
            character_sets: "root/c".into(),
            plugins: "root/p".into(),
            clients: Some("root/usr/bin".into()),
            readable: vec!["root".into()],
        }
    }

    #[test]
    fn a_command_names_loader_libraries_and_directories_in_order() {
        let command = files().absolute(Path::new("/e")).command();
        let args: Vec<_> = command.get_args().map(|a| a.to_str().unwrap()).collect();
        assert_eq!(command.get_program(), "/e/root/ld.so");
        assert_eq!(
            args,
            [
                "--library-path",
                "/e/root/a:/e/root/b",
                "/e/root/usr/sbin/mysqld",
                "--no-defaults",
                "--lc-messages-dir=/e/root/m",
                "--character-sets-dir=/e/root/c",
                "--plugin-dir=/e/root/p",
            ]
        );
    }

    #[test]
    fn a_description_survives_a_move() {
        let there = files()
            .absolute(Path::new("/here"))
            .relative(Path::new("/here"));
        assert_eq!(there, files());
    }
}
