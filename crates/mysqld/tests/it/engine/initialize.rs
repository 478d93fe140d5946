//! Freshly initialised data directories, opened by the engine that made them.

use offshoot_mysqld::VolumeDir;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_mysqld::engine::initialize::initialize;
use offshoot_testkit::engines;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server on a copy of a data directory, killed when dropped.
struct Server {
    child: Child,
    socket: PathBuf,
    _home: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    /// Starts with `sql` as init file and waits for the socket.
    fn start(engine: &EngineFiles, data: &Path, sql: &str) -> Self {
        let home = TempDir::with_prefix("ofs-engine-").unwrap();
        let copy = home.path().join("data");
        let done = Command::new("cp")
            .arg("-a")
            .args([data, &copy])
            .status()
            .unwrap();
        assert!(done.success());
        let script = home.path().join("init.sql");
        std::fs::write(&script, sql).unwrap();
        let socket = home.path().join("s");
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        let mut command = engine.command();
        command
            .arg(format!("--datadir={}", copy.display()))
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--init-file={}", script.display()))
            .arg(format!("--pid-file={}", home.path().join("pid").display()))
            .args([
                "--user=root",
                "--skip-networking",
                "--innodb-buffer-pool-size=32M",
            ])
            .args(["--loose-mysqlx=OFF", "--loose-innodb-redo-log-capacity=8M"])
            .arg(match engine.engine.kind.as_str() {
                "mysql" => "--secure-file-priv=NULL".to_owned(),
                _ => format!("--secure-file-priv={}", home.path().display()),
            })
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while !socket.exists() {
            let words = || std::fs::read_to_string(home.path().join("log")).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none(), "{}", words());
            assert!(Instant::now() < end, "{}", words());
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            child,
            socket,
            _home: home,
        }
    }

    fn query(&self, engine: &EngineFiles, user: &str, sql: &str) -> Output {
        engine
            .client("mysql")
            .or_else(|| engine.client("mariadb"))
            .expect("a client")
            .args(["--no-defaults", "-N", "-B", "-u", user, "-e", sql])
            .arg(format!("--socket={}", self.socket.display()))
            .env("HOME", "/nonexistent")
            .output()
            .unwrap()
    }
}

fn volume() -> (TempDir, VolumeDir) {
    let home = TempDir::with_prefix("ofs-engine-").unwrap();
    let path = home.path().to_owned();
    (home, VolumeDir { path, owner: None })
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Allocated bytes below a directory.
fn size(path: &Path) -> u64 {
    std::fs::read_dir(path)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| match e.file_type().unwrap().is_dir() {
            true => size(&e.path()),
            false => e.metadata().unwrap().blocks() * 512,
        })
        .sum()
}

#[test]
fn a_new_data_directory_knows_time_zones_and_lets_nobody_in() {
    for engine in engines::each() {
        let data = engines::template(engine.engine.kind).unwrap();
        let probe =
            "CREATE USER probe@localhost IDENTIFIED BY '';\nGRANT ALL ON *.* TO probe@localhost;\n";
        let server = Server::start(&engine, &data, probe);
        let zones = "SELECT CONVERT_TZ('2026-07-01 12:00:00','UTC','Europe/Berlin'), \
            CONVERT_TZ('2026-01-01 12:00:00','America/New_York','UTC'), \
            CONVERT_TZ('2036-07-01 12:00:00','UTC','Australia/Sydney'), \
            CONVERT_TZ('1970-01-02 00:00:00','Europe/London','UTC'), \
            CONVERT_TZ('2026-01-01 00:00:00','Asia/Kolkata','Pacific/Auckland')";
        assert_eq!(
            text(&server.query(&engine, "probe", zones)),
            "2026-07-01 14:00:00\t2026-01-01 17:00:00\t2036-07-01 22:00:00\t1970-01-01 23:00:00\t2026-01-01 07:30:00",
            "{}",
            engine.engine
        );
        for user in [
            "root",
            "",
            "mysql",
            "nobody",
            "mariadb.sys",
            "mysql.sys",
            "mysql.session",
        ] {
            let output = server.query(&engine, user, "SELECT 1");
            assert!(
                !output.status.success(),
                "{user} got into {}",
                engine.engine
            );
        }
        let schemas = text(&server.query(
            &engine,
            "probe",
            "SELECT GROUP_CONCAT(schema_name ORDER BY 1) FROM information_schema.schemata",
        ));
        assert_eq!(schemas, "information_schema,mysql,performance_schema,sys");
        assert_eq!(
            text(&server.query(
                &engine,
                "probe",
                "SELECT sys.format_bytes(2048), @@port + 0 >= 0"
            )),
            "2.00 KiB\t1"
        );
    }
}

