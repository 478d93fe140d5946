//! One real engine of each kind for all tests of this binary, with the accounts of every role.

use offshoot_core::engine::EngineKind;
use offshoot_core::id::InstanceId;
use offshoot_core::instance::{Address, Endpoint, InstanceSecret};
use offshoot_core::password::{Role, SAFE_ADMIN};
use offshoot_mysqld::engine::EngineFiles;
use offshoot_testkit::engines;
use secrecy::ExposeSecret;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) struct RealEngine {
    pub(crate) files: EngineFiles,
    pub(crate) endpoint: Endpoint,
    /// When the test process ends, however it does, the pipe closes: the engine is killed and its
    /// directory removed.
    _life: ChildStdin,
    _keeper: Child,
}

/// The shared engine of a kind; `None` where it cannot be had.
pub(crate) fn shared(kind: EngineKind) -> Option<&'static RealEngine> {
    static MYSQL: OnceLock<Option<RealEngine>> = OnceLock::new();
    static MARIADB: OnceLock<Option<RealEngine>> = OnceLock::new();
    match kind {
        EngineKind::Mysql => MYSQL.get_or_init(|| engines::mysql().map(start)),
        EngineKind::Mariadb => MARIADB.get_or_init(|| engines::mariadb().map(start)),
    }
    .as_ref()
}

/// Every engine that can be had.
pub(crate) fn each() -> Vec<&'static RealEngine> {
    EngineKind::ALL.into_iter().filter_map(shared).collect()
}

/// An engine of its own, for a test that ends it by dropping it.
pub(crate) fn own(kind: EngineKind) -> Option<RealEngine> {
    match kind {
        EngineKind::Mysql => engines::mysql().map(start),
        EngineKind::Mariadb => engines::mariadb().map(start),
    }
}

fn start(files: EngineFiles) -> RealEngine {
    let directory = tempfile::Builder::new()
        .prefix("offshoot-gateway-")
        .tempdir()
        .unwrap();
    let data = directory.path().join("data");
    initialize(&files, &data);
    let directory = directory.keep();
    let secret = InstanceSecret::new([42; 32]);
    let socket = directory.join("s");
    let init = directory.join("init.sql");
    std::fs::write(&init, accounts(files.engine.kind, &secret)).unwrap();
    let mut server = server(&files, &data);
    server
        .arg(format!("--socket={}", socket.display()))
        .arg(format!("--pid-file={}", directory.join("pid").display()))
        .arg(format!("--init-file={}", init.display()))
        .args([
            "--skip-networking",
            "--local-infile=1",
            "--max-allowed-packet=64M",
        ])
        .args(["--innodb-buffer-pool-size=32M", "--performance-schema=OFF"]);
    match files.engine.kind {
        EngineKind::Mysql => server.args(["--mysqlx=OFF", "--disable-log-bin"]),
        EngineKind::Mariadb => server.arg("--innodb-log-file-size=64M"),
    };
    let script =
        r#""$@" >"$DIR/log" 2>&1 & read _; kill -9 $! 2>/dev/null; wait $!; rm -rf "$DIR""#;
    let mut keeper = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(server.get_program())
        .args(server.get_args())
        .env("DIR", &directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let life = keeper.stdin.take().unwrap();
    let endpoint = Endpoint {
        instance: "instance0000".parse::<InstanceId>().unwrap(),
        engine: files.engine,
        address: Address::Unix(socket.clone()),
        secret,
    };
    for _ in 0..400 {
        if keeper.try_wait().unwrap().is_some() {
            break;
        }
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return RealEngine {
                files,
                endpoint,
                _life: life,
                _keeper: keeper,
            };
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    panic!("the engine did not start: {log}");
}

fn server(files: &EngineFiles, data: &Path) -> Command {
    let mut command = files.command();
    command.arg(format!("--datadir={}", data.display()));
    command.arg(match files.engine.kind {
        EngineKind::Mysql => "--secure-file-priv=NULL".into(),
        EngineKind::Mariadb => format!("--secure-file-priv={}", data.display()),
    });
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    command
}

fn initialize(files: &EngineFiles, data: &Path) {
    std::fs::create_dir(data).unwrap();
    let mut command = server(files, data);
    let text = match files.engine.kind {
        EngineKind::Mysql => {
            command.arg("--initialize-insecure");
            String::new()
        }
        EngineKind::Mariadb => {
            command.arg("--bootstrap");
            let scripts = [
                "mysql_system_tables.sql",
                "mysql_performance_tables.sql",
                "mysql_system_tables_data.sql",
            ];
            let read = |name| std::fs::read_to_string(files.messages.join(name)).unwrap();
            let scripts: String = scripts.into_iter().map(read).collect();
            format!("create database mysql;\nuse mysql;\n{scripts}")
        }
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut input, text.as_bytes());
    });
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn accounts(kind: EngineKind, secret: &InstanceSecret) -> String {
    let mut text = String::from("CREATE DATABASE shop;\n");
    let roles = Role::ALL.map(|role| match role {
        Role::Reader => (role.account(), "SELECT"),
        _ => (role.account(), "ALL"),
    });
    let safe = (
        SAFE_ADMIN,
        "SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES",
    );
    for (account, grant) in roles.into_iter().chain([safe]) {
        let secret = secret.of_account(account);
        let by = match kind {
            EngineKind::Mysql => "IDENTIFIED WITH caching_sha2_password BY",
            EngineKind::Mariadb => "IDENTIFIED BY",
        };
        let secret = secret.expose_secret();
        text += &format!("CREATE USER '{account}'@'localhost' {by} '{secret}';\n");
        text += &format!("GRANT {grant} ON *.* TO '{account}'@'localhost';\n");
    }
    text
}
