//! A running engine for the tests of schemas, with Offshoot's accounts.

use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Address, Endpoint, InstanceSecret, SYSTEM_ACCOUNT};
use offshoot_core::password::Role;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How often, and at what distance, a starting engine is asked whether it answers.
const ATTEMPTS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

/// An initialised data directory, of which engines are started on copies.
pub(crate) struct Initialised {
    pub(crate) files: EngineFiles,
    dir: TempDir,
}

impl Initialised {
    pub(crate) fn new(files: EngineFiles) -> Self {
        let dir = TempDir::with_prefix("offshoot-schema-").unwrap();
        let data = dir.path().join("data");
        let mut command = base(&files, &data);
        match files.engine.kind {
            EngineKind::Mysql => {
                let status = quiet(command.arg("--initialize-insecure"))
                    .status()
                    .unwrap();
                assert!(status.success());
            }
            EngineKind::Mariadb => {
                std::fs::create_dir_all(data.join("mysql")).unwrap();
                let script = dir.path().join("boot.sql");
                let mut text = b"USE mysql;\n".to_vec();
                for part in ["system_tables", "performance_tables", "system_tables_data"] {
                    let file = files.messages.join(format!("mysql_{part}.sql"));
                    text.extend(std::fs::read(file).unwrap());
                }
                std::fs::write(&script, text).unwrap();
                command.args(["--bootstrap", "--skip-grant-tables"]);
                let status = quiet(&mut command)
                    .stdin(std::fs::File::open(&script).unwrap())
                    .status()
                    .unwrap();
                assert!(status.success());
            }
        }
        Self { files, dir }
    }

    pub(crate) async fn start(&self, name: &str) -> Engine {
        let root = self.dir.path().join(name);
        std::fs::create_dir(&root).unwrap();
        let copied = Command::new("cp")
            .args(["-r", "--reflink=auto"])
            .arg(self.dir.path().join("data"))
            .arg(root.join("data"))
            .status()
            .unwrap();
        assert!(copied.success());
        Engine::start(&self.files, root).await
    }
}

/// A living engine. Killed on drop.
pub(crate) struct Engine {
    pub(crate) endpoint: Endpoint,
    pub(crate) files: EngineFiles,
    pub(crate) data: PathBuf,
    child: Child,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    async fn start(files: &EngineFiles, root: PathBuf) -> Self {
        let (socket, init) = (root.join("s"), root.join("init.sql"));
        let secret = InstanceSecret::new([9; 32]);
        let mut sql = String::new();
        for (account, password) in [
            (SYSTEM_ACCOUNT, secret.of_system()),
            (Role::Admin.account(), secret.of_role(Role::Admin)),
        ] {
            let password = password.expose_secret();
            sql.push_str(&format!(
                "CREATE USER {account}@localhost IDENTIFIED BY '{password}';\n"
            ));
            let grant = if account == SYSTEM_ACCOUNT {
                "WITH GRANT OPTION"
            } else {
                ""
            };
            sql.push_str(&format!(
                "GRANT ALL ON *.* TO {account}@localhost {grant};\n"
            ));
        }
        std::fs::write(&init, sql).unwrap();
        let data = root.join("data");
        let mut command = base(files, &data);
        command
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--init-file={}", init.display()))
            .arg(format!("--pid-file={}", root.join("pid").display()))
            .arg(format!("--log-error={}", root.join("log").display()))
            .args([
                "--skip-networking",
                "--skip-log-bin",
                "--event-scheduler=OFF",
            ])
            .args([
                "--performance-schema=OFF",
                "--innodb-flush-log-at-trx-commit=0",
            ]);
        if files.engine.kind == EngineKind::Mysql {
            command.args(["--mysqlx=OFF", "--secure-file-priv=NULL"]);
        }
        let child = quiet(&mut command).spawn().unwrap();
        let engine = Self {
            endpoint: Endpoint {
                instance: "schematest00".parse().unwrap(),
                engine: files.engine,
                address: Address::Unix(socket),
                secret,
            },
            files: files.clone(),
            data,
            child,
        };
        for _ in 0..ATTEMPTS {
            if Session::open(&engine.endpoint).await.is_ok() {
                return engine;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let log = std::fs::read_to_string(root.join("log")).unwrap_or_default();
        panic!("the engine does not answer: {log}");
    }

    pub(crate) async fn system(&self) -> Session {
        Session::open(&self.endpoint).await.unwrap()
    }

    pub(crate) async fn admin(&self) -> Session {
        let Address::Unix(socket) = &self.endpoint.address;
        let secret = self.endpoint.secret.of_role(Role::Admin);
        let account = Role::Admin.account();
        Session::open_as(socket, account, secret.expose_secret())
            .await
            .unwrap()
    }
}

fn base(files: &EngineFiles, data: &Path) -> Command {
    let mut command = files.command();
    command.arg(format!("--datadir={}", data.display()));
    if rustix::process::getuid().is_root() {
        command.arg("--user=root");
    }
    command
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}
