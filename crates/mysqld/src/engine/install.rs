//! Installing an engine without root, on Debian-like systems: the packages of the machine's own
//! package sources, fetched and checked by apt in a state of its own, unpacked into one directory
//! with all the libraries they need. The system is neither read (beyond its sources) nor changed.

mod answer;
mod apt;
pub mod sources;
mod unpack;

use super::catalog::{Catalog, write_atomically};
use super::{DESCRIPTION, EngineFiles};
use apt::Apt;
use offshoot_core::engine::EngineKind;
use sources::{Release, Sources};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Held by the one that installs.
const LOCK: &str = ".install.lock";
/// Beginning of the name of a half-made directory; whoever holds the lock may remove it.
const HALF: &str = ".install-";
/// The suite with the newest packages, for a distribution whose own are too old.
const NEWEST_SUITE: &str = "sid";

/// Where an installation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Another process is installing.
    Waiting,
    /// The package index is fetched.
    Index,
    /// Packages are fetched: `done` of `packages`, `bytes` of `total` bytes.
    Download {
        done: usize,
        packages: usize,
        bytes: u64,
        total: u64,
    },
    /// Packages are unpacked: `done` of `packages`.
    Unpack { done: usize, packages: usize },
    /// The server is run once to see that it works.
    Check,
}

/// Told about every step; called from the installing thread, several times a second at most.
pub trait Progress: Send + Sync {
    fn report(&self, phase: Phase);
}

/// For those who do not look.
impl Progress for () {
    fn report(&self, _: Phase) {}
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("{kind} cannot be installed from here, since this is not a Debian-like system ({missing}); {}", by_hand(*kind))]
    NotDebian { kind: EngineKind, missing: String },
    #[error("this machine's apt configuration in {path} names no package source of its own distribution, {release}; {}", by_hand(*kind))]
    NoSource {
        kind: EngineKind,
        path: PathBuf,
        release: String,
    },
    #[error("the package index cannot be fetched: {reason}; see that `apt-get update` works on this machine, or {}", by_hand(*kind))]
    Index { kind: EngineKind, reason: String },
    #[error("{kind} {} or newer is in none of the package sources of this machine; {}", kind.oldest(), by_hand(*kind))]
    NoPackage { kind: EngineKind },
    #[error("the packages of {kind} cannot be fetched: {reason}; try again, or {}", by_hand(*kind))]
    Download { kind: EngineKind, reason: String },
    #[error("installing {kind} needs {} MiB in {path}, and {} MiB are free; free some, or point data_dir at a larger filesystem", needed >> 20, free >> 20)]
    NoSpace {
        kind: EngineKind,
        path: PathBuf,
        needed: u64,
        free: u64,
    },
    #[error("{package} cannot be unpacked: {reason}")]
    Unpack { package: String, reason: String },
    #[error("the installed {kind} does not work here: {reason}; {}", by_hand(*kind))]
    Check { kind: EngineKind, reason: String },
    #[error("{path}: {source}; see that the directory can be written to and has room")]
    Files {
        path: PathBuf,
        source: std::io::Error,
    },
}

fn by_hand(kind: EngineKind) -> String {
    let (package, section) = match kind {
        EngineKind::Mysql => ("mysql-server", "mysql"),
        EngineKind::Mariadb => ("mariadb-server", "mariadb"),
    };
    let oldest = kind.oldest();
    format!(
        "install {package} {}.{} or newer with the system's package tool, or write `[engine.{section}] server = \"/path/to/server\"` in offshoot.toml",
        oldest.major, oldest.minor
    )
}

/// What installs: where to, and from what.
#[derive(Clone, Debug)]
pub struct Installer {
    /// The directory of managed engines.
    pub engines: PathBuf,
    /// The machine's apt configuration.
    pub apt: PathBuf,
    /// What the machine says it is.
    pub os_release: PathBuf,
    /// Bytes that must be free, packages and index included; `None` = what the engine takes.
    pub needed: Option<u64>,
}

impl Installer {
    pub fn new(engines: &Path) -> Self {
        Self {
            engines: engines.to_owned(),
            apt: "/etc/apt".into(),
            os_release: "/etc/os-release".into(),
            needed: None,
        }
    }

