//! The engines of this machine: given in the configuration, installed by Offshoot, or on the PATH.

use super::probe::{self, ProbeError};
use super::{DESCRIPTION, EngineFiles};
use offshoot_core::engine::{EngineKind, EngineRef, EngineSource, InstalledEngine};
use offshoot_core::refusal::{Kind, Refusal, code};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// File in the engines directory with the name of the default engine.
const DEFAULT: &str = "default";
/// Names under which servers are found on the PATH.
const PROGRAMS: [&str; 2] = ["mysqld", "mariadbd"];
/// Servers lie here even where it is not on a user's PATH.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec"];

/// Finds engines. What was found is remembered (programs are run to learn their version, about
/// 50 ms each) until [`Catalog::rescan`], until an engine is asked for that was not there, or until one
/// is installed or removed in the directory of managed engines, by whichever program.
#[derive(Debug)]
pub struct Catalog {
    engines: PathBuf,
    config: Vec<Wanted>,
    path: Vec<PathBuf>,
    found: Mutex<Option<Scanned>>,
}

/// What a scan found, and when the directory of managed engines had last changed before it.
#[derive(Debug)]
struct Scanned {
    found: Arc<Found>,
    changed: Option<SystemTime>,
}

/// A server that the configuration names: `[engine.mysql] server = "/path"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub kind: EngineKind,
    pub server: PathBuf,
}

/// A program or directory that is not used, and why, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub path: PathBuf,
    pub source: EngineSource,
    pub reason: String,
}

