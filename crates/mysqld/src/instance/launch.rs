//! From a spec to a running process: private directory, log, accounts, settings, confinement, fork.
//! Blocking calls; runs on the blocking pool.

use super::Inner;
use super::logged::{self, Left};
use super::process::Process;
use super::record::{Record, make_private};
use super::seal;
use super::settings::{self, Sizing};
use super::{confine, hot_copy};
use crate::admin::accounts;
use crate::engine::EngineFiles;
use crate::{Owner, VolumeDir};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Accounts, InstanceSpec, Profile};
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Kind, Refusal, code};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Longest path of a unix socket that every client library takes, in bytes.
pub(super) const SOCKET_PATH_LIMIT: usize = 103;
/// Bytes of randomness in the name of an instance's private directory.
const NAME_BYTES: usize = 16;
/// What a private directory's name and the socket in it add to the run directory's path.
pub(super) const SOCKET_PATH_REST: usize = 1 + 2 * NAME_BYTES + "/s".len();

/// Niceness of a shadow's engine: on a busy machine it gets a third of what another one gets.
const SHADOW_NICE: i32 = 5;

/// Starts the engine of `spec`. On failure nothing is left but its log.
pub(super) fn launch(inner: &Inner, spec: &InstanceSpec) -> PortResult<(Record, Process)> {
    let files = (inner.engines)(spec.engine).ok_or_else(|| {
        PortError::fatal(
            Refusal::new(
                Kind::Unavailable,
                format!("engine {} is not installed here", spec.engine),
            )
            .code(code::NO_ENGINE)
            .hint("install it with `offshoot engine install`, or choose another with `offshoot engine use`"),
        )
    })?;
    let volume = inner.dirs.locate(spec.volume)?;
    let mut record = Record::new(
        spec.id,
        spec.engine,
        spec.volume,
        inner.run.join(unguessable(inner)),
        inner.clock.now(),
    );
    let mut start = || -> io::Result<Process> {
        inner.records.write(&record)?;
        let logged = prepare(spec, &record.directory, &volume)?;
        let process = fork(inner, spec, &files, &record, &volume, logged)?;
        record.process = Some(process.record()?);
        if let Err(error) = inner.records.write(&record) {
            process.kill();
            return Err(error);
        }
        Ok(process)
    };
    match start() {
        Ok(process) => Ok((record, process)),
        Err(error) => {
            // What cannot be removed now is removed by `forget`.
            let _ = fs::remove_dir_all(&record.directory);
            let full = error.kind() == io::ErrorKind::StorageFull;
            let refusal = Refusal::unavailable(format!(
                "engine {} could not be started: {error}",
                spec.engine
            ))
            .code(if full {
                code::DISK_FULL
            } else {
                code::ENGINE_START
            })
            .cause(error);
            Err(PortError::retry(refusal))
        }
    }
}

fn unguessable(inner: &Inner) -> PathBuf {
    let mut bytes = [0; NAME_BYTES];
    inner.ids.fill(&mut bytes);
    let name: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    name.into()
}

/// Where the init-file lies, until the engine has answered.
pub(super) fn init_file(directory: &Path) -> PathBuf {
    directory.join("init.sql")
}

/// MariaDB's `secure_file_priv`: a directory that nobody can enter.
pub(super) fn nowhere(directory: &Path) -> PathBuf {
    directory.join("nowhere")
}

pub(super) fn temporary(volume: &VolumeDir) -> PathBuf {
    volume.path.join("tmp")
}

/// What the settings of an instance depend on, without its binlog.
fn sizing(inner: &Inner, spec: &InstanceSpec) -> Sizing {
    Sizing {
        engine: spec.engine,
        profile: spec.profile,
        event_scheduler: spec.event_scheduler,
        recovers: spec.copied,
        logged: false,
        machine: inner.machine_memory,
        limit: spec.memory_limit,
        pool: spec.buffer_pool,
        server_id: server_id(spec),
    }
}

/// The buffer pool that an instance is to have once it has recovered, in bytes; `None`: it has that from the start.
pub(super) fn pool_from_now_on(inner: &Inner, spec: &InstanceSpec) -> Option<u64> {
    let recovering = sizing(inner, spec);
    let then = settings::pool(&Sizing {
        recovers: false,
        ..recovering
    });
    (then != settings::pool(&recovering)).then_some(then)
}