    /// Installs the newest version that this machine's sources offer, or finds it installed.
    /// Blocking, for 10 s to minutes. Whatever happens, the engine is there whole or not at all;
    /// leftovers of an interrupted run go with the next one.
    pub fn install(
        &self,
        kind: EngineKind,
        progress: &dyn Progress,
    ) -> Result<EngineFiles, InstallError> {
        let release = self.release(kind)?;
        // Absolute: the programs run in other directories.
        make_open(&self.engines).map_err(|e| files(&self.engines, e))?;
        let engines = self
            .engines
            .canonicalize()
            .map_err(|e| files(&self.engines, e))?;
        let _lock = lock(&engines, progress)?;
        sweep(&engines)?;
        self.check_space(kind, &engines)?;
        let sources = Sources::read(&self.apt).map_err(|e| files(&self.apt, e))?;
        let own = sources.of(&release);
        if own.is_empty() {
            return Err(InstallError::NoSource {
                kind,
                path: self.apt.clone(),
                release: release.to_string(),
            });
        }
        let half = Half(engines.join(format!("{HALF}{}", kind.as_str())));
        make(&half.0)?;
        progress.report(Phase::Index);
        let (apt, choice) = self.choose(kind, &own, &release, &half.0)?;
        if let Some(there) = already(&engines, kind, &choice) {
            return Ok(there);
        }
        apt.fetch(kind, &choice, progress)?;
        let made = half.0.join("engine");
        let mut found = unpack::unpack(kind, &apt.archives(), &made, progress)?;
        progress.report(Phase::Check);
        found.engine = unpack::check(kind, &found, &made)?;
        let target = engines.join(found.engine.to_string());
        let text = serde_json::to_vec_pretty(&found.relative(&made))
            .map_err(|e| files(&made, e.into()))?;
        publish(&made, &target, &text).map_err(|e| files(&target, e))?;
        EngineFiles::read(&target).map_err(|e| files(&target, e))
    }

    fn release(&self, kind: EngineKind) -> Result<Release, InstallError> {
        let missing = ["apt-get", "apt-cache", "apt-config", "dpkg-deb"]
            .into_iter()
            .find(|p| apt::program(p).is_none());
        let text = std::fs::read_to_string(&self.os_release).unwrap_or_default();
        match (missing, Release::parse(&text)) {
            (None, Some(release)) => Ok(release),
            (Some(program), _) => Err(InstallError::NotDebian {
                kind,
                missing: format!("it has no {program}"),
            }),
            (None, None) => Err(InstallError::NotDebian {
                kind,
                missing: format!("{} names no release", self.os_release.display()),
            }),
        }
    }

