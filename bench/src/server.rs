//! A server of this checkout, on a pool of its own, for one benchmark.

use anyhow::{Context, Result, bail, ensure};
use mysql_async::{Conn, Opts, OptsBuilder};
use offshoot_api_types::{
    Branch, CreateBranch, CreateBranchPassword, CreateDatabase, CreatePassword, Password,
};
use offshoot_client::{Client, Token, Wait};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const ORG: &str = "default";
/// The longest that anything here is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A data directory on a copy-on-write pool; the mount and the directory go when it is dropped.
pub(crate) struct Machine {
    dir: TempDir,
    program: PathBuf,
    mounted: bool,
}

/// `offshoot serve` on a [`Machine`]; stopped when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) client: Client,
    /// The HTTP port.
    pub(crate) http: SocketAddr,
}

impl Machine {
    /// Builds the server in release mode unless one is given, makes the data directory, and the pool in it.
    pub(crate) fn new(pool: &str, server: Option<&Path>) -> Result<Self> {
        let engines = engines_dir();
        let program = match server {
            Some(program) => program.to_owned(),
            None => build()?,
        };
        let dir = tempfile::Builder::new()
            .prefix("offshoot-bench")
            .tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))?;
        let machine = Self {
            dir,
            program,
            mounted: pool != "copy",
        };
        fs::create_dir_all(&engines)?;
        fs::create_dir_all(machine.data())?;
        std::os::unix::fs::symlink(engines, machine.data().join("engines"))?;
        if machine.mounted {
            machine.offshoot(&["pool", "create", "--size", "28G", "--fs", pool])?;
        }
        Ok(machine)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where a benchmark keeps files of its own.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What the server has written so far.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.dir.path().join("server.log"))?)
    }

    pub(crate) fn pool(&self) -> PathBuf {
        self.data().join("pool")
    }

    /// The program, on this data directory.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("OFFSHOOT_DATA_DIR", self.data());
        command
    }

    /// A local command, such as `engine install mysql`.
    pub(crate) fn offshoot(&self, args: &[&str]) -> Result<()> {
        let status = self.command().args(args).stdout(Stdio::null()).status()?;
        ensure!(status.success(), "offshoot {} failed", args.join(" "));
        Ok(())
    }

    /// Starts the server on free ports with this configuration and waits until it is ready.
    pub(crate) async fn serve(&self, engine: &str, config: &str) -> Result<Server> {
        let (http, gateway) = (free_port()?, free_port()?);
        let file = self.dir.path().join("bench.toml");
        fs::write(&file, config)?;
        self.offshoot(&["engine", "use", engine])?;
        let log = fs::File::create(self.dir.path().join("server.log"))?;
        let process = Command::new(&self.program)
            .arg("serve")
            .arg("--config")
            .arg(&file)
            .env("OFFSHOOT_DATA_DIR", self.data())
            .env("OFFSHOOT_HTTP_LISTEN", format!("127.0.0.1:{http}"))
            .env("OFFSHOOT_GATEWAY_LISTEN", format!("127.0.0.1:{gateway}"))
            .env("OFFSHOOT_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let base = format!("http://127.0.0.1:{http}");
        let mut server = Server {
            process,
            client: Client::new(&base, None)?,
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, http)),
        };
        let until = Instant::now() + PATIENCE;
        while server.client.ready().await.is_err() {
            if let Some(status) = server.process.try_wait()? {
                let log = fs::read_to_string(self.dir.path().join("server.log"))?;
                bail!("the server ended with {status}:\n{log}");
            }
            ensure!(
                Instant::now() < until,
                "the server is not ready after {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let token = fs::read_to_string(self.data().join("root-token"))?;
        let token = Token::parse(&token).context("root-token has no token")?;
        server.client = Client::new(&base, Some(&token))?;
        Ok(server)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = self.offshoot(&["pool", "remove", "--force"])
        {
            eprintln!("{error:#}");
        }
    }
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory of the server itself, in MiB.
    pub(crate) fn rss(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find(|l| l.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line
            .split_whitespace()
            .nth(1)
            .context("no number")?
            .parse()?;
        Ok(kib / 1024.0)
    }

    /// A database whose production branch has `tables` tables with a few rows; the way into it.
    pub(crate) async fn database(
        &self,
        name: &str,
        engine: &str,
        tables: usize,
    ) -> Result<Password> {
        let body = CreateDatabase {
            name: Some(name.to_owned()),
            engine: Some(engine.to_owned()),
            ..CreateDatabase::default()
        };
        self.client
            .create_database(ORG, &body, Some(Wait(PATIENCE)))
            .await?;
        let body = CreatePassword {
            name: Some("bench".to_owned()),
            role: Some("admin".to_owned()),
            ..CreatePassword::default()
        };
        let main = self
            .client
            .create_password(ORG, name, "main", &body)
            .await?;
        let mut session = connect(&main).await?;
        for n in 0..tables {
            use mysql_async::prelude::Queryable;
            session
                .query_drop(format!(
                    "CREATE TABLE t{n} (id BIGINT PRIMARY KEY AUTO_INCREMENT, a INT NOT NULL, b VARCHAR(100),
                     c DECIMAL(10,2), d DATETIME, KEY (a), KEY (b, d))"
                ))
                .await?;
            session
                .query_drop(format!("INSERT INTO t{n} (a, b) VALUES (1, 'x'), (2, 'y')"))
                .await?;
        }
        session.disconnect().await?;
        Ok(main)
    }

    /// HTTP request to first `SELECT 1` through the gateway, in milliseconds; and the way in.
    pub(crate) async fn branch(&self, database: &str, name: &str) -> Result<(f64, Password)> {
        let body = CreateBranch {
            name: Some(name.to_owned()),
            password: Some(CreateBranchPassword {
                name: Some("bench".to_owned()),
                role: Some("admin".to_owned()),
                ttl: None,
            }),
            ..CreateBranch::default()
        };
        let began = Instant::now();
        let branch = self
            .client
            .create_branch(ORG, database, &body, Some(Wait(PATIENCE)))
            .await?;
        ensure!(
            branch.ready,
            "branch {name} is not ready after {PATIENCE:?}"
        );
        let password = branch.password.context("no password in the answer")?;
        let session = select_1(&password).await?;
        let took = milliseconds(began);
        session.disconnect().await?;
        Ok((took, password))
    }

    /// Waits until a branch is as wanted.
    pub(crate) async fn until(
        &self,
        database: &str,
        branch: &str,
        wanted: impl Fn(&Branch) -> bool,
    ) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !wanted(&self.client.show_branch(ORG, database, branch).await?) {
            ensure!(
                Instant::now() < until,
                "branch {branch} is not as expected after {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until the server has stopped changing volumes: templates, spares and warm instances are there.
    pub(crate) async fn settled(&self) -> Result<()> {
        let mut last = (0, 0, 0);
        let mut same = 0;
        let until = Instant::now() + PATIENCE;
        while same < 24 {
            ensure!(
                Instant::now() < until,
                "the server is still busy after {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(150)).await;
            let pool = self.client.show_pool().await?;
            let now = (
                pool.volumes_count,
                pool.snapshots_count,
                pool.memory_used_bytes,
            );
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        Ok(())
    }

    /// Stops the server and its engines cleanly.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if self.process.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{error:#}");
        }
    }
}

pub(crate) async fn connect(password: &Password) -> Result<Conn> {
    let options = OptsBuilder::default()
        .ip_or_hostname(password.connection.host.clone())
        .tcp_port(password.connection.port)
        .prefer_socket(false)
        .user(Some(password.username.clone()))
        .pass(password.plain_text.clone())
        .db_name(Some(password.connection.database.clone()));
    Ok(Conn::new(Opts::from(options)).await?)
}

/// Connects and asks.
pub(crate) async fn select_1(password: &Password) -> Result<Conn> {
    use mysql_async::prelude::Queryable;
    let mut session = connect(password).await?;
    let one: Option<u8> = session.query_first("SELECT 1").await?;
    ensure!(one == Some(1), "SELECT 1 answered {one:?}");
    Ok(session)
}

pub(crate) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// A port on which nobody listens, below those that connections get by chance.
pub(crate) fn free_port() -> Result<u16> {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(211);
    let ports = (0..PORTS).filter_map(|_| {
        let n = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + n % PORTS).ok()
    });
    let mut free = ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().context("no port is free")
}

/// The server of this checkout: next to the benchmark, built when it is not fresh.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let status = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--quiet",
            "-p",
            "offshoot",
            "--manifest-path",
        ])
        .arg(manifest)
        .status()?;
    ensure!(status.success(), "the server does not build");
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("offshoot"))
}

/// Engines are kept from run to run, where tests keep them too: installing them is not what is
/// measured. A directory that engines' own identities can reach.
pub(crate) fn engines_dir() -> PathBuf {
    std::env::var_os("OFFSHOOT_TEST_ENGINES")
        .map_or_else(|| "/var/cache/offshoot/test-engines".into(), PathBuf::from)
}

/// Of all threads that live, in nanoseconds as the kernel counts them.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let mut sum = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let nanoseconds = text.split_whitespace().next().unwrap_or("0");
        sum += nanoseconds.parse::<u64>().context("schedstat")?;
    }
    Ok(Duration::from_nanos(sum))
}