/// Whether a development engine has its binlog on at this start.
fn prepare(spec: &InstanceSpec, directory: &Path, volume: &VolumeDir) -> io::Result<bool> {
    let data = volume.path.join("data");
    make_private(directory)?;
    if spec.engine.kind == EngineKind::Mariadb {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o0).create(nowhere(directory))?;
    }
    let temporary = temporary(volume);
    make_private(&temporary)?;
    own(&temporary, volume.owner)?;
    hot_copy::remove(&hot_copy::scratch(volume))?;
    if spec.accounts == Accounts::Anew {
        let path = init_file(directory);
        let text = accounts::init_file(spec.engine, &spec.secret);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.expose_secret().as_bytes())?;
        own(&path, volume.owner)?;
        // A copy is another server: it gets a UUID of its own.
        match fs::remove_file(data.join("auto.cnf")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    let logged = match logged::left(&data)? {
        Left::Nothing => false,
        // To say up to where it goes.
        Left::Closed => spec.copied,
        Left::Open => true,
    };
    if spec.profile != Profile::Production && !logged {
        logged::remove(&data)?;
    }
    seal::open(spec.engine.kind, &data)?;
    own(directory, volume.owner)?;
    Ok(logged)
}

fn own(path: &Path, owner: Option<Owner>) -> io::Result<()> {
    match owner {
        Some(owner) => chown(path, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

fn fork(
    inner: &Inner,
    spec: &InstanceSpec,
    files: &EngineFiles,
    record: &Record,
    volume: &VolumeDir,
    logged: bool,
) -> io::Result<Process> {
    let data = volume.path.join("data");
    let directory = &record.directory;
    let mut command = files.command();
    command
        .args(settings::arguments(&Sizing {
            logged,
            ..sizing(inner, spec)
        }))
        .arg(option("--datadir=", &data))
        .arg(option("--tmpdir=", &temporary(volume)))
        .arg(option("--socket=", &record.socket()))
        .arg(option("--pid-file=", &directory.join("pid")))
        .current_dir(&data);
    if spec.engine.kind == EngineKind::Mariadb {
        command.arg(option("--secure-file-priv=", &nowhere(directory)));
    }
    if spec.accounts == Accounts::Anew {
        command.arg(option("--init-file=", &init_file(directory)));
    }
    if volume.owner.is_none() && rustix::process::geteuid().is_root() {
        // The engine refuses to run as root unless told; only volumes without an owner get here.
        command.arg("--user=root");
    }
    let log = inner.logs.open(spec.id)?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let cgroup = match &inner.cgroups {
        Some(cgroups) => Some(cgroups.join(spec.id, spec.memory_limit, spec.cpu_limit)?),
        None => None,
    };
    confine::confine(
        &mut command,
        files,
        &[&volume.path, directory],
        volume.owner,
        cgroup,
        inner.confinement.landlock,
    )
    .map_err(io::Error::other)?;
    let child = command.spawn().map_err(|error| {
        if error.kind() == io::ErrorKind::PermissionDenied && volume.owner.is_some() {
            return io::Error::other(format!(
                "its unprivileged user may not read {} (every directory above it needs mode o+x)",
                files.server.display()
            ));
        }
        error
    })?;
    if spec.profile == Profile::Shadow {
        yield_to_others(child.id());
    }
    Process::of_child(child.id())
}

/// What a shadow applies has time; its parent's clients have not. The threads that it begins from now on
/// are as its first one. Every engine has a session of its own: where the kernel shares processors out between sessions
/// (autogroup, sched(7)), the weight of the session is what counts, and a thread's only within it.
fn yield_to_others(pid: u32) {
    let session = format!("/proc/{pid}/autogroup");
    let shared = match fs::write(session, SHADOW_NICE.to_string()) {
        // A kernel without it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        written => written,
    };
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let thread = rustix::process::setpriority_process(pid, SHADOW_NICE);
    if let Err(error) = shared.and(thread.map_err(io::Error::from)) {
        tracing::warn!(%error, "a shadow runs with the priority of its parent");
    }
}

fn server_id(spec: &InstanceSpec) -> u32 {
    let digest = Sha256::digest(spec.id.as_str());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]).max(1)
}

fn option(name: &str, value: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(name);
    text.push(value);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn a_session_yields_as_a_whole() {
        // Empty on a kernel without it.
        let of = |pid: &str, file: &str| {
            fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
        };
        let own = of("self", "autogroup");
        let mut child = Command::new("setsid")
            .args(["sleep", "60"])
            .spawn()
            .unwrap();
        let pid = child.id().to_string();
        let end = Instant::now() + Duration::from_secs(20);
        while !own.is_empty() && of(&pid, "autogroup") == own && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        yield_to_others(child.id());
        let (session, stat) = (of(&pid, "autogroup"), of(&pid, "stat"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            own.is_empty() || session.trim().ends_with(" nice 5"),
            "{session}"
        );
        // proc_pid_stat(5): the 19th field, the 17th after the name.
        let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
        assert_eq!(fields.nth(16), Some("5"), "{stat}");
    }
}
