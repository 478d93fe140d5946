//! The accounts inside a branch with real engines: foreign ones go, ours can do what they should
//! and no more than that in user schemas.

use crate::instance_stand::{Refused, Stand, session_of, socket, value};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Accounts, Endpoint, InstanceSecret, InstanceSpec, Profile, Stop};
use offshoot_core::password::Role;
use offshoot_core::port::Instances;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_testkit::engines;
use secrecy::ExposeSecret;
use std::process::{Command, Stdio};

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_mysql() {
    if let Some(files) = engines::mysql() {
        accounts(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_mariadb() {
    if let Some(files) = engines::mariadb() {
        accounts(files).await;
    }
}

async fn accounts(files: EngineFiles) {
    let stand = Stand::new(files);
    let mut spec = stand.spec(Profile::Development);
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    roles(&endpoint).await;
    dump(&stand, &endpoint).await;
    strangers(&stand, &spec, &endpoint).await;
    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();

    // A copy of that volume for another instance: only accounts with its own secrets.
    let old = spec.secret.clone();
    spec.secret = InstanceSecret::new([3; 32]);
    spec.accounts = Accounts::Anew;
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = session_of(&endpoint, Role::Admin).await;
    assert_eq!(value(&mut admin, "SELECT COUNT(*) FROM shop.t").await, "2");
    let mut stale = vec![("root", ""), ("", ""), ("stranger", "x"), ("", "x")];
    let old: Vec<_> = Role::ALL.map(|r| (r.account(), old.of_role(r))).to_vec();
    stale.extend(old.iter().map(|(a, s)| (*a, s.expose_secret())));
    for (account, secret) in stale {
        assert!(
            Session::open_as(socket(&endpoint), account, secret)
                .await
                .is_err(),
            "{account}"
        );
    }
    for internal in [
        "mysql.sys",
        "mysql.session",
        "mysql.infoschema",
        "mariadb.sys",
    ] {
        for secret in ["", "x"] {
            let opened = Session::open_as(socket(&endpoint), internal, secret).await;
            assert!(opened.is_err(), "{internal}");
        }
    }
    // Definers of the copy's routines are the same accounts: they still work.
    assert_eq!(value(&mut admin, "SELECT shop.f(1)").await, "2");
    let mut system = Session::open(&endpoint).await.unwrap();
    let left = match endpoint.engine.kind {
        EngineKind::Mysql => {
            "SELECT (SELECT COUNT(*) FROM mysql.global_grants WHERE USER = 'stranger') \
             + (SELECT COUNT(*) FROM mysql.role_edges) + (SELECT COUNT(*) FROM mysql.default_roles)"
        }
        EngineKind::Mariadb => {
            "SELECT (SELECT COUNT(*) FROM mysql.db WHERE User = 'stranger') \
             + (SELECT COUNT(*) FROM mysql.roles_mapping)"
        }
    };
    assert_eq!(value(&mut system, left).await, "0");
    stand.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
}

/// What each role can do in schemas that `admin` makes, and cannot.
async fn roles(endpoint: &Endpoint) {
    let mut admin = session_of(endpoint, Role::Admin).await;
    for sql in [
        "CREATE DATABASE shop",
        "CREATE TABLE shop.t (id INT PRIMARY KEY, n INT)",
        "ALTER TABLE shop.t ADD COLUMN m INT, ADD INDEX (n)",
        "CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.m = NEW.n * 2",
        "CREATE FUNCTION shop.f(a INT) RETURNS INT RETURN a + 1",
        "CREATE PROCEDURE shop.p() SELECT COUNT(*) FROM shop.t",
        "CREATE VIEW shop.v AS SELECT id FROM shop.t",
        "CREATE PROCEDURE shop.q() SELECT 1",
        "DROP PROCEDURE shop.q",
        "CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.t WHERE id < 0",
        "INSERT INTO shop.t (id, n) VALUES (1, 1), (2, 2)",
        "CALL shop.p()",
        "CREATE TEMPORARY TABLE shop.x (a INT)",
        "LOCK TABLES shop.t WRITE",
        "UNLOCK TABLES",
        "CREATE DATABASE `other_%`",
        "CREATE TABLE `other_%`.t (id INT)",
        "DROP DATABASE `other_%`",
        "SHOW CREATE FUNCTION shop.f",
        "SHOW ENGINE INNODB STATUS",
    ] {
        let ran = admin.query(sql).await;
        if sql == "SHOW ENGINE INNODB STATUS" && endpoint.engine.kind == EngineKind::Mariadb {
            continue; // Needs PROCESS there, which shows more.
        }
        ran.unwrap_or_else(|e| panic!("admin: {sql}: {e}"));
    }

    let cases: [(&str, [bool; 3]); 9] = [
        ("SELECT COUNT(*) FROM shop.t", [true, false, true]),
        ("SELECT COUNT(*) FROM shop.v", [true, false, true]),
        ("SHOW CREATE VIEW shop.v", [true, false, true]),
        (
            "INSERT INTO shop.t (id, n) VALUES (9, 9)",
            [false, true, true],
        ),
        ("UPDATE shop.t SET n = 3", [false, true, true]),
        ("DELETE FROM shop.t LIMIT 0", [false, true, true]),
        ("CALL shop.p()", [false, false, true]),
        ("CREATE TABLE shop.y (id INT)", [false, false, false]),
        ("DROP TABLE shop.t", [false, false, false]),
    ];
    let roles = [Role::Reader, Role::Writer, Role::Readwriter];
    for (n, role) in roles.into_iter().enumerate() {
        let mut session = session_of(endpoint, role).await;
        for (sql, may) in &cases {
            let may = may[n];
            session.execute("BEGIN").await.unwrap();
            let ran = session.query(sql).await;
            assert_eq!(ran.is_ok(), may, "{role}: {sql}: {ran:?}");
            session.execute("ROLLBACK").await.unwrap();
        }
        for sql in ["SELECT * FROM mysql.user", "SELECT * FROM mysql.db"] {
            session.refused(sql).await;
        }
    }
}

/// `mysqldump` as `admin`, with the client that came with the engine.
async fn dump(stand: &Stand, endpoint: &Endpoint) {
    let secret = endpoint.secret.of_role(Role::Admin);
    let (Some(mut command), EngineKind::Mysql) =
        (stand.files.client("mysqldump"), endpoint.engine.kind)
    else {
        // MariaDB's own is not in every package of it; what it sends is tried instead.
        let mut admin = session_of(endpoint, Role::Admin).await;
        for sql in [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            "SHOW CREATE DATABASE IF NOT EXISTS shop",
            "SHOW TRIGGERS FROM shop",
            "SHOW EVENTS FROM shop",
            "SHOW FUNCTION STATUS WHERE Db = 'shop'",
            "SHOW CREATE PROCEDURE shop.p",
            "SELECT * FROM shop.t",
        ] {
            admin
                .query(sql)
                .await
                .unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
        return;
    };
    let output = command
        .args(["--no-defaults", "--single-transaction", "--routines"])
        .args(["--triggers", "--events", "--databases", "shop"])
        .arg(format!("--socket={}", socket(endpoint).display()))
        .arg(format!("--user={}", Role::Admin.account()))
        .env("MYSQL_PWD", secret.expose_secret())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("Error"), "{said}");
    for part in ["CREATE TABLE `t`", "TRIGGER", "FUNCTION `f`", "EVENT `e`"] {
        assert!(text.contains(part), "{part}");
    }
    // And back in, as the same account.
    let mut client = stand.files.client("mysql").unwrap();
    let restored = feed(&mut client, endpoint, secret.expose_secret(), &text);
    assert!(
        restored.0,
        "{} {:?}",
        restored.1,
        text.lines().skip(15).take(4).collect::<Vec<_>>()
    );
}

fn feed(client: &mut Command, endpoint: &Endpoint, secret: &str, text: &str) -> (bool, String) {
    use std::io::Write;
    let mut child = client
        .arg("--no-defaults")
        .arg(format!("--socket={}", socket(endpoint).display()))
        .arg(format!("--user={}", Role::Admin.account()))
        .env("MYSQL_PWD", secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

/// Accounts that are none of ours, of every sort, as an imported volume could have them.
async fn strangers(stand: &Stand, spec: &InstanceSpec, endpoint: &Endpoint) {
    let mut system = Session::open(endpoint).await.unwrap();
    if endpoint.engine.kind == EngineKind::Mariadb {
        open_table_of_accounts(stand, spec);
        system.execute("FLUSH TABLES").await.unwrap();
    }
    let common = [
        "CREATE USER stranger@localhost IDENTIFIED BY 'x'",
        "CREATE USER stranger@'%' IDENTIFIED BY 'x'",
        "CREATE USER ''@localhost",
        "CREATE USER root@localhost",
        "GRANT ALL ON *.* TO stranger@localhost WITH GRANT OPTION",
        "GRANT SELECT ON shop.* TO stranger@'%'",
        "GRANT SELECT (id) ON shop.t TO stranger@'%'",
        "GRANT EXECUTE ON FUNCTION shop.f TO stranger@'%'",
        "CREATE ROLE boss",
        "GRANT boss TO stranger@localhost",
    ];
    for sql in common {
        system
            .execute(sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    if endpoint.engine.kind == EngineKind::Mysql {
        for sql in [
            "ALTER USER stranger@localhost DEFAULT ROLE boss",
            "INSERT INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user) VALUES ('localhost', '', 'localhost', 'offshoot_system')",
            "GRANT SYSTEM_USER, SET_ANY_DEFINER ON *.* TO stranger@localhost",
            "GRANT boss TO offshoot_reader@localhost",
            "ALTER USER 'mysql.sys'@localhost IDENTIFIED BY 'x' ACCOUNT UNLOCK",
        ] {
            system
                .execute(sql)
                .await
                .unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }
}

fn open_table_of_accounts(stand: &Stand, spec: &InstanceSpec) {
    let table = stand
        .volume_path(spec.volume)
        .join("data/mysql/global_priv");
    for extension in ["MAI", "MAD"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(table.with_extension(extension), mode).unwrap();
    }
}
