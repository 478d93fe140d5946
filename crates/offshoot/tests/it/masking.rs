//! Seed rules on branches of real engines, however their data comes, looked at with the branches' own
//! credentials; and with Offshoot killed while they are carried out.

use crate::data::{MIB, branch, home, live, nothing_half_made, only_main_is_left};
use crate::fixture::{Home, ORG, PATIENCE, Server, connect};
use crate::story::database;
use jiff::Timestamp;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    CreateBackup, CreateBranch, CreatePassword, CreateSeedRulesTest, ResetBranch,
    SeedRulesTestState, UpdateDatabase, UpdateSeedRules,
};
use offshoot_client::{BackupsOf, Client, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::time::{Duration, Instant};

const READY: Wait = Wait(PATIENCE);
/// Part of every value that nobody may see outside of production.
const MARK: &str = "original";

const TABLES: &[&str] = &[
    "CREATE TABLE customers (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, \
     email VARCHAR(100) NOT NULL UNIQUE, phone VARCHAR(30), tier VARCHAR(20) NOT NULL, note TEXT, token VARCHAR(64))",
    "CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(100) NOT NULL, amount INT NOT NULL, \
     CONSTRAINT of_customer FOREIGN KEY (email) REFERENCES customers (email) ON DELETE CASCADE)",
    "CREATE TABLE newsletter (email VARCHAR(100) NOT NULL PRIMARY KEY)",
    "CREATE TABLE sessions (id INT PRIMARY KEY AUTO_INCREMENT, data VARCHAR(100))",
    "CREATE TABLE log (what VARCHAR(200))",
    "CREATE TRIGGER changed AFTER UPDATE ON customers FOR EACH ROW INSERT INTO log VALUES (OLD.email)",
];

const RULES: &str = r#"{"tables": {
    "*": {"columns": {"email": "fake_email"}},
    "customers": {"where": "tier <> 'old'", "columns": {
        "name": "fake_name", "phone": "fake_phone", "note": "null", "token": "hash", "tier": {"constant": "some"}}},
    "sessions": "empty",
    "log": "empty"}}"#;

/// The engine takes it for SQL, and finds out on the rows.
const FAILING: &str = r#"{"tables": {"orders": {"where": "id < (SELECT id FROM customers)"}}}"#;

fn document(json: &str) -> UpdateSeedRules {
    UpdateSeedRules {
        rules: serde_json::from_str(json).unwrap(),
    }
}

async fn fill(main: &mut Conn, rows: u32) {
    for sql in TABLES {
        main.query_drop(*sql).await.unwrap();
    }
    for n in 1..=rows {
        let tier = if n % 5 == 0 { "old" } else { "original tier" };
        let sql = format!(
            "INSERT INTO customers (name, email, phone, tier, note, token) VALUES \
             ('Original {n}', 'original.{n}@corp.example', '+49 original {n}', '{tier}', 'original note', 'original-{n}')"
        );
        main.query_drop(sql).await.unwrap();
    }
    for sql in [
        "INSERT INTO orders (email, amount) SELECT email, id FROM customers",
        "INSERT INTO newsletter SELECT email FROM customers WHERE id <= 3",
        "INSERT INTO newsletter VALUES ('original.stranger@corp.example')",
        "INSERT INTO sessions (data) VALUES ('original session')",
        "INSERT INTO log VALUES ('original entry')",
    ] {
        main.query_drop(sql).await.unwrap();
    }
}

/// Everything that the session's account can read in its tables, one text for each row.
async fn everything(session: &mut Conn) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["customers", "orders", "newsletter", "sessions", "log"] {
        let rows: Vec<mysql_async::Row> = session
            .query(format!("SELECT * FROM {table} ORDER BY 1"))
            .await
            .unwrap();
        all.extend(rows.into_iter().map(|row| {
            let values = row.unwrap().into_iter().map(|v| match v {
                mysql_async::Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                other => other.as_sql(true),
            });
            format!("{table} {}", values.collect::<Vec<_>>().join(" "))
        }));
    }
    all
}

async fn one(session: &mut Conn, sql: &str) -> i64 {
    session.query_first(sql).await.unwrap().unwrap()
}

