//! An engine's own copy of itself while it runs: MySQL's CLONE plugin (InnoDB's tables alone),
//! `mariadb-backup`.
//!
//! Both run as the engine does, confined to its volume, because what they read is the engine's: the
//! copy comes into being in the volume's temporary directory and is moved from there. Its binlog
//! stays behind; how far that was is written beside the data of the new volume.

mod hand_over;

use super::launch::temporary;
use super::{Inner, Running, aside, confine, internal};
use crate::VolumeDir;
use crate::admin::session::{Session, quote};
use crate::engine::EngineFiles;
use crate::engine::bound::bound;
use crate::schema::users_only;
use hand_over::hand_over;
use offshoot_core::backup::Position;
use offshoot_core::engine::EngineKind;
use offshoot_core::id::VolumeId;
use offshoot_core::instance::{Address, Endpoint, SYSTEM_ACCOUNT};
use offshoot_core::port::{PortError, PortResult, Progress};
use offshoot_core::refusal::{Refusal, code};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use secrecy::ExposeSecret;
use std::convert::Infallible;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The plugin is there already.
const PLUGIN_EXISTS: u16 = 1968;
const FUNCTION_EXISTS: u16 = 1125;
/// There is no plugin of that name.
const NO_PLUGIN: u16 = 1305;
/// Name of the file with the position, in the volume: the engine cannot reach it, and no copy of
/// the volume has it.
const POSITION: &str = "position.json";
/// Where MySQL says how far it was.
const STATUS: &str = "#clone/#status_recovery";
/// Where `mariadb-backup` says how far the binlog was, by age of the program.
const INFO: [&str; 2] = ["mariadb_backup_binlog_info", "xtrabackup_binlog_info"];

pub(super) async fn hot_copy(
    inner: &Arc<Inner>,
    running: Running,
    endpoint: &Endpoint,
    to: VolumeId,
    progress: &dyn Progress,
) -> PortResult<()> {
    let _alone = running.copying.lock().await;
    let files = (inner.engines)(endpoint.engine)
        .ok_or_else(|| PortError::fatal(Refusal::unavailable("the engine is not installed")))?;
    let from = inner.dirs.locate(running.record.volume)?;
    let target = inner.dirs.locate(to)?;
    let scratch = scratch(&from);
    if endpoint.engine.kind == EngineKind::Mysql {
        end_others(endpoint).await?;
    }
    let (data, left) = (from.path.join("data"), scratch.clone());
    let total = aside(move || {
        // Of a copy that broke off.
        remove(&left)
            .and_then(|()| check_room(&data))
            .map_err(failed)
    })
    .await?;
    let copying = async {
        match endpoint.engine.kind {
            EngineKind::Mysql => clone(endpoint, &scratch).await,
            EngineKind::Mariadb => {
                let landlock = inner.confinement.landlock;
                let directory = running.record.directory.clone();
                let endpoint = endpoint.clone();
                let scratch = scratch.clone();
                aside(move || backup(&files, &endpoint, &directory, &from, &scratch, landlock))
                    .await
            }
        }
    };
    let copied = tokio::select! {
        copied = copying => copied,
        never = look(&scratch, total, progress) => match never {},
    };
    aside(move || {
        let moved = copied.and_then(|position| {
            hand_over(&scratch, &target)
                .and_then(|()| tell(&target, &position))
                .map_err(failed)
        });
        if moved.is_err() {
            let _ = remove(&scratch);
        }
        moved
    })
    .await
}