/// What a scan found: engines, best first (MySQL before MariaDB, newest first), one per version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub engines: Vec<EngineFiles>,
    pub refused: Vec<Refused>,
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{0} is not installed")]
    Missing(EngineRef),
    #[error("the default engine cannot be written to {path}: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl Catalog {
    /// `engines` is the directory of managed engines; it need not exist.
    pub fn new(engines: PathBuf, config: Vec<Wanted>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::with_path(engines, config, &path, &SYSTEM.map(PathBuf::from))
    }

    /// The same with a search path of one's own, in the form of `PATH`, and further directories.
    pub fn with_path(
        engines: PathBuf,
        config: Vec<Wanted>,
        path: &OsString,
        system: &[PathBuf],
    ) -> Self {
        let path = std::env::split_paths(path)
            .filter(|d| d.is_absolute())
            .chain(system.iter().cloned())
            .collect();
        Self {
            engines,
            config,
            path,
            found: Mutex::new(None),
        }
    }

    /// The directory of managed engines.
    pub fn directory(&self) -> &Path {
        &self.engines
    }

    /// What is there, from memory while nothing changed. Blocking.
    pub fn found(&self) -> Arc<Found> {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(scanned) if scanned.changed == self.changed() => Arc::clone(&scanned.found),
            _ => Arc::clone(&known.insert(self.look()).found),
        }
    }

    /// Looks again, after something was installed or removed. Blocking.
    pub fn rescan(&self) -> Arc<Found> {
        let now = self.look();
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known.insert(now).found)
    }

    fn look(&self) -> Scanned {
        // Read first: what changes during the scan is seen by the next look.
        let changed = self.changed();
        Scanned {
            found: Arc::new(self.scan()),
            changed,
        }
    }

    fn changed(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.engines).ok()?.modified().ok()
    }

    /// The engines with the default marked, best first.
    pub fn installed(&self) -> Vec<InstalledEngine> {
        let default = self.default().map(|f| f.engine);
        self.found()
            .engines
            .iter()
            .map(|files| InstalledEngine {
                engine: files.engine,
                source: files.source,
                default: Some(files.engine) == default,
            })
            .collect()
    }

    /// The files of exactly this version.
    pub fn get(&self, engine: EngineRef) -> Result<EngineFiles, CatalogError> {
        let find = |found: &Found| found.engines.iter().find(|f| f.engine == engine).cloned();
        find(&self.found())
            .or_else(|| find(&self.rescan()))
            .ok_or(CatalogError::Missing(engine))
    }

    /// The newest of a kind.
    pub fn newest(&self, kind: EngineKind) -> Option<EngineFiles> {
        let found = self.found();
        found
            .engines
            .iter()
            .find(|f| f.engine.kind == kind)
            .cloned()
    }

    /// The engine of new databases: the one last chosen while it is there, else the newest MySQL,
    /// else the newest MariaDB.
    pub fn default(&self) -> Option<EngineFiles> {
        let chosen = std::fs::read_to_string(self.engines.join(DEFAULT))
            .ok()
            .and_then(|text| text.trim().parse::<EngineRef>().ok());
        let found = self.found();
        chosen
            .and_then(|engine| found.engines.iter().find(|f| f.engine == engine))
            .or_else(|| found.engines.first())
            .cloned()
    }

    /// Makes an installed engine the default, durably.
    pub fn set_default(&self, engine: EngineRef) -> Result<(), CatalogError> {
        self.get(engine)?;
        let path = self.engines.join(DEFAULT);
        write_atomically(&path, format!("{engine}\n").as_bytes())
            .map_err(|source| CatalogError::Write { path, source })
    }

    fn scan(&self) -> Found {
        let mut found = Found::default();
        for wanted in &self.config {
            let path = &wanted.server;
            match probe::describe(path, EngineSource::Config) {
                Ok(files) if files.engine.kind == wanted.kind => found.engines.push(files),
                Ok(files) => found.refused.push(Refused {
                    path: path.clone(),
                    source: EngineSource::Config,
                    reason: format!(
                        "{} is {}, but the configuration calls it {}",
                        path.display(),
                        files.engine,
                        wanted.kind
                    ),
                }),
                Err(e) => found.refuse(path, EngineSource::Config, &e),
            }
        }
        self.scan_managed(&mut found);
        self.scan_path(&mut found);
        // Stable: of equal versions the earlier source (config, managed, PATH) stays.
        found
            .engines
            .sort_by_key(|f| (f.engine.kind, std::cmp::Reverse(f.engine.version)));
        found.engines.dedup_by_key(|f| f.engine);
        found
    }

    fn scan_managed(&self, found: &mut Found) {
        let Ok(entries) = std::fs::read_dir(&self.engines) else {
            return;
        };
        for directory in entries.filter_map(|e| Some(e.ok()?.path())) {
            if !directory.join(DESCRIPTION).is_file() {
                continue;
            }
            let reason = match EngineFiles::read(&directory) {
                Ok(files) if !files.server.is_file() => {
                    format!("{} is not there", files.server.display())
                }
                Ok(mut files) if files.engine.version >= files.engine.kind.oldest() => {
                    files.source = EngineSource::Managed;
                    found.engines.push(files);
                    continue;
                }
                Ok(files) => format!("{} is too old", files.engine),
                Err(e) => format!("its {DESCRIPTION} cannot be read: {e}"),
            };
            found.refused.push(Refused {
                path: directory,
                source: EngineSource::Managed,
                reason,
            });
        }
    }

    fn scan_path(&self, found: &mut Found) {
        let mut seen = Vec::new();
        for directory in &self.path {
            for name in PROGRAMS {
                let path = directory.join(name);
                // `mysqld` is often a link to `mariadbd`, and /sbin one to /usr/sbin.
                let Ok(real) = path.canonicalize() else {
                    continue;
                };
                if !real.is_file() || seen.contains(&real) {
                    continue;
                }
                match probe::describe(&real, EngineSource::Path) {
                    Ok(files) => found.engines.push(files),
                    Err(e) => found.refuse(&path, EngineSource::Path, &e),
                }
                seen.push(real);
            }
        }
    }
}

impl Found {
    fn refuse(&mut self, path: &Path, source: EngineSource, error: &ProbeError) {
        self.refused.push(Refused {
            path: path.to_owned(),
            source,
            reason: error.to_string(),
        });
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        match &error {
            CatalogError::Missing(engine) => Refusal::new(Kind::Unavailable, error.to_string())
                .code(code::NO_ENGINE)
                .hint(format!(
                    "install it with: offshoot engine install {}",
                    engine.kind.as_str()
                )),
            CatalogError::Write { .. } => {
                Refusal::unavailable("the default engine cannot be stored")
                    .hint("see the log for the reason")
                    .cause(error)
            }
        }
    }
}

/// Replaces a file whole or not at all, durably.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(directory)?.sync_all()
}