/// Looks for what must not be there, and for what has to stay as it was. Returns all rows.
async fn masked(session: &mut Conn, customers: i64) -> Vec<String> {
    let all = everything(session).await;
    let seen: Vec<&String> = all
        .iter()
        .filter(|row| row.to_lowercase().contains(MARK))
        .collect();
    assert!(seen.is_empty(), "{seen:?}");
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM customers", customers),
        (
            "SELECT COUNT(DISTINCT email) FROM customers WHERE email LIKE '%@example.com'",
            customers,
        ),
        ("SELECT COUNT(DISTINCT name) FROM customers", customers),
        (
            "SELECT COUNT(DISTINCT phone) FROM customers WHERE phone LIKE '+0%'",
            customers,
        ),
        (
            "SELECT COUNT(DISTINCT token) FROM customers WHERE LENGTH(token) = 32",
            customers,
        ),
        ("SELECT COUNT(note) FROM customers", 0),
        (
            "SELECT COUNT(*) FROM customers WHERE tier = 'some'",
            customers,
        ),
        // Equal values are equal in all tables: by a foreign key, and without one.
        (
            "SELECT COUNT(*) FROM orders JOIN customers USING (email) WHERE amount = customers.id",
            customers,
        ),
        ("SELECT COUNT(*) FROM orders", customers),
        (
            "SELECT COUNT(*) FROM newsletter JOIN customers USING (email)",
            3,
        ),
        ("SELECT COUNT(*) FROM newsletter", 4),
        ("SELECT COUNT(*) FROM sessions", 0),
        ("SELECT COUNT(*) FROM log", 0),
    ] {
        assert_eq!(one(session, sql).await, expected, "{sql}");
    }
    // What the engine keeps elsewhere is not for the branch's admin.
    for sql in ["SHOW BINARY LOGS", "SHOW BINLOG EVENTS"] {
        let refused = session.query_drop(sql).await;
        assert!(
            matches!(refused, Err(mysql_async::Error::Server(_))),
            "{sql}"
        );
    }
    // The trigger is there again.
    let fires = "UPDATE customers SET note = 'x' WHERE id = 1";
    session.query_drop(fires).await.unwrap();
    assert_eq!(one(session, "SELECT COUNT(*) FROM log").await, 1);
    session.query_drop("DELETE FROM log").await.unwrap();
    all
}

/// The code and text with which a branch with the parent's data is refused.
async fn refused(client: &Client) -> (String, String) {
    let mut body = CreateBranch {
        name: Some("refused".to_owned()),
        ..CreateBranch::default()
    };
    live(&mut body);
    let made = client.create_branch(ORG, "shop", &body, Some(READY)).await;
    let error = made.unwrap_err();
    let refused = error.refused().unwrap_or_else(|| panic!("{error:?}"));
    (
        refused.error_code.clone().unwrap_or_default(),
        error.to_string(),
    )
}

async fn demand(client: &Client) {
    let body = UpdateDatabase {
        require_seed_rules: Some(true),
        ..UpdateDatabase::default()
    };
    let changed = client.update_database(ORG, "shop", &body).await.unwrap();
    assert!(changed.require_seed_rules);
    assert_eq!(refused(client).await.0, "OFS-1122");
}

async fn set(client: &Client, json: &str) -> i64 {
    let set = client.set_seed_rules(ORG, "shop", &document(json)).await;
    set.unwrap().version.unwrap()
}

async fn tested(client: &Client) {
    let body = CreateSeedRulesTest {
        rules: Some(document(RULES).rules),
    };
    let test = client.test_seed_rules(ORG, "shop", "main", &body, Some(READY));
    let test = test.await.unwrap();
    assert_eq!(test.state, SeedRulesTestState::Passed, "{test:?}");
    let told: Vec<(&str, Option<i64>, i64, i64)> = test
        .tables
        .iter()
        .map(|t| (t.table.as_str(), t.rows, t.removed, t.masked))
        .collect();
    assert_eq!(
        told,
        [
            ("shop.customers", Some(10), 2, 8),
            ("shop.log", Some(1), 1, 0),
            ("shop.newsletter", Some(4), 0, 4),
            ("shop.orders", Some(10), 2, 8),
            ("shop.sessions", Some(1), 1, 0),
        ]
    );
    assert_eq!(test.tables[0].columns.len(), 6);
    let body = CreateSeedRulesTest {
        rules: Some(document(FAILING).rules),
    };
    let test = client.test_seed_rules(ORG, "shop", "main", &body, Some(READY));
    let test = test.await.unwrap();
    assert_eq!(test.state, SeedRulesTestState::Failed, "{test:?}");
    assert!(test.problems[0].message.contains("shop.orders"), "{test:?}");
}

