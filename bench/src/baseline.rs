//! The baseline: the engine binary alone, with the settings that branches get, on a ready volume of
//! the same filesystem. From exec to the answer to the first `SELECT 1`.

use crate::server::{Machine, milliseconds};
use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_core::id::{RawId, VolumeId};
use offshoot_core::instance::{
    Accounts, InstanceSecret, InstanceSpec, Profile, Purpose, SYSTEM_ACCOUNT, Stop,
};
use offshoot_core::port::{Clock, Ids, Instances, PortResult};
use offshoot_mysqld::engine::{Catalog, initialize};
use offshoot_mysqld::instance::{Setup, Supervisor};
use offshoot_mysqld::{DataDirs, Owner, VolumeDir};
use secrecy::ExposeSecret;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An unprivileged identity outside the pool's own range.
const OWNER: Owner = Owner {
    uid: 699_000,
    gid: 699_000,
};
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Baseline {
    engine: EngineRef,
    /// Program and arguments, as a branch's engine was started.
    command: Vec<OsString>,
    socket: PathBuf,
    secret: InstanceSecret,
    volume: PathBuf,
    log: PathBuf,
}

struct Fixed(VolumeDir);

impl DataDirs for Fixed {
    fn locate(&self, _: VolumeId) -> PortResult<VolumeDir> {
        Ok(self.0.clone())
    }
}

struct Real;

impl Clock for Real {
    #[expect(clippy::disallowed_methods, reason = "this is a Clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Ids for Real {
    #[expect(clippy::disallowed_methods, reason = "this is the Ids port")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

impl Baseline {
    /// Initialises a volume beside the pool's own and starts an engine on it once, as Offshoot does.
    pub(crate) async fn new(machine: &Machine, kind: &str) -> Result<Self> {
        let kind: EngineKind = kind.parse()?;
        let catalog = Catalog::new(machine.data().join("engines"), Vec::new());
        let files = catalog
            .newest(kind)
            .with_context(|| format!("no {kind} is installed"))?;
        let engine = files.engine;
        let volume = machine.pool().join(format!("raw-{engine}"));
        fs::create_dir_all(&volume)?;
        std::os::unix::fs::chown(&volume, Some(OWNER.uid), Some(OWNER.gid))?;
        let dir = VolumeDir {
            path: volume.clone(),
            owner: Some(OWNER),
        };
        initialize::initialize(&files, &dir)?;

        let secret = InstanceSecret::new([42; 32]);
        let found = files.clone();
        let supervisor = Supervisor::new(Setup {
            run: machine.data().join("raw-run"),
            logs: machine.data().join("raw-logs"),
            dirs: Arc::new(Fixed(dir)),
            engines: Arc::new(move |_| Some(found.clone())),
            clock: Arc::new(Real),
            ids: Arc::new(Real),
            machine_memory: 8 << 30,
        })?;
        let spec = InstanceSpec {
            id: RawId::from_entropy([1; 12]).into(),
            volume: RawId::from_entropy([1; 12]).into(),
            engine,
            purpose: Purpose::Warm,
            profile: Profile::Development,
            secret: secret.clone(),
            accounts: Accounts::Anew,
            copied: false,
            event_scheduler: false,
            memory_limit: None,
            buffer_pool: None,
            cpu_limit: None,
        };
        supervisor.start(&spec).await?;
        let command = command_of(&volume)?;
        supervisor.stop(spec.id, Stop::Clean).await?;
        supervisor.forget(spec.id).await?;

        let run = machine.data().join("raw-socket");
        fs::create_dir_all(&run)?;
        std::os::unix::fs::chown(&run, Some(OWNER.uid), Some(OWNER.gid))?;
        // The engine's private directory went with the instance: the same things in another one.
        let text: Vec<String> = command
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        let socket = text.iter().find_map(|arg| arg.strip_prefix("--socket="));
        let socket = PathBuf::from(socket.context("an engine has a socket")?);
        let gone = socket.parent().context("a socket has a directory")?;
        let gone = gone.to_string_lossy().into_owned();
        let command = text
            .into_iter()
            .filter(|arg| !arg.starts_with("--init-file"))
            .map(|arg| arg.replace(&gone, &run.to_string_lossy()))
            .collect::<Vec<String>>();
        for directory in command
            .iter()
            .filter_map(|arg| arg.strip_prefix("--secure-file-priv="))
        {
            if directory.starts_with(&*run.to_string_lossy()) {
                fs::create_dir_all(directory)?;
                std::os::unix::fs::chown(directory, Some(OWNER.uid), Some(OWNER.gid))?;
            }
        }
        let socket = run.join(socket.file_name().context("a socket has a name")?);
        let command = command.into_iter().map(OsString::from).collect();
        Ok(Self {
            engine,
            command,
            socket,
            secret,
            volume,
            log: machine.data().join("raw.log"),
        })
    }

