//! Real engines for tests: from `OFFSHOOT_TEST_ENGINES` (a directory laid out as Offshoot's own
//! `engines/`), else from a cache that all checkouts of the user share and that is filled once.

use offshoot_core::engine::EngineKind;
use offshoot_mysqld::VolumeDir;
use offshoot_mysqld::engine::{EngineFiles, initialize, install};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Part of a template's name: raised when initialisation writes something else than before.
const TEMPLATE: u32 = 1;

/// MySQL for tests; `None` (after a line `SKIP: …`) where it cannot be had.
pub fn mysql() -> Option<EngineFiles> {
    get(EngineKind::Mysql)
}

/// MariaDB for tests; `None` (after a line `SKIP: …`) where it cannot be had.
pub fn mariadb() -> Option<EngineFiles> {
    get(EngineKind::Mariadb)
}

/// Every engine that can be had.
pub fn each() -> Vec<EngineFiles> {
    EngineKind::ALL.into_iter().filter_map(get).collect()
}

/// The engine of a kind, installed when it is missing (once per machine: other test binaries wait).
pub fn get(kind: EngineKind) -> Option<EngineFiles> {
    // One attempt per process: a machine without network is asked once, not by every test.
    static TRIED: [OnceLock<Result<EngineFiles, String>>; 2] = [const { OnceLock::new() }; 2];
    match TRIED[kind as usize].get_or_init(|| find_or_install(kind)) {
        Ok(files) => Some(files.clone()),
        Err(reason) => skip(reason),
    }
}

fn find_or_install(kind: EngineKind) -> Result<EngineFiles, String> {
    if let Some(files) = find(kind) {
        return Ok(files);
    }
    let place = directory();
    std::fs::create_dir_all(&place).map_err(|e| format!("{}: {e}", place.display()))?;
    let _lock = lock(&place);
    match find(kind) {
        Some(files) => Ok(files),
        None => install(kind, &place, &()).map_err(|e| e.to_string()),
    }
}

/// An initialised data directory of the newest engine of a kind (the directory that `--datadir`
/// takes), made once per version and shared: to be copied, never to be opened or changed. Its files
/// belong to the user who runs the tests. `None` where the engine cannot be had.
///
/// # Panics
/// When initialising fails.
pub fn template(kind: EngineKind) -> Option<PathBuf> {
    let files = get(kind)?;
    let place = directory().join("templates");
    let volume = place.join(format!("{}-{TEMPLATE}", files.engine));
    std::fs::create_dir_all(&place).expect("a directory for templates");
    let _lock = lock(&place);
    std::fs::create_dir_all(&volume).expect("a directory for a template");
    let dir = VolumeDir {
        path: volume.clone(),
        owner: None,
    };
    initialize::initialize(&files, &dir).expect("an engine that initialises a data directory");
    Some(volume.join("data"))
}

/// Where test engines lie: the given directory, else a cache. Run by root, engines have identities
/// of their own, which do not reach into root's home: there it is the system's cache.
pub fn directory() -> PathBuf {
    if let Some(given) = std::env::var_os("OFFSHOOT_TEST_ENGINES") {
        return given.into();
    }
    cache().join("test-engines")
}

/// What tests installed, for all checkouts of the user.
pub(crate) fn cache() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return "/var/cache/offshoot".into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("offshoot")
}

/// The newest whole engine of the kind in [`directory`].
fn find(kind: EngineKind) -> Option<EngineFiles> {
    std::fs::read_dir(directory())
        .ok()?
        .filter_map(|entry| EngineFiles::read(&entry.ok()?.path()).ok())
        .filter(|files| files.engine.kind == kind)
        .max_by_key(|files| files.engine.version)
}

/// Held until the file is dropped: test binaries of other processes wait.
pub(crate) fn lock(directory: &Path) -> File {
    let file = File::create(directory.join("lock")).expect("a lock file");
    file.lock().expect("a lock");
    file
}

/// Says that a test does not run, and why.
///
/// # Panics
/// Where nothing may be skipped (`OFFSHOOT_TEST_NO_SKIP=1`).
#[expect(
    clippy::print_stderr,
    reason = "a test that does not run has to be seen"
)]
pub fn skip<T>(reason: &str) -> Option<T> {
    assert!(
        std::env::var_os("OFFSHOOT_TEST_NO_SKIP").is_none_or(|v| v != "1"),
        "{reason}"
    );
    eprintln!("SKIP: {reason}");
    None
}
