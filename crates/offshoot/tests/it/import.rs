//! Dumps go in and come out the same; whatever ends an import in the middle leaves the branch as
//! it was.

use crate::exact::{reference, run};
use crate::fixture::{Home, ORG, PATIENCE, Server, connect, text};
use crate::story::database;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{CreatePassword, Password};
use offshoot_client::PageOf;
use offshoot_core::engine::EngineKind;
use offshoot_testkit::engines;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MYSQL57: &str = include_str!("import/mysql57.sql");
const MYSQL80: &str = include_str!("import/mysql80.sql");
const MARIADB11: &str = include_str!("import/mariadb11.sql");

/// Every value of the rich schema's tables that a dump has to carry.
const ROWS: &[&str] = &[
    "USE shop",
    "INSERT INTO customers (email, name, born, flags, mood, raw, b) VALUES \
     ('c@example.org', 'it''s; \\\\ \"x\" `y`\\n-- no comment /* none */', '2001-02-03', 'a,d e', 'ä', 0x00FF1A0A, b'10101')",
    "INSERT INTO orders (customer, total) VALUES (1000, 5), (1001, 7.25)",
    "INSERT INTO by_list VALUES (1, 'x'), (2, 'y''z'), (3, NULL)",
    "SET sql_mode = ''",
    "INSERT INTO zero_dates VALUES ()",
    "SET sql_mode = DEFAULT",
    "INSERT INTO compressed VALUES (1, REPEAT('DELIMITER ;;\\n\\'', 3000)), (2, '')",
];

struct Gateway<'a> {
    home: &'a Home,
    kind: EngineKind,
    password: Password,
}

impl Gateway<'_> {
    /// One of the engine's own client programs, logged in at the gateway.
    fn program(&self, name: &str) -> Command {
        let files = engines::get(self.kind).unwrap();
        let mut command = files.client(name).expect("the engine's client programs");
        let at = &self.password.connection;
        command
            .arg("--no-defaults")
            .arg(format!("--host={}", at.host))
            .arg(format!("--port={}", at.port))
            .arg(format!("--user={}", at.username))
            .arg("--protocol=tcp")
            .env("MYSQL_PWD", self.password.plain_text.as_ref().unwrap());
        command
    }

    /// What `mysqldump` says of these schemas.
    fn dump(&self, what: &[&str]) -> Vec<u8> {
        let (name, own) = match self.kind {
            EngineKind::Mysql => ("mysqldump", ["--set-gtid-purged=OFF", "--no-tablespaces"]),
            EngineKind::Mariadb => ("mariadb-dump", ["--skip-ssl", "--no-tablespaces"]),
        };
        let output = self
            .program(name)
            .args(own)
            .args([
                "--routines",
                "--events",
                "--triggers",
                "--hex-blob",
                "--skip-dump-date",
            ])
            .args(what)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        output.stdout
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.data().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

async fn gateway<'a>(home: &'a Home, server: &Server, kind: EngineKind, name: &str) -> Gateway<'a> {
    let body = CreatePassword {
        name: Some(format!("dump-{name}")),
        ..CreatePassword::default()
    };
    let password = server
        .client
        .create_password(ORG, name, "main", &body)
        .await
        .unwrap();
    Gateway {
        home,
        kind,
        password,
    }
}