    pub(crate) fn engine(&self) -> String {
        self.engine.to_string()
    }

    /// One start, in milliseconds; the engine is stopped cleanly behind it.
    pub(crate) async fn start(&self) -> Result<f64> {
        let began = Instant::now();
        let running = self.spawn(&self.command)?;
        self.first_answer(began).await?;
        let took = milliseconds(began);
        drop(running);
        Ok(took)
    }

    /// Starts the engine with a TCP port on loopback, and with a schema and the account that owns it,
    /// both of this name. The account's secret is returned; the engine remembers it, so that it may
    /// log in without TLS.
    pub(crate) async fn serve(&self, port: u16, user: &str) -> Result<(Running, String)> {
        let mut random = [0; 16];
        Real.fill(&mut random);
        let secret: String = random.iter().map(|b| format!("{b:02x}")).collect();
        // In a session of its own, as Offshoot's engines are: Linux shares processors among sessions
        // first (`sched_autogroup`), so one in the benchmark's own would have another part of them.
        let command = self
            .command
            .iter()
            .filter(|arg| *arg != "--skip-networking");
        let mut command: Vec<OsString> = std::iter::once("setsid".into())
            .chain(command.cloned())
            .collect();
        command.push(format!("--port={port}").into());
        command.push("--bind-address=127.0.0.1".into());
        self.unseal()?;
        let running = self.spawn(&command)?;
        self.first_answer(Instant::now()).await?;
        let mut session =
            Conn::new(self.options(SYSTEM_ACCOUNT, self.secret.of_system().expose_secret()))
                .await?;
        for statement in [
            format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{secret}'"),
            // Whoever replays a binlog sets what is nobody's otherwise.
            format!("GRANT ALL ON *.* TO '{user}'@'%'"),
            format!("CREATE DATABASE {user}"),
        ] {
            session.query_drop(statement).await?;
        }
        session.disconnect().await?;
        // Over the socket a client may send the secret itself; from then on the engine remembers it.
        Conn::new(self.options(user, &secret))
            .await?
            .disconnect()
            .await?;
        Ok((running, secret))
    }

    /// MariaDB's table of accounts is left read-only by the start that Offshoot made.
    fn unseal(&self) -> Result<()> {
        if self.engine.kind != EngineKind::Mariadb {
            return Ok(());
        }
        for extension in ["MAI", "MAD"] {
            let table = self.volume.join("data/mysql/global_priv");
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(table.with_extension(extension), mode)?;
        }
        Ok(())
    }

    fn spawn(&self, command: &[OsString]) -> Result<Running> {
        let (program, args) = command.split_first().context("an engine has a program")?;
        let mut command = Command::new(program);
        command
            .args(args)
            .uid(OWNER.uid)
            .gid(OWNER.gid)
            .current_dir(self.volume.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&self.log)?);
        Ok(Running(command.spawn()?))
    }

    fn options(&self, user: &str, secret: &str) -> Opts {
        OptsBuilder::default()
            .socket(Some(self.socket.to_string_lossy()))
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(secret))
            .into()
    }

    async fn first_answer(&self, began: Instant) -> Result<()> {
        let secret = self.secret.of_system();
        loop {
            let options = self.options(SYSTEM_ACCOUNT, secret.expose_secret());
            if let Ok(mut session) = Conn::new(options).await {
                let one: Option<u8> = session.query_first("SELECT 1").await?;
                ensure!(one == Some(1), "SELECT 1 answered {one:?}");
                session.disconnect().await?;
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!(
                    "the engine did not start:\n{}",
                    fs::read_to_string(&self.log)?
                );
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A process of the benchmark's own; ended cleanly when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let pid = rustix::process::Pid::from_child(&self.0);
        let ended = rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .map_err(std::io::Error::from)
            .and_then(|()| self.0.wait());
        if let Err(error) = ended {
            eprintln!("process {pid:?} did not end: {error}");
        }
    }
}

/// The command line of the engine that runs on a volume.
fn command_of(volume: &Path) -> Result<Vec<OsString>> {
    let wanted = volume.to_string_lossy().into_owned();
    for entry in fs::read_dir("/proc")? {
        let Ok(line) = fs::read(entry?.path().join("cmdline")) else {
            continue;
        };
        let args: Vec<&[u8]> = line
            .split(|b| *b == 0)
            .filter(|arg| !arg.is_empty())
            .collect();
        let data = |arg: &&&[u8]| {
            arg.starts_with(b"--datadir=") && String::from_utf8_lossy(arg).contains(&wanted)
        };
        if args.iter().any(|arg| data(&arg)) {
            return Ok(args
                .into_iter()
                .map(|arg| OsString::from_vec(arg.to_vec()))
                .collect());
        }
    }
    bail!("no engine runs on {wanted}")
}
