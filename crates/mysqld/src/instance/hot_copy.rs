//! An engine's own copy of itself while it runs: MySQL's CLONE plugin (InnoDB's tables alone),
//! `mariadb-backup`.
//!
//! MySQL's server writes the copy itself, and may write nowhere but into its own volume: the copy
//! comes into being in the volume's temporary directory and is moved from there.

use super::launch::temporary;
use super::{Inner, Running, aside, internal};
use crate::VolumeDir;
use crate::admin::session::{Session, quote};
use crate::engine::EngineFiles;
use offshoot_core::engine::EngineKind;
use offshoot_core::id::VolumeId;
use offshoot_core::instance::{Endpoint, SYSTEM_ACCOUNT};
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use secrecy::ExposeSecret;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The plugin is there already.
const PLUGIN_EXISTS: u16 = 1968;
const FUNCTION_EXISTS: u16 = 1125;

pub(super) async fn hot_copy(
    inner: &Arc<Inner>,
    running: Running,
    endpoint: &Endpoint,
    to: VolumeId,
) -> PortResult<()> {
    let files = (inner.engines)(endpoint.engine)
        .ok_or_else(|| PortError::fatal(Refusal::unavailable("the engine is not installed")))?;
    let from = inner.dirs.locate(running.record.volume)?;
    let target = inner.dirs.locate(to)?;
    // Nobody else copies under this name, and a copy that broke off is removed by the next.
    let scratch = temporary(&from).join(format!("copy-{to}"));
    let cleared = scratch.clone();
    aside(move || remove(&cleared).map_err(internal)).await?;
    let copied = match endpoint.engine.kind {
        EngineKind::Mysql => clone(endpoint, &scratch).await,
        EngineKind::Mariadb => backup(&files, endpoint, &from, &scratch).await,
    };
    aside(move || {
        let moved = copied.and_then(|()| hand_over(&scratch, &target).map_err(failed));
        if moved.is_err() {
            let _ = remove(&scratch);
        }
        moved
    })
    .await
}

/// InnoDB's tables, as of the end of the copy. The server fills what is missing when it starts.
async fn clone(endpoint: &Endpoint, scratch: &Path) -> PortResult<()> {
    let mut session = Session::open(endpoint).await?;
    session.execute("SET SESSION sql_log_bin = 0").await?;
    let installed = session
        .execute("INSTALL PLUGIN clone SONAME 'mysql_clone.so'")
        .await;
    match installed {
        Err(error) if !matches!(error.code(), Some(PLUGIN_EXISTS | FUNCTION_EXISTS)) => {
            return Err(error.into());
        }
        _ => {}
    }
    let path = quote(&scratch.to_string_lossy());
    let cloned = session
        .execute(&format!("CLONE LOCAL DATA DIRECTORY = {path}"))
        .await;
    // What is loaded is there for everybody: it goes with the copy.
    let _ = session.execute("UNINSTALL PLUGIN clone").await;
    cloned.map_err(|error| failed(io::Error::other(error)))
}

/// All tables, as of the end of the copy, made whole (`--prepare`).
async fn backup(
    files: &EngineFiles,
    endpoint: &Endpoint,
    from: &VolumeDir,
    scratch: &Path,
) -> PortResult<()> {
    let program = program(files)?;
    let offshoot_core::instance::Address::Unix(socket) = &endpoint.address;
    let secret = tempfile::Builder::new()
        .prefix("offshoot-")
        .tempdir()
        .map_err(internal)?;
    let defaults = secret.path().join("backup.cnf");
    let text = format!(
        "[mariadb-backup]\nuser={SYSTEM_ACCOUNT}\npassword={}\nsocket={}\ndatadir={}\n",
        endpoint.secret.of_system().expose_secret(),
        socket.display(),
        from.path.join("data").display(),
    );
    let (mut first, mut second) = (files.program(&program), files.program(&program));
    first
        .arg(option("--defaults-file=", &defaults))
        .args(["--backup", "--no-timestamp", "--no-lock"])
        .arg(option("--target-dir=", scratch));
    second
        .args(["--no-defaults", "--prepare"])
        .arg(option("--target-dir=", scratch));
    let scratch = scratch.to_owned();
    aside(move || {
        let _held = secret;
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&defaults)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(internal)?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&scratch)
            .map_err(failed)?;
        run(first)?;
        run(second)
    })
    .await
}

fn program(files: &EngineFiles) -> PortResult<PathBuf> {
    let found = files.clients.as_ref().map(|dir| dir.join("mariadb-backup"));
    found.filter(|path| path.exists()).ok_or_else(|| {
        PortError::fatal(
            Refusal::unavailable("mariadb-backup is not installed beside the engine").hint(
                "install it, or let Offshoot install the engine: offshoot engine install mariadb",
            ),
        )
    })
}

fn run(mut command: Command) -> PortResult<()> {
    /// Bytes of its last words that are kept.
    const WORDS: usize = 2_000;
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(io::Error::other(error)))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let from = words.len().saturating_sub(WORDS);
    let last = words.get(from..).unwrap_or(&words).to_owned();
    Err(failed(io::Error::other(last)))
}

/// Moves the copy into its volume, as its owner's.
fn hand_over(scratch: &Path, target: &VolumeDir) -> io::Result<()> {
    if let Some(owner) = target.owner {
        give(scratch, owner.uid, owner.gid)?;
    }
    let data = target.path.join("data");
    remove(&data)?;
    fs::rename(scratch, &data)?;
    let volume = fs::File::open(&target.path)?;
    rustix::fs::syncfs(&volume)?;
    Ok(())
}

fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    lchown(path, Some(uid), Some(gid))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn option(name: &str, value: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(name);
    text.push(value);
    text
}

fn failed(error: io::Error) -> PortError {
    let full = error.kind() == io::ErrorKind::StorageFull || error.to_string().contains("No space");
    let refusal = Refusal::unavailable("the engine's hot copy of itself failed");
    PortError::retry(
        if full {
            refusal.code(code::DISK_FULL).hint("make room in the pool")
        } else {
            refusal
        }
        .cause(error),
    )
}