#[test]
fn a_half_filled_data_directory_is_made_anew_and_a_whole_one_stays() {
    let Some(engine) = engines::mariadb() else {
        return;
    };
    let (_home, volume) = volume();
    let data = volume.path.join("data");
    std::fs::create_dir_all(data.join("mysql")).unwrap();
    std::fs::write(data.join("mysql/junk"), "left by a crash").unwrap();
    std::fs::create_dir_all(volume.path.join("initialize")).unwrap();
    initialize(&engine, &volume).unwrap();
    assert!(!data.join("mysql/junk").exists());
    assert!(!volume.path.join("initialize").exists());
    let made = std::fs::metadata(data.join("ibdata1"))
        .unwrap()
        .mtime_nsec();
    initialize(&engine, &volume).unwrap();
    assert_eq!(
        std::fs::metadata(data.join("ibdata1"))
            .unwrap()
            .mtime_nsec(),
        made
    );
}

#[test]
fn an_initialised_directory_is_small() {
    for engine in engines::each() {
        let data = engines::template(engine.engine.kind).unwrap();
        let mib = size(&data) >> 20;
        assert!(mib < 96, "{} takes {mib} MiB", engine.engine);
    }
}

#[test]
fn an_engine_that_fails_says_why_and_leaves_the_mark() {
    let Some(mut engine) = engines::mariadb() else {
        return;
    };
    let (_home, volume) = volume();
    let messages = engine.messages.clone();
    engine.messages = volume.path.join("nowhere");
    let error = initialize(&engine, &volume).unwrap_err().to_string();
    assert!(error.contains("mysql_system_tables.sql"), "{error}");
    engine.messages = messages;
    engine.server = "/bin/false".into();
    engine.loader = None;
    let error = initialize(&engine, &volume).unwrap_err().to_string();
    assert!(error.contains("did not initialise"), "{error}");
    assert!(volume.path.join("initialize").exists());
}

#[test]
fn as_root_the_files_belong_to_the_volumes_owner() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for engine in engines::each() {
        let owner = offshoot_mysqld::Owner {
            uid: 700_123,
            gid: 700_123,
        };
        let (_home, mut volume) = volume();
        std::os::unix::fs::chown(&volume.path, Some(owner.uid), Some(owner.gid)).unwrap();
        volume.owner = Some(owner);
        initialize(&engine, &volume).unwrap();
        let all = std::fs::read_dir(volume.path.join("data")).unwrap();
        for entry in all.map(|e| e.unwrap()) {
            assert_eq!(
                entry.metadata().unwrap().uid(),
                owner.uid,
                "{:?}",
                entry.path()
            );
        }
    }
}

#[test]
fn every_zone_of_the_machine_is_converted_as_its_rules_say() {
    const AT: [&str; 4] = [
        "1971-01-15T12:00:00Z",
        "1996-04-15T12:00:00Z",
        "2026-07-15T12:00:00Z",
        "2037-12-15T12:00:00Z",
    ];
    for engine in engines::each() {
        let data = engines::template(engine.engine.kind).unwrap();
        let probe =
            "CREATE USER probe@localhost IDENTIFIED BY '';\nGRANT ALL ON *.* TO probe@localhost;\n";
        let server = Server::start(&engine, &data, probe);
        let columns: Vec<String> = AT
            .iter()
            .map(|at| {
                format!(
                    "CONVERT_TZ('{}','+00:00',Name)",
                    at.replace('T', " ").replace('Z', "")
                )
            })
            .collect();
        let sql = format!(
            "SELECT Name, {} FROM mysql.time_zone_name",
            columns.join(",")
        );
        let table = text(&server.query(&engine, "probe", &sql));
        let mut zones = 0;
        for line in table.lines() {
            let mut cells = line.split('\t');
            let name = cells.next().unwrap();
            let bytes = std::fs::read(Path::new("/usr/share/zoneinfo").join(name)).unwrap();
            let tz = jiff::tz::TimeZone::tzif(name, &bytes).unwrap();
            for (at, cell) in AT.iter().zip(cells) {
                let local = tz.to_datetime(at.parse().unwrap());
                assert_eq!(
                    cell,
                    local.strftime("%F %T").to_string(),
                    "{name} {at} {}",
                    engine.engine
                );
            }
            zones += 1;
        }
        assert!(zones > 400, "{zones} zones in {}", engine.engine);
    }
}