/// Says again and again how large the copy is by now.
async fn look(scratch: &Path, total: u64, progress: &dyn Progress) -> Infallible {
    const BETWEEN: Duration = Duration::from_millis(500);
    loop {
        let copy = scratch.to_owned();
        let done = aside(move || Ok(size(&copy).unwrap_or(0))).await;
        progress.at(done.unwrap_or(0).min(total), total);
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Where a copy comes into being.
pub(super) fn scratch(volume: &VolumeDir) -> PathBuf {
    temporary(volume).join("copy")
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What the copying itself left in a copy that was just started for the first time: the plugin that
/// its parent had meanwhile, and that every later start would load.
pub(super) async fn tidy(endpoint: Endpoint, volume: VolumeDir) -> PortResult<()> {
    if endpoint.engine.kind != EngineKind::Mysql {
        return Ok(());
    }
    let made_so = aside(move || Ok(volume.path.join(POSITION).exists())).await?;
    if !made_so {
        return Ok(());
    }
    let mut session = Session::open(&endpoint).await?;
    session.execute("SET SESSION sql_log_bin = 0").await?;
    match session.execute("UNINSTALL PLUGIN clone").await {
        Err(error) if error.code() != Some(NO_PLUGIN) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Up to where the volume's data goes, of which its engine `found` no more than this: a volume that
/// was made by a hot copy came without the binlog.
pub(super) fn position(volume: &VolumeDir, found: Position) -> PortResult<Position> {
    let mut told: Position = match fs::read(volume.path.join(POSITION)) {
        Ok(text) => serde_json::from_slice(&text).map_err(internal)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(internal(error)),
    };
    if told.file.is_empty() {
        told = recovered(&volume.path.join("data")).unwrap_or_default();
    }
    if !found.gtid_set.is_empty() {
        told.gtid_set = found.gtid_set;
    }
    Ok(told)
}

/// What MySQL finds out when it recovers a clone: one value a line, the third and fourth being file
/// and offset. (It shows it in `performance_schema`, which a development engine does not have.)
fn recovered(data: &Path) -> Option<Position> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let data = fs::File::open(data).ok()?;
    let status = rustix::fs::openat2(data, STATUS, flags, Mode::empty(), beneath).ok()?;
    let text = io::read_to_string(fs::File::from(status)).ok()?;
    let mut lines = text.lines().skip(2);
    let file = Path::new(lines.next()?).file_name()?.to_str()?;
    Some(Position {
        gtid_set: String::new(),
        file: file.to_owned(),
        offset: lines.next()?.parse().ok()?,
    })
}

fn tell(volume: &VolumeDir, position: &Position) -> io::Result<()> {
    fs::write(volume.path.join(POSITION), serde_json::to_vec(position)?)
}

/// A copy that will not fit is not begun: it would fill the disk of everybody else first.
fn check_room(data: &Path) -> io::Result<u64> {
    let room = rustix::fs::statvfs(data)?;
    let needed = size(data)?;
    match needed > room.f_bavail * room.f_frsize {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(needed),
    }
}

/// Bytes that the files of a tree take, while it changes.
fn size(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => sum += size(&entry.path())?,
            Ok(meta) => sum += meta.blocks() * 512,
            // Dropped meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

/// A copy that an Offshoot which died had asked for: the server goes on with it, and makes one at a time.
async fn end_others(endpoint: &Endpoint) -> PortResult<()> {
    /// How long the server may take to notice, and between two looks.
    const PATIENCE: Duration = Duration::from_secs(30);
    const LOOK: Duration = Duration::from_millis(20);
    let mut session = Session::open(endpoint).await?;
    let sql = format!(
        "SELECT id FROM information_schema.processlist \
         WHERE user = '{SYSTEM_ACCOUNT}' AND info LIKE 'CLONE LOCAL %'"
    );
    let since = Instant::now();
    loop {
        let others = session.query(&sql).await?;
        if others.is_empty() {
            return Ok(());
        }
        if since.elapsed() > PATIENCE {
            return Err(failed(io::Error::other("an earlier copy does not end")));
        }
        for id in others
            .into_iter()
            .filter_map(|mut row| row.take::<u64, _>(0))
        {
            // It may have ended meanwhile.
            let _ = session.execute(&format!("KILL CONNECTION {id}")).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// All tables, as of the end of the copy. The server fills what is missing when it starts, and finds
/// its position then.
async fn clone(endpoint: &Endpoint, scratch: &Path) -> PortResult<Position> {
    let mut session = Session::open(endpoint).await?;
    check_tables(&mut session).await?;
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
    cloned.map_err(|error| failed(io::Error::other(error)))?;
    Ok(Position::default())
}

/// The plugin leaves out the rows of every other storage engine, and says nothing of it.
async fn check_tables(session: &mut Session) -> PortResult<()> {
    let users = users_only("TABLE_SCHEMA");
    let sql = format!(
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' (', ENGINE, ')') FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN ('InnoDB', 'MEMORY', 'BLACKHOLE') AND {users} \
         ORDER BY 1 LIMIT 1"
    );
    let found = session.query(&sql).await?.into_iter().next();
    match found.and_then(|mut row| row.take::<String, _>(0)) {
        Some(table) => Err(PortError::fatal(
            Refusal::unprocessable(format!(
                "the engine's hot copy has InnoDB's tables alone, and would be without table {table}"
            ))
            .hint("convert it (ALTER TABLE … ENGINE=InnoDB), or move the pool to btrfs or XFS"),
        )),
        None => Ok(()),
    }
}

/// All tables, as of the end of the copy, made whole (`--prepare`). Commits wait for the moment in
/// which the last of the log is read.
fn backup(
    files: &EngineFiles,
    endpoint: &Endpoint,
    directory: &Path,
    from: &VolumeDir,
    scratch: &Path,
    landlock: bool,
) -> PortResult<Position> {
    let program = program(files)?;
    let private = [from.path.as_path(), directory];
    let command = || -> PortResult<Command> {
        let mut command = files.program(&program);
        command.env_clear().env("TZ", "UTC").env("LC_ALL", "C");
        confine::confine(&mut command, files, &private, from.owner, None, landlock)
            .map_err(internal)?;
        Ok(command)
    };
    let login = directory.join("copy.cnf");
    let (mut first, mut second) = (command()?, command()?);
    first
        .arg(option("--defaults-file=", &login))
        .arg("--backup");
    second.args(["--no-defaults", "--prepare"]);
    for command in [&mut first, &mut second] {
        command
            .arg(option("--target-dir=", scratch))
            .arg(option("--tmpdir=", &temporary(from)));
    }
    let copied = make(scratch, from)
        .and_then(|()| write_login(&login, endpoint, from))
        .map_err(failed)
        .and_then(|()| run(first));
    // It has been read, or never will be.
    let _ = fs::remove_file(&login);
    copied?;
    let position = INFO
        .iter()
        .find_map(|name| fs::read_to_string(scratch.join(name)).ok())
        .and_then(|text| parse(&text));
    run(second)?;
    Ok(position.unwrap_or_default())
}

fn make(scratch: &Path, volume: &VolumeDir) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(scratch)?;
    give(fs::File::open(scratch)?, volume)
}

/// The file with the secret. The directory is the engine's: nothing in it is followed.
fn write_login(path: &Path, endpoint: &Endpoint, volume: &VolumeDir) -> io::Result<()> {
    let Address::Unix(socket) = &endpoint.address;
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    write!(
        file,
        "[mariadb-backup]\nuser={SYSTEM_ACCOUNT}\npassword={}\nsocket={}\ndatadir={}\n",
        endpoint.secret.of_system().expose_secret(),
        socket.display(),
        volume.path.join("data").display(),
    )?;
    give(file, volume)
}

fn give(file: fs::File, volume: &VolumeDir) -> io::Result<()> {
    match volume.owner {
        Some(owner) => fchown(file, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

/// `file TAB offset TAB gtids`.
fn parse(info: &str) -> Option<Position> {
    let mut fields = info.trim_end().split('\t');
    Some(Position {
        file: fields.next()?.to_owned(),
        offset: fields.next()?.parse().ok()?,
        gtid_set: fields.next().unwrap_or_default().to_owned(),
    })
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

/// Ends with Offshoot: nobody would move what it makes.
fn run(mut command: Command) -> PortResult<()> {
    /// Bytes of its last words that are kept.
    const WORDS: usize = 2_000;
    let output = bound(&mut command)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(io::Error::other(error)))?;
    if output.status.success() {
        return Ok(());
    }
    let from = output.stderr.len().saturating_sub(WORDS);
    let last = output.stderr.get(from..).unwrap_or_default();
    let last = String::from_utf8_lossy(last).into_owned();
    Err(failed(io::Error::other(last)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_position_is_read() {
        let position = parse("binlog.000002\t1520\t0-1-7\n").unwrap();
        assert_eq!(
            (position.file.as_str(), position.offset),
            ("binlog.000002", 1520)
        );
        assert_eq!(position.gtid_set, "0-1-7");
        assert_eq!(parse("binlog.000002\t15\n").unwrap().gtid_set, "");
        assert_eq!(parse("\n"), None);
    }
}
