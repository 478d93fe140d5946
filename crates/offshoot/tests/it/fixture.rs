//! The built binary as a process, on a data directory and ports of its own.

use mysql_async::{Conn, Opts, OptsBuilder};
use offshoot_api_types::Password;
use offshoot_client::{Client, Token};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::engines;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) const ORG: &str = "default";
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A data directory with the test engines in it. Its engines and files go when it is dropped.
pub(crate) struct Home {
    temp: tempfile::TempDir,
    pub(crate) http: u16,
    pub(crate) gateway: u16,
    /// More configuration, in TOML.
    pub(crate) config: String,
}

pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) client: Client,
}

impl Home {
    /// With the engine as default; `None` (after a line `SKIP: …`) where it cannot be had.
    pub(crate) fn new(kind: EngineKind) -> Option<Self> {
        let engine = engines::get(kind)?.engine;
        let home = Self::empty();
        std::fs::DirBuilder::new()
            .mode(0o711)
            .create(home.data())
            .unwrap();
        std::fs::create_dir(home.data().join("engines")).unwrap();
        home.add_engine(kind)?;
        let name = engine.to_string();
        assert!(home.offshoot(&["engine", "use", &name]).status.success());
        Some(home)
    }

    /// One more engine; `None` (after a line `SKIP: …`) where it cannot be had.
    pub(crate) fn add_engine(&self, kind: EngineKind) -> Option<()> {
        let name = engines::get(kind)?.engine.to_string();
        symlink(
            engines::directory().join(&name),
            self.data().join("engines").join(&name),
        )
        .unwrap();
        Some(())
    }

    /// Without a data directory.
    pub(crate) fn empty() -> Self {
        let temp = tempfile::Builder::new()
            .prefix("offshoot-it")
            .tempdir()
            .unwrap();
        std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        Self {
            temp,
            http: free_port(),
            gateway: free_port(),
            config: String::new(),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    /// The directory around the data directory.
    pub(crate) fn directory(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let config = self.temp.path().join("offshoot.toml");
        std::fs::write(&config, &self.config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_offshoot"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.temp.path())
            .env("OFFSHOOT_DATA_DIR", self.data())
            .env("OFFSHOOT_CONFIG", config)
            .env("OFFSHOOT_HTTP_LISTEN", format!("127.0.0.1:{}", self.http))
            .env(
                "OFFSHOOT_GATEWAY_LISTEN",
                format!("127.0.0.1:{}", self.gateway),
            )
            .env("OFFSHOOT_API_URL", self.url())
            .env("OFFSHOOT_LOG", "warn")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn offshoot(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Server {
        self.serve_as(self.command(&["serve"])).await
    }

    /// As [`Home::serve`], with a command of one's own.
    pub(crate) async fn serve_as(&self, mut command: Command) -> Server {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.temp.path().join("log"))
            .unwrap();
        let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Server {
            process,
            client: Client::new(&self.url(), None).unwrap(),
        };
        let until = Instant::now() + PATIENCE;
        while server.client.ready().await.is_err() {
            let ended = server.process.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "not ready: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let token = std::fs::read_to_string(self.data().join("root-token")).unwrap();
        server.client = Client::new(&self.url(), Token::parse(&token).as_ref()).unwrap();
        server
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.temp.path().join("log")).unwrap_or_default()
    }

    /// Ids of the processes that work on this data directory.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let wanted = self.data().into_os_string().into_encoded_bytes();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if line.windows(wanted.len()).any(|part| part == wanted) {
                found.push(pid);
            }
        }
        found
    }

    /// Names in a directory of the data directory.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.data().join(directory)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in self.processes() {
            kill(pid);
        }
    }
}

impl Server {
    /// Ctrl-C, and waits for the end.
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.process.wait().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, as a rule.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        // Gone already is as good.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

pub(crate) async fn connect(password: &Password) -> Result<Conn, mysql_async::Error> {
    let options = OptsBuilder::default()
        .ip_or_hostname(password.connection.host.clone())
        .tcp_port(password.connection.port)
        .prefer_socket(false)
        .user(Some(password.username.clone()))
        .pass(password.plain_text.clone())
        .db_name(Some(password.connection.database.clone()));
    Conn::new(Opts::from(options)).await
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Files and directories below a directory.
pub(crate) fn listing(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flatten()
        .flat_map(|entry| {
            let below = if entry.path().is_dir() {
                listing(&entry.path())
            } else {
                Vec::new()
            };
            std::iter::once(entry.path()).chain(below)
        })
        .collect()
}

/// Puts a branch to sleep as soon as its engine has done with what clients did last: that may be a moment after
/// their sessions ended.
pub(crate) async fn put_to_sleep(client: &Client, name: &str) {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = client.sleep_branch(ORG, "shop", name).await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A port that no other test takes, and that no connection gets by chance: it is below those that the
/// kernel gives away.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Test programs beside each other begin elsewhere.
    let start = std::process::id().wrapping_mul(211);
    let ports = std::iter::from_fn(|| {
        let n = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + n % PORTS).ok()
    });
    let mut free = ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().unwrap()
}
