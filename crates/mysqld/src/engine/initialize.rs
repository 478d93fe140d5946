//! Data directories, freshly initialised: system tables, time zones, no account that anybody could
//! log in with, cleanly shut down. And the port [`Engines`] over a catalog.

mod mariadb;
mod mysql;

use super::bound::bound;
use super::catalog::Catalog;
use super::{EngineFiles, timezone};
use crate::{DataDirs, Owner, VolumeDir};
use async_trait::async_trait;
use offshoot_core::engine::{EngineKind, EngineRef, InstalledEngine};
use offshoot_core::id::VolumeId;
use offshoot_core::port::{Engines, PortError, PortResult};
use offshoot_core::refusal::{Kind, Refusal, code};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The data directory in a volume.
const DATA: &str = "data";
/// Scratch directory in a volume while it is initialised; its presence afterwards means "half-filled".
const SCRATCH: &str = "initialize";
/// It takes 0.6 s (MariaDB) to 3 s (MySQL); a machine that needs longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(300);
/// The engines' last words that go into an error.
const WORDS_MAX: usize = 400;

#[derive(Debug, thiserror::Error)]
pub enum InitializeError {
    #[error("{path} cannot be prepared: {source}")]
    Files {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Zones(#[from] timezone::ZoneError),
    #[error("{engine} did not initialise its data directory: {words}")]
    Engine { engine: EngineRef, words: String },
    #[error("{engine} lacks {file}, which it needs to initialise a data directory")]
    Incomplete { engine: EngineRef, file: String },
}

/// Fills `<volume>/data`. A data directory that is whole stays as it is; a half-filled one is
/// wiped first. Blocking, for seconds.
pub fn initialize(engine: &EngineFiles, volume: &VolumeDir) -> Result<(), InitializeError> {
    let data = volume.path.join(DATA);
    let scratch = volume.path.join(SCRATCH);
    if filled(&data)? && !scratch.exists() {
        return Ok(());
    }
    // The scratch directory goes first and comes last: with it there the data are half-filled.
    // The data directory itself stays: the pool has set attributes on it that its files inherit.
    make(&scratch, volume.owner)?;
    make(&data, volume.owner)?;
    empty(&data)?;
    empty(&scratch)?;
    let zones = timezone::statements(&timezone::read(&zoneinfo(engine))?);
    match engine.engine.kind {
        EngineKind::Mysql => mysql::initialize(engine, &data, &scratch, volume.owner, &zones)?,
        EngineKind::Mariadb => mariadb::initialize(engine, &data, &scratch, volume.owner, &zones)?,
    }
    // Of these every branch gets its own: the server's UUID, and a list of cached pages.
    for name in ["auto.cnf", "ib_buffer_pool"] {
        let path = data.join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(InitializeError::Files { path, source });
            }
            _ => {}
        }
    }
    sync(&volume.path)?;
    remove(&scratch)
}

/// The machine's compiled zones, else those that came with a managed engine.
fn zoneinfo(engine: &EngineFiles) -> PathBuf {
    let system = PathBuf::from("/usr/share/zoneinfo");
    let own = engine.readable.iter().map(|r| r.join("usr/share/zoneinfo"));
    own.chain([system.clone()])
        .find(|d| d.join("UTC").exists())
        .unwrap_or(system)
}