    /// Room for index, packages and prefix: measured, with a fifth more.
    fn check_space(&self, kind: EngineKind, engines: &Path) -> Result<(), InstallError> {
        let needed = self.needed.unwrap_or(match kind {
            EngineKind::Mysql => 700 << 20,
            EngineKind::Mariadb => 500 << 20,
        });
        let stat = rustix::fs::statvfs(engines).map_err(|e| files(engines, e.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free >= needed {
            return Ok(());
        }
        Err(InstallError::NoSpace {
            kind,
            path: engines.to_owned(),
            needed,
            free,
        })
    }

    /// The system's own suite where its version is good enough, else the newest one of Debian.
    fn choose(
        &self,
        kind: EngineKind,
        own: &Sources,
        release: &Release,
        half: &Path,
    ) -> Result<(Apt, apt::Choice), InstallError> {
        let mut tried = vec![(own.clone(), "own")];
        tried.extend(own.newest(release, NEWEST_SUITE).map(|s| (s, NEWEST_SUITE)));
        for (sources, name) in tried {
            let place = half.join(name);
            let apt = Apt::new(&place, &sources).map_err(|e| files(&place, e))?;
            apt.update(kind)?;
            if let Some(choice) = apt.candidate(kind)? {
                return Ok((apt, choice));
            }
        }
        Err(InstallError::NoPackage { kind })
    }
}

/// Installs into `engines` from the machine's own package sources; see [`Installer::install`].
pub fn install(
    kind: EngineKind,
    engines: &Path,
    progress: &dyn Progress,
) -> Result<EngineFiles, InstallError> {
    Installer::new(engines).install(kind, progress)
}

/// What became of the wish for an engine.
#[derive(Debug)]
pub enum Ensured {
    /// It was there.
    Found(EngineFiles),
    /// It has just been installed.
    Installed(EngineFiles),
    /// MySQL cannot be had for the reason given; this MariaDB is there instead. Say so to the user.
    Instead {
        files: EngineFiles,
        why: InstallError,
    },
}

impl Ensured {
    pub fn files(&self) -> &EngineFiles {
        match self {
            Ensured::Found(files) | Ensured::Installed(files) => files,
            Ensured::Instead { files, .. } => files,
        }
    }
}

/// An engine of the kind, found or installed; MariaDB where MySQL cannot be had. Blocking.
pub fn ensure(
    kind: EngineKind,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Ensured, InstallError> {
    ensure_with(
        &Installer::new(catalog.directory()),
        kind,
        catalog,
        progress,
    )
}

/// The same with an installer of one's own.
pub fn ensure_with(
    installer: &Installer,
    kind: EngineKind,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Ensured, InstallError> {
    let have = |kind| match catalog.newest(kind) {
        Some(files) => Ok((files, false)),
        None => installer.install(kind, progress).map(|files| {
            catalog.rescan();
            (files, true)
        }),
    };
    match (have(kind), kind) {
        (Ok((files, false)), _) => Ok(Ensured::Found(files)),
        (Ok((files, true)), _) => Ok(Ensured::Installed(files)),
        (Err(why), EngineKind::Mariadb) => Err(why),
        (Err(why), EngineKind::Mysql) => match have(EngineKind::Mariadb) {
            Ok((files, _)) => Ok(Ensured::Instead { files, why }),
            Err(_) => Err(why),
        },
    }
}

/// Removed with everything in it when dropped.
struct Half(PathBuf);

impl Drop for Half {
    fn drop(&mut self) {
        // What cannot be removed now, the next installation sweeps away or reports.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lock(engines: &Path, progress: &dyn Progress) -> Result<File, InstallError> {
    let path = engines.join(LOCK);
    let failed = |e| files(&path, e);
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::Error(e)) => return Err(failed(e)),
        Err(TryLockError::WouldBlock) => progress.report(Phase::Waiting),
    }
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Removes what interrupted installations left. The caller holds the lock.
fn sweep(engines: &Path) -> Result<(), InstallError> {
    let failed = |e| files(engines, e);
    for entry in std::fs::read_dir(engines).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name
            .to_str()
            .is_some_and(|n| n.starts_with(HALF) && n != LOCK)
        {
            std::fs::remove_dir_all(entry.path()).map_err(|e| files(&entry.path(), e))?;
        }
    }
    Ok(())
}

/// The same version, installed earlier.
fn already(engines: &Path, kind: EngineKind, choice: &apt::Choice) -> Option<EngineFiles> {
    let directory = engines.join(format!("{}-{}", kind.as_str(), choice.version));
    EngineFiles::read(&directory).ok()
}

/// Description last, everything durable, then one rename.
fn publish(made: &Path, target: &Path, description: &[u8]) -> std::io::Result<()> {
    rustix::fs::syncfs(File::open(made)?)?;
    write_atomically(&made.join(DESCRIPTION), description)?;
    if target.exists() {
        // Without a description that can be read, or `already` had found it.
        std::fs::remove_dir_all(target)?;
    }
    std::fs::rename(made, target)?;
    File::open(target.parent().unwrap_or(target))?.sync_all()
}

/// Makes the directory where it is missing, so that engines can be reached by the identities that
/// branches run under, whatever the umask.
fn make_open(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
}

fn make(path: &Path) -> Result<(), InstallError> {
    std::fs::create_dir_all(path).map_err(|e| files(path, e))
}

fn files(path: &Path, source: std::io::Error) -> InstallError {
    InstallError::Files {
        path: path.to_owned(),
        source,
    }
}