/// Waits until branches of moments can be made.
async fn reachable(client: &Client, home: &Home) {
    let until = Instant::now() + PATIENCE;
    loop {
        let main = client.show_branch(ORG, "shop", "main").await.unwrap();
        if main.point_in_time.is_some() {
            return;
        }
        assert!(Instant::now() < until, "{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn back_up(client: &Client) {
    let of = BackupsOf {
        org: ORG,
        database: "shop",
        branch: "main",
    };
    let body = CreateBackup::default();
    let made = client.create_backup(of, &body, Some(READY)).await;
    assert_eq!(made.unwrap().state.as_str(), "success");
}

async fn rules_hold(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(mut home) = home(kind, &pool) else {
        return;
    };
    home.config.push_str("binlog_interval = \"1s\"\n");
    let server = home.serve().await;
    let client = &server.client;
    let mut main = connect(&database(client).await).await.unwrap();
    fill(&mut main, 10).await;
    let before = everything(&mut main).await;
    demand(client).await;
    tested(client).await;
    assert_eq!(set(client, RULES).await, 1);

    let (now, password) = branch(client, "now", "main", live).await;
    assert_eq!(now.seed_rules_version, Some(1));
    let did = now.seeded.unwrap();
    assert_eq!((did.rows_removed, did.rows_masked), (4, 20));
    let mut session = connect(&password).await.unwrap();
    let first = masked(&mut session, 8).await;

    // The same values whichever way they come, and also after a reset.
    reachable(client, &home).await;
    back_up(client).await;
    let seed = |body: &mut CreateBranch| {
        body.seed_data = Some("last_successful_backup".to_owned());
        body.event_scheduler = Some(true);
    };
    let (_, credential) = branch(client, "restored", "main", seed).await;
    let mut restored = connect(&credential).await.unwrap();
    assert_eq!(masked(&mut restored, 8).await, first);
    assert_eq!(
        one(&mut restored, "SELECT @@event_scheduler = 'ON'").await,
        1
    );
    restored.disconnect().await.unwrap();
    let body = ResetBranch {
        seed: Some("live".to_owned()),
        backup_id: None,
    };
    let reset = client.reset_branch(ORG, "shop", "now", &body, Some(READY));
    assert_eq!(reset.await.unwrap().seed_rules_version, Some(1));
    let mut session = connect(&password).await.unwrap();
    assert_eq!(masked(&mut session, 8).await, first);
    session.disconnect().await.unwrap();

    // What was replayed from the binlog is masked like the rest.
    for sql in [
        "INSERT INTO customers (name, email, tier) VALUES ('Original 11', 'original.11@corp.example', 'new')",
        "INSERT INTO orders (email, amount) SELECT email, id FROM customers WHERE tier = 'new'",
    ] {
        main.query_drop(sql).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    #[expect(clippy::disallowed_methods, reason = "engines take the machine's time")]
    let moment = Timestamp::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let seed = |body: &mut CreateBranch| body.restore_point = Some(moment.to_string());
    let (_, credential) = branch(client, "past", "main", seed).await;
    let mut past = connect(&credential).await.unwrap();
    let sql = "SELECT COUNT(*) FROM customers WHERE email LIKE '%@example.com'";
    assert_eq!(one(&mut past, sql).await, 9);
    let rows = everything(&mut past).await;
    assert!(
        !rows.iter().any(|row| row.to_lowercase().contains(MARK)),
        "{rows:?}"
    );
    past.disconnect().await.unwrap();

    // A rule that fails: no branch, and nothing of it is left.
    for name in ["now", "restored", "past"] {
        let deleted = client.delete_branch(ORG, "shop", name, false).await;
        deleted.unwrap();
    }
    assert_eq!(set(client, FAILING).await, 2);
    let (code, text) = refused(client).await;
    assert_eq!(code, "OFS-1121");
    assert!(text.contains("table shop.orders"), "{text}");
    let gone = client.show_branch(ORG, "shop", "refused").await;
    assert!(gone.unwrap_err().not_found());
    // The backup's snapshot is one more.
    nothing_half_made(&home, &pool, 3).await;

    // Production is as it was.
    main.query_drop("DELETE FROM customers WHERE tier = 'new'")
        .await
        .unwrap();
    assert_eq!(everything(&mut main).await, before);
    main.disconnect().await.unwrap();
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_rules_of_mysql() {
    rules_hold(EngineKind::Mysql, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_rules_of_mariadb() {
    rules_hold(EngineKind::Mariadb, TestPool::xfs(MIB)).await;
}

async fn ready(home: &Home, server: &Server, name: &str) {
    let until = Instant::now() + PATIENCE;
    let client = &server.client;
    while !client.show_branch(ORG, "shop", name).await.unwrap().ready {
        assert!(Instant::now() < until, "{name}: {}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Offshoot is killed while rules are carried out: whoever finds the branch ready finds it masked.
async fn killed(kind: EngineKind, pool: Option<TestPool>, moments: &[u64]) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let mut server = home.serve().await;
    let mut main = connect(&database(&server.client).await).await.unwrap();
    fill(&mut main, 40).await;
    main.disconnect().await.unwrap();
    set(&server.client, RULES).await;
    for (round, moment) in moments.iter().enumerate() {
        let name = format!("masked{round}");
        let mut body = CreateBranch {
            name: Some(name.clone()),
            ..CreateBranch::default()
        };
        live(&mut body);
        let made = server.client.create_branch(ORG, "shop", &body, None);
        assert!(!made.await.unwrap().ready);
        tokio::time::sleep(Duration::from_millis(*moment)).await;
        server.kill();
        server = home.serve().await;
        ready(&home, &server, &name).await;
        let body = CreatePassword::default();
        let password = server.client.create_password(ORG, "shop", &name, &body);
        let mut session = connect(&password.await.unwrap()).await.unwrap();
        masked(&mut session, 32).await;
        session.disconnect().await.unwrap();
        let gone = server.client.delete_branch(ORG, "shop", &name, false);
        gone.await.unwrap();
    }
    only_main_is_left(&home, &pool).await;
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_branches_are_finished_on_mysql() {
    let moments = [100, 500, 900, 1_300];
    killed(EngineKind::Mysql, TestPool::btrfs(MIB), &moments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_branches_are_finished_on_mariadb() {
    let moments = [50, 150, 300, 450];
    killed(EngineKind::Mariadb, TestPool::btrfs(MIB), &moments).await;
}