/// Runs an initialising server to its end. `input` is its standard input.
fn run(
    engine: EngineRef,
    command: &mut Command,
    owner: Option<Owner>,
    directory: &Path,
    input: Option<&Path>,
) -> Result<(), InitializeError> {
    let failed = |source| InitializeError::Files {
        path: directory.to_owned(),
        source,
    };
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    let stdin = match input {
        Some(path) => Stdio::from(std::fs::File::open(path).map_err(failed)?),
        None => Stdio::null(),
    };
    let log = directory.join("words");
    let words = std::fs::File::create(&log).map_err(failed)?;
    let mut child = bound(command)
        .current_dir(directory)
        .stdin(stdin)
        .stdout(words.try_clone().map_err(failed)?)
        .stderr(words)
        .process_group(0)
        .spawn()
        .map_err(|e| InitializeError::Engine {
            engine,
            words: e.to_string(),
        })?;
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if Instant::now() > end {
            child.kill().map_err(failed)?;
            break child.wait().map_err(failed)?;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = last_words(&log);
    if status.success() {
        return Ok(());
    }
    Err(InitializeError::Engine {
        engine,
        words: if said.is_empty() {
            status.to_string()
        } else {
            said
        },
    })
}

/// The first lines an engine marked as errors, else its last line.
fn last_words(log: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(file) = std::fs::File::open(log) {
        // A log that cannot be read leaves the exit status to speak.
        let _ = file.take(1 << 20).read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let errors: Vec<&str> = text
        .lines()
        .filter(|l| l.contains("ERROR"))
        .take(3)
        .collect();
    let chosen = if errors.is_empty() {
        text.lines()
            .rfind(|l| !l.trim().is_empty())
            .unwrap_or_default()
            .to_owned()
    } else {
        errors.join("; ")
    };
    chosen.chars().take(WORDS_MAX).collect()
}

fn make(path: &Path, owner: Option<Owner>) -> Result<(), InitializeError> {
    let failed = |source| InitializeError::Files {
        path: path.to_owned(),
        source,
    };
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
        _ => {}
    }
    match owner {
        Some(owner) => chown(path, Some(owner.uid), Some(owner.gid)).map_err(failed),
        None => Ok(()),
    }
}

/// There is something in it.
fn filled(path: &Path) -> Result<bool, InitializeError> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(InitializeError::Files {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Removes what is in a directory.
fn empty(path: &Path) -> Result<(), InitializeError> {
    let failed = |source| InitializeError::Files {
        path: path.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        match entry.file_type().map_err(failed)?.is_dir() {
            true => remove(&path)?,
            false => std::fs::remove_file(&path)
                .map_err(|source| InitializeError::Files { path, source })?,
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), InitializeError> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(InitializeError::Files {
                path: path.to_owned(),
                source,
            })
        }
        _ => Ok(()),
    }
}

/// Makes everything written durable before the mark of a half-filled directory goes.
fn sync(path: &Path) -> Result<(), InitializeError> {
    let failed = |source| InitializeError::Files {
        path: path.to_owned(),
        source,
    };
    let directory = std::fs::File::open(path).map_err(failed)?;
    rustix::fs::syncfs(&directory).map_err(|e| failed(e.into()))
}

/// The engines of this machine with the volumes they initialise.
pub struct LocalEngines {
    catalog: Arc<Catalog>,
    volumes: Arc<dyn DataDirs>,
    kinds: Vec<EngineKind>,
}

impl LocalEngines {
    /// `kinds`: those that the gateway speaks for. Engines of others are not there, also when they are
    /// installed later.
    pub fn new(catalog: Arc<Catalog>, volumes: Arc<dyn DataDirs>, kinds: Vec<EngineKind>) -> Self {
        Self {
            catalog,
            volumes,
            kinds,
        }
    }
}

#[async_trait]
impl Engines for LocalEngines {
    async fn installed(&self) -> PortResult<Vec<InstalledEngine>> {
        let catalog = Arc::clone(&self.catalog);
        let mut found = blocking(move || Ok(catalog.installed())).await?;
        found.retain(|e| self.kinds.contains(&e.engine.kind));
        Ok(found)
    }

    async fn initialize(&self, engine: EngineRef, volume: VolumeId) -> PortResult<()> {
        let (catalog, volumes) = (Arc::clone(&self.catalog), Arc::clone(&self.volumes));
        blocking(move || {
            let files = catalog
                .get(engine)
                .map_err(|e| PortError::retry(e.into()))?;
            let place = volumes.locate(volume)?;
            initialize(&files, &place).map_err(refuse)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> PortResult<T> + Send + 'static,
) -> PortResult<T> {
    tokio::task::spawn_blocking(f)
        .await
        .unwrap_or_else(|e| Err(PortError::retry(Refusal::internal(e))))
}

fn refuse(error: InitializeError) -> PortError {
    let full = matches!(&error, InitializeError::Files { source, .. }
        if matches!(source.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded));
    let refusal = match &error {
        _ if full => Refusal::new(Kind::Exhausted, "the pool is full")
            .code(code::DISK_FULL)
            .hint("delete branches or grow the pool"),
        InitializeError::Incomplete { engine, .. } => {
            Refusal::new(Kind::Unavailable, format!("{engine} is not complete"))
                .code(code::NO_ENGINE)
                .hint(format!(
                    "install one with: offshoot engine install {}",
                    engine.kind.as_str()
                ))
        }
        InitializeError::Zones(_) => Refusal::unavailable("this machine has no time-zone files")
            .hint("install the package tzdata"),
        _ => Refusal::new(
            Kind::Unavailable,
            "the engine could not initialise a data directory",
        )
        .code(code::ENGINE_START)
        .hint("the log has the engine's own words"),
    };
    PortError::retry(refusal.cause(error))
}
