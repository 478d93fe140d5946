//! Real engines for tests: from `OFFSHOOT_TEST_ENGINES` (a directory laid out as Offshoot's own
//! `engines/`), else from a cache that all checkouts of the user share.

use offshoot_core::engine::EngineKind;
use offshoot_mysqld::engine::EngineFiles;
use std::path::PathBuf;

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

/// Where test engines lie.
pub fn directory() -> PathBuf {
    if let Some(given) = std::env::var_os("OFFSHOOT_TEST_ENGINES") {
        return given.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("offshoot/test-engines")
}

fn get(kind: EngineKind) -> Option<EngineFiles> {
    match find(kind) {
        Some(files) => Some(files),
        None => skip(&format!("no {kind} in {}", directory().display())),
    }
}

/// The newest whole engine of the kind in [`directory`].
fn find(kind: EngineKind) -> Option<EngineFiles> {
    std::fs::read_dir(directory())
        .ok()?
        .filter_map(|entry| EngineFiles::read(&entry.ok()?.path()).ok())
        .filter(|files| files.engine.kind == kind)
        .max_by_key(|files| files.engine.version)
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does not run has to be seen"
)]
fn skip<T>(reason: &str) -> Option<T> {
    assert!(
        std::env::var_os("OFFSHOOT_TEST_NO_SKIP").is_none_or(|v| v != "1"),
        "{reason}"
    );
    eprintln!("SKIP: {reason}");
    None
}