fn succeeds(home: &Home, args: &[&str]) -> serde_json::Value {
    let output = home.offshoot(&[args, &["--format", "json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fails(home: &Home, args: &[&str]) -> String {
    let output = home.offshoot(args);
    assert!(!output.status.success(), "{args:?}: {}", text(&output));
    text(&output)
}

/// Where two texts differ, for the message.
fn same(a: &[u8], b: &[u8]) {
    if a == b {
        return;
    }
    let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    let other = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    panic!(
        "the dumps differ ({} and {} bytes): {other:#?}",
        a.len(),
        b.len()
    );
}

/// A dump as it would be of a schema with another name, which it says in comments and `ALTER DATABASE`.
fn named(dump: &[u8], from: &str, to: &str) -> String {
    let text = String::from_utf8_lossy(dump);
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    text.replace(&quoted(from), &quoted(to))
        .replace(&format!("Database: {from}"), &format!("Database: {to}"))
        .replace(
            &format!("for database '{from}'"),
            &format!("for database '{to}'"),
        )
}

async fn round_trip(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let main = database(&server.client).await;
    let mut session = connect(&main).await.unwrap();
    run(&mut session, &reference(kind)).await;
    run(&mut session, ROWS).await;
    session.disconnect().await.unwrap();
    let shop = gateway(&home, &server, kind, "shop").await;
    let schemas = ["--databases", "shop", "größe", "odd.db `x"];
    let dump = shop.dump(&schemas);
    assert!(dump.len() > 50_000, "{}", dump.len());

    // All schemas under their own names, packed, into a new database.
    let packed = zstd::stream::encode_all(&dump[..], 1).unwrap();
    let file = shop.file("dump.sql.zst", &packed);
    let made = succeeds(
        &home,
        &[
            "database",
            "create",
            "copy",
            "--keep-schemas",
            "--import",
            file.to_str().unwrap(),
        ],
    );
    assert_eq!(made["name"], "copy");
    let copy = gateway(&home, &server, kind, "copy").await;
    same(&dump, &copy.dump(&schemas));

    // One schema, without its name, into the branch's own; twice, the second time over the first.
    let one = copy.dump(&["odd.db `x"]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&one).unwrap();
    let file = shop.file("dump.sql.gz", &gz.finish().unwrap());
    for _ in 0..2 {
        let report = succeeds(
            &home,
            &["database", "import", "copy", file.to_str().unwrap()],
        );
        assert_eq!(report["bytes_read"], fs::metadata(&file).unwrap().len());
    }
    let renamed = named(&one, "odd.db `x", "copy");
    same(renamed.as_bytes(), &copy.dump(&["copy"]));

    other_servers(&home, kind, &copy).await;
    mydumper(&home, &server, kind, &shop).await;
    let passwords = server
        .client
        .list_passwords(ORG, "copy", Some("main"), None, None, PageOf::default())
        .await
        .unwrap();
    assert_eq!(passwords.data.len(), 1, "temporary passwords are gone");
    assert!(server.stop().success());
}

/// Dumps of older servers and of the other engine.
async fn other_servers(home: &Home, kind: EngineKind, copy: &Gateway<'_>) {
    let mut session = connect(&copy.password).await.unwrap();
    let file = copy.file("57.sql", MYSQL57.as_bytes());
    let report = succeeds(
        home,
        &["database", "import", "copy", "main", file.to_str().unwrap()],
    );
    assert_eq!(report["changes"]["definers"], 3, "{report}");
    assert_eq!(report["changes"]["skipped"], 3, "{report}");
    let rows: Vec<(u32, Option<String>, Option<String>)> = session
        .query("SELECT id, name, HEX(raw) FROM copy.customers ORDER BY id")
        .await
        .unwrap();
    assert_eq!(
        rows,
        [
            (1, Some("Ann; 'A' \\".to_owned()), Some("001A0A".to_owned())),
            (2, Some("Bö".to_owned()), None),
            (3, None, Some("DEADBEEF".to_owned())),
        ]
    );
    let adults: Vec<u32> = session
        .query("SELECT id FROM copy.adults WHERE id <> 2 AND copy.twice(id) > 1 ORDER BY id")
        .await
        .unwrap();
    assert_eq!(adults, [1, 3]);

    let (file, changes) = match kind {
        EngineKind::Mysql => (
            copy.file("other.sql", MARIADB11.as_bytes()),
            serde_json::json!({"collations": 2, "defaults": 1, "storage_engines": 1, "table_options": 1}),
        ),
        EngineKind::Mariadb => (
            copy.file("other.sql", MYSQL80.as_bytes()),
            serde_json::json!({"collations": 2, "definers": 1, "skipped": 1, "table_options": 1}),
        ),
    };
    let report = succeeds(
        home,
        &["database", "import", "copy", file.to_str().unwrap()],
    );
    assert_eq!(report["changes"], changes);
    let rows: Vec<(u32, String)> = session
        .query("SELECT id, text FROM copy.notes ORDER BY id")
        .await
        .unwrap();
    assert_eq!(rows[0], (1, "Å".to_owned()));
    assert_eq!(rows.len(), 2);
    session.disconnect().await.unwrap();
}

/// A directory of mydumper's.
async fn mydumper(home: &Home, server: &Server, kind: EngineKind, shop: &Gateway<'_>) {
    if Command::new("mydumper").arg("--version").output().is_err() {
        let what: Option<()> = engines::skip("mydumper is not installed");
        return what.unwrap_or_default();
    }
    let mut session = connect(&shop.password).await.unwrap();
    let simple = [
        "CREATE DATABASE plain",
        "USE plain",
        "CREATE TABLE parent (id int PRIMARY KEY, t varchar(50), raw blob)",
        "CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES parent (id))",
        "INSERT INTO parent VALUES (0, 'a;''b', 0x0001FF), (2, 'ä', NULL)",
        "INSERT INTO child (parent) VALUES (0), (2), (NULL)",
        "CREATE TRIGGER tr BEFORE INSERT ON child FOR EACH ROW SET NEW.parent = NEW.parent",
        "CREATE VIEW v AS SELECT id FROM parent",
    ];
    run(&mut session, &simple).await;
    if kind == EngineKind::Mariadb {
        run(&mut session, &["CREATE PROCEDURE p() SELECT ';'"]).await;
    }
    session.disconnect().await.unwrap();
    let dir = home.data().join("mydumper");
    let at = &shop.password.connection;
    let output = Command::new("mydumper")
        .args([
            "--database",
            "plain",
            "--triggers",
            "--no-locks",
            "--compress",
        ])
        .args([
            "--host",
            &at.host,
            "--port",
            &at.port.to_string(),
            "--user",
            &at.username,
        ])
        .arg("--password")
        .arg(shop.password.plain_text.as_ref().unwrap())
        // This version misreads what newer MySQL says of routines.
        .args((kind == EngineKind::Mariadb).then_some("--routines"))
        .arg("--outputdir")
        .arg(&dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let made = succeeds(
        home,
        &[
            "database",
            "create",
            "moved",
            "--import",
            dir.to_str().unwrap(),
        ],
    );
    assert_eq!(made["name"], "moved");
    let moved = gateway(home, server, kind, "moved").await;
    let wanted = shop.dump(&["plain"]);
    let wanted = named(&wanted, "plain", "moved");
    same(wanted.as_bytes(), &moved.dump(&["moved"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_mysql_comes_out_as_it_went_in() {
    round_trip(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_mariadb_comes_out_as_it_went_in() {
    round_trip(EngineKind::Mariadb).await;
}

/// What a branch holds, in one number.
async fn checksum(session: &mut Conn) -> (Vec<String>, Option<u64>) {
    let tables = session.query("SHOW TABLES").await.unwrap();
    let sum: Option<(String, Option<u64>)> = session
        .query_first("CHECKSUM TABLE kept EXTENDED")
        .await
        .unwrap();
    (tables, sum.and_then(|(_, sum)| sum))
}

/// An import that reads what this test feeds it.
struct Feeding {
    process: Child,
}

impl Feeding {
    fn start(home: &Home, more: &[&str]) -> Self {
        let args = [&["database", "import", "shop", "-"], more].concat();
        let process = home
            .command(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process }
    }

    /// Feeds statements, and waits until the branch shows them.
    async fn feed(&mut self, password: &Password) {
        // More than what waits in the queue until a batch is full.
        let mut text = "CREATE TABLE half (id int);\nDELETE FROM kept;\n".to_owned();
        for n in 0..40_000 {
            text.push_str(&format!("INSERT INTO half VALUES ({n});\n"));
        }
        let mut pipe = self.process.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            // The reader may be gone before it has read everything.
            let _ = pipe.write_all(text.as_bytes());
            pipe
        });
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut session) = connect(password).await
                && session.query_drop("SELECT 1 FROM half").await.is_ok()
            {
                break;
            }
            assert!(Instant::now() < until, "nothing arrives");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.process.stdin = Some(writer.join().unwrap());
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn end(mut self) -> String {
        let pipe = self.process.stdin.take();
        let output = self.process.wait_with_output().unwrap();
        drop(pipe);
        assert!(!output.status.success());
        text(&output)
    }
}

/// Waits until the branch is what it was.
async fn as_before(password: &Password, wanted: &(Vec<String>, Option<u64>)) {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Ok(mut session) = connect(password).await {
            let tables: Vec<String> = session.query("SHOW TABLES").await.unwrap_or_default();
            if tables == wanted.0 {
                assert_eq!(checksum(&mut session).await, *wanted);
                session.disconnect().await.unwrap();
                return;
            }
        }
        assert!(Instant::now() < until, "the branch is not as it was");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn failures(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let main = database(&server.client).await;
    let mut session = connect(&main).await.unwrap();
    for sql in [
        "CREATE TABLE kept (id int PRIMARY KEY, t text)",
        "INSERT INTO kept VALUES (1, 'a'), (2, 'b')",
    ] {
        session.query_drop(sql).await.unwrap();
    }
    let before = checksum(&mut session).await;
    session.disconnect().await.unwrap();
    let dump = |name: &str, text: &str| -> String {
        let path: &Path = &home.data().join(name);
        fs::write(path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };

    // The engine refuses the third statement.
    let bad = dump(
        "bad.sql",
        "-- head\nCREATE TABLE half (id int);\nDELETE FROM kept;\n\n  INSERT INTO half\n VALUES (1,'x');\nSELECT 1;\n",
    );
    let said = fails(&home, &["database", "import", "shop", &bad]);
    for part in [
        "statement 3 of ",
        "bad.sql, at line 5 (byte 57)",
        "ERROR 1136 (21S01)",
        "  INSERT INTO half  VALUES (1,'x')",
        "Branch main is as it was before.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    as_before(&main, &before).await;

    // Offshoot refuses, before the rest of the dump is looked at.
    let refused = dump(
        "refused.sql",
        "DELETE FROM kept;\nGRANT ALL ON *.* TO me;\n",
    );
    let said = fails(
        &home,
        &["database", "import", "shop", &refused, "--format", "json"],
    );
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["import"]["statement"], &said["import"]["line"]),
        (&2.into(), &2.into()),
        "{said}"
    );
    assert!(
        said["next_steps"][0]
            .as_str()
            .unwrap()
            .contains("password create")
    );
    as_before(&main, &before).await;

    // Cut off in the middle of a string.
    let cut = dump(
        "cut.sql",
        "DELETE FROM kept;\nINSERT INTO kept VALUES (3, 'x",
    );
    let said = fails(&home, &["database", "import", "shop", &cut]);
    assert!(
        said.contains("does not end") && said.contains("Dump completed"),
        "{said}"
    );
    as_before(&main, &before).await;

    // A new database goes with its dump, or stays when that is wanted.
    fails(&home, &["database", "create", "fresh", "--import", &bad]);
    assert!(
        !home
            .offshoot(&["database", "show", "fresh"])
            .status
            .success()
    );
    let nowhere = home.data().join("missing.sql");
    fails(
        &home,
        &[
            "database",
            "create",
            "fresh",
            "--import",
            nowhere.to_str().unwrap(),
        ],
    );
    assert!(
        !home
            .offshoot(&["database", "show", "fresh"])
            .status
            .success()
    );
    let small = dump("small.sql", "CREATE TABLE half (id int);\nNONSENSE;\n");
    let said = fails(
        &home,
        &[
            "database",
            "create",
            "fresh",
            "--import",
            &small,
            "--keep-on-failure",
        ],
    );
    assert!(said.contains("Database fresh is there"), "{said}");
    assert!(
        home.offshoot(&["database", "show", "fresh"])
            .status
            .success()
    );

    // Ctrl-C.
    let mut feeding = Feeding::start(&home, &[]);
    feeding.feed(&main).await;
    let said = home.offshoot(&["database", "import", "shop", &bad]);
    assert!(
        text(&said).contains("OFS-1110"),
        "one at a time: {}",
        text(&said)
    );
    feeding.signal(rustix::process::Signal::INT);
    let said = feeding.end();
    assert!(
        said.contains("interrupted\nBranch main is as it was before."),
        "{said}"
    );
    as_before(&main, &before).await;

    // The client is killed: nobody renews.
    let mut feeding = Feeding::start(&home, &["--expire-after", "3s"]);
    feeding.feed(&main).await;
    feeding.signal(rustix::process::Signal::KILL);
    feeding.end();
    as_before(&main, &before).await;

    // The server is killed.
    let mut feeding = Feeding::start(&home, &["--expire-after", "3s"]);
    feeding.feed(&main).await;
    server.kill();
    let said = feeding.end();
    assert!(said.contains("the session broke"), "{said}");
    let server = home.serve().await;
    as_before(&main, &before).await;

    // What was loaded stays when that is wanted.
    let keep = dump("keep.sql", "DELETE FROM kept WHERE id = 1;\nNONSENSE;\n");
    let said = fails(
        &home,
        &["database", "import", "shop", &keep, "--on-failure", "keep"],
    );
    assert!(said.contains("keeps what was loaded until then"), "{said}");
    let mut session = connect(&main).await.unwrap();
    let rows: Vec<u32> = session.query("SELECT id FROM kept").await.unwrap();
    assert_eq!(rows, [2]);
    session.disconnect().await.unwrap();
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_leaves_a_mysql_branch_as_it_was() {
    failures(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_leaves_a_mariadb_branch_as_it_was() {
    failures(EngineKind::Mariadb).await;
}
