//! Seed rules on real engines: what is masked, what stays equal, what goes, and what is refused.

use crate::schema::{run, schemas};
use crate::schema_engine::{Engine, stand};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Profile;
use offshoot_core::port::PortError;
use offshoot_core::refusal::code;
use offshoot_core::seed_rules::{Mask, MaskSecret, Rules};
use offshoot_schema::SchemaObject;
use offshoot_schema::port::Schemas;
use offshoot_schema::seed::{Applied, SeedPlan, Seeds, plan};
use sha2::{Digest, Sha256};
use std::time::Instant;

const SECRET: [u8; 32] = [7; 32];

async fn planned(engine: &Engine, rules: &str) -> SeedPlan {
    let rules: Rules = serde_json::from_str(rules).unwrap();
    let facts = schemas(engine).facts(&engine.endpoint).await.unwrap();
    match plan(&rules, &facts, "shop") {
        Ok(plan) => plan,
        Err(problems) => panic!("{problems:?}"),
    }
}

async fn apply(engine: &Engine, rules: &str) -> Result<Applied, PortError> {
    let plan = planned(engine, rules).await;
    let secret = MaskSecret::new(SECRET);
    Seeds::apply(&schemas(engine), &engine.endpoint, &plan, &secret).await
}

/// Values of a query, NULL as `-`, rows and columns in one list.
async fn values(engine: &Engine, sql: &str) -> Vec<String> {
    let mut session = engine.system().await;
    let rows = session.query(sql).await.unwrap();
    rows.into_iter()
        .flat_map(|row| {
            row.unwrap().into_iter().map(|value| match value {
                mysql_async::Value::NULL => "-".to_owned(),
                mysql_async::Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                other => other.as_sql(true),
            })
        })
        .collect()
}

async fn one(engine: &Engine, sql: &str) -> String {
    values(engine, sql).await.join(" ")
}

async fn objects(engine: &Engine) -> Vec<SchemaObject> {
    schemas(engine).read(&engine.endpoint, None).await.unwrap()
}

/// HMAC-SHA-256 in hexadecimal, as RFC 2104 says.
fn hmac(mask: &Mask, value: &str) -> String {
    let key = MaskSecret::new(SECRET).of_mask(mask);
    let block =
        |pad: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).unwrap_or(&0) ^ pad).collect() };
    let inner = Sha256::new().chain_update(block(0x36)).chain_update(value);
    let outer = Sha256::new()
        .chain_update(block(0x5c))
        .chain_update(inner.finalize());
    outer
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap());
        number /= 36;
    }
    digits.iter().rev().collect()
}

fn number(hex: &str) -> u64 {
    u64::from_str_radix(&hex[..16], 16).unwrap()
}

const RULES: &str = r#"{"tables": {
    "*": {"columns": {"email": "fake_email"}},
    "users": {"where": "id <= 5 AND accepted IS NULL", "columns": {
        "code": "hash", "name": "fake_name", "phone": "fake_phone", "NOTE": "null",
        "country": {"constant": "XX"}, "number": "hash", "token": "hash", "born": {"constant": "1970-01-01"}}},
    "orders": {"where": "amount < 35 AND user_code IN (SELECT code FROM shop.users)"},
    "tree": {"where": "id <> 1"},
    "sessions": "empty",
    "`odd.db ``x`.`it's \\``t\\`": {"columns": {"co`l\\": {"constant": "\\' OR 1=1; -- \"`"}, "it's": "hash"}}
}}"#;

async fn rules_hold(kind: EngineKind) {
    let Some(stand) = stand(kind) else {
        return;
    };
    let engine = Engine::start(&stand, Profile::Development).await;
    run(&engine, include_str!("seed/shop.sql")).await;
    let statistics = match kind {
        EngineKind::Mysql => "ANALYZE TABLE shop.users UPDATE HISTOGRAM ON email, country",
        EngineKind::Mariadb => {
            "ANALYZE TABLE shop.users PERSISTENT FOR COLUMNS (email, country) INDEXES ()"
        }
    };
    let mut system = engine.system().await;
    system.query(statistics).await.unwrap();
    let before = objects(&engine).await;
    system.execute("DELETE FROM shop.audit").await.unwrap();
    let rules = RULES.replace("accepted", "NULLIF(id, id)");
    let applied = apply(&engine, &rules).await.unwrap();
    let told = |name: &str| {
        let table = applied.tables.iter().find(|t| t.table.to_string() == name);
        table.map(|t| (t.removed, t.masked))
    };
    assert_eq!(told("shop.users"), Some((Some(1), 5)));
    assert_eq!(told("shop.orders"), Some((Some(1), 3)));
    assert_eq!(told("shop.carts"), Some((Some(1), 1)));
    assert_eq!(told("shop.items"), Some((Some(2), 0)));
    assert_eq!(told("shop.visits"), Some((Some(0), 1)));
    assert_eq!(told("shop.tree"), Some((Some(4), 0)));
    assert_eq!(told("shop.sessions"), Some((None, 0)));
    assert!(applied.left_out.is_empty());
    masked_values(&engine).await;
    rows_left(&engine).await;
    // Nothing fired, and nothing of the schema changed.
    assert_eq!(one(&engine, "SELECT COUNT(*) FROM shop.audit").await, "0");
    assert_eq!(objects(&engine).await, before);
    let statistics = match kind {
        EngineKind::Mysql => "SELECT COUNT(*) FROM information_schema.COLUMN_STATISTICS",
        EngineKind::Mariadb => "SELECT COUNT(*) FROM mysql.column_stats",
    };
    assert_eq!(one(&engine, statistics).await, "0");
    let mut admin = engine.admin().await;
    admin
        .execute("UPDATE shop.users SET country = 'YY' WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(one(&engine, "SELECT COUNT(*) FROM shop.audit").await, "1");
}

async fn masked_values(engine: &Engine) {
    let emails = values(engine, "SELECT email FROM shop.users ORDER BY id").await;
    for (masked, email) in emails.iter().zip([
        "anna@corp.example",
        "ben@corp.example",
        "größe@corp.example",
        "🐘@corp.example",
        "eve@corp.example",
    ]) {
        let unlike = base36(number(&hmac(&Mask::FakeEmail, email)));
        let end = format!(".{unlike}@example.com");
        assert!(masked.ends_with(&end), "{email}: {masked} {end}");
    }
    // Equal values stay equal across tables, character sets and lengths.
    assert_eq!(
        one(engine, "SELECT COUNT(*) FROM shop.newsletter n JOIN shop.users u ON CONVERT(n.email USING utf8mb4) = u.email").await,
        "2"
    );
    assert_eq!(
        one(engine, "SELECT DISTINCT domain FROM shop.users").await,
        "example.com"
    );
    let names = values(engine, "SELECT name FROM shop.users ORDER BY id").await;
    assert_eq!(names[1], names[2], "both were Ben");
    assert_ne!(names[0], names[1]);
    assert_eq!(names[3], "-");
    assert!(
        names[4].ends_with(&base36(number(&hmac(&Mask::FakeName, "Eve")))),
        "{names:?}"
    );
    let phones = values(engine, "SELECT phone FROM shop.users ORDER BY id").await;
    let expected = number(&hmac(&Mask::FakePhone, "+49 170 1")) % 100_000_000_000_000;
    assert_eq!(phones[0], format!("+0{expected:014}"));
    assert_eq!(phones[2..4], ["", "-"]);
    let numbers = values(engine, "SELECT number FROM shop.users ORDER BY id").await;
    for (masked, was) in numbers.iter().zip(["11", "12", "13", "-14", "15"]) {
        assert_eq!(*masked, (number(&hmac(&Mask::Hash, was)) >> 1).to_string());
    }
    assert_eq!(
        one(engine, "SELECT COUNT(DISTINCT token), COUNT(token), MAX(LENGTH(token)), SUM(token = UNHEX(LEFT(SHA2('1', 256), 32))) FROM shop.users").await,
        "3 4 16 0"
    );
    let codes = values(engine, "SELECT code FROM shop.users ORDER BY id").await;
    assert_eq!(codes[0], hmac(&Mask::Hash, "u-1")[..32]);
    assert_eq!(
        one(engine, "SELECT COUNT(*), COUNT(note), COUNT(DISTINCT country), MAX(born), MAX(updated_at) FROM shop.users").await,
        "5 0 1 1970-01-01 2020-01-01 00:00:00"
    );
    let odd = values(
        engine,
        "SELECT * FROM `odd.db ``x`.`it's \\``t\\` ORDER BY 2",
    )
    .await;
    assert_eq!(odd[0], "\\' OR 1=1; -- \"`");
    assert_eq!(odd[1], "-");
    assert_eq!(odd[3], hmac(&Mask::Hash, "b")[..32]);
}

async fn rows_left(engine: &Engine) {
    for (sql, expected) in [
        (
            "SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.orders",
            "1,2,3",
        ),
        (
            "SELECT COUNT(*) FROM shop.orders JOIN shop.users ON user_code = code",
            "3",
        ),
        (
            "SELECT GROUP_CONCAT(id ORDER BY id), COUNT(user_code) FROM shop.carts",
            "1,3 1",
        ),
        (
            "SELECT COUNT(*) FROM shop.carts JOIN shop.users ON user_code = code",
            "1",
        ),
        ("SELECT GROUP_CONCAT(text) FROM shop.items", "a"),
        (
            "SELECT COUNT(*), COUNT(user_code), MAX(at) FROM shop.visits",
            "2 1 2020-01-01 00:00:00",
        ),
        ("SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.tree", "5,6"),
        ("SELECT COUNT(*) FROM shop.sessions", "0"),
    ] {
        assert_eq!(one(engine, sql).await, expected, "{sql}");
    }
    let mut system = engine.system().await;
    system
        .execute("INSERT INTO shop.sessions (user_id) VALUES (9)")
        .await
        .unwrap();
    assert_eq!(one(engine, "SELECT id FROM shop.sessions").await, "44");
}

#[tokio::test]
async fn rules_hold_on_mysql() {
    rules_hold(EngineKind::Mysql).await;
}

#[tokio::test]
async fn rules_hold_on_mariadb() {
    rules_hold(EngineKind::Mariadb).await;
}

async fn refusals_name_table_and_column(kind: EngineKind) {
    let Some(stand) = stand(kind) else {
        return;
    };
    let engine = Engine::start(&stand, Profile::Development).await;
    run(&engine, include_str!("seed/shop.sql")).await;
    let mut system = engine.system().await;
    for sql in [
        "CREATE TABLE shop.checked (email varchar(100) CHECK (email LIKE '%@corp%'))",
        "INSERT INTO shop.checked VALUES ('a@corp')",
        "CREATE TABLE shop.codes (code varchar(40) COLLATE utf8mb4_general_ci PRIMARY KEY)",
        "CREATE TABLE shop.uses (code varchar(40) COLLATE utf8mb4_general_ci, FOREIGN KEY by_code (code) REFERENCES codes (code))",
        "INSERT INTO shop.codes VALUES ('Ab')",
        "INSERT INTO shop.uses VALUES ('aB')",
        "CREATE TABLE shop.pairs (a varchar(40), b int, UNIQUE KEY both_of (a, b))",
        "INSERT INTO shop.pairs VALUES ('x', 1), ('y', 1)",
    ] {
        system.execute(sql).await.unwrap();
    }
    for (rules, said) in [
        (
            r#""users": {"columns": {"born": {"constant": "soon"}}}"#,
            &["table shop.users", "born"][..],
        ),
        (
            r#""users": {"where": "nope = 1"}"#,
            &["table shop.users", "'nope'"],
        ),
        (
            r#""users": {"where": "accounts() > 0"}"#,
            &["table shop.users", "denied"],
        ),
        (
            r#""users": {"where": "id IN (SELECT Select_priv FROM mysql.db)"}"#,
            &["table shop.users", "denied"],
        ),
        (
            r#""users": {"where": "id < 6"}"#,
            &["shop.orders (user_code)", "orders_user", "rows: 1"],
        ),
        (
            r#""users": "empty""#,
            &["shop.orders (user_code)", "orders_user", "rows: 3"],
        ),
        (
            r#""checked": {"columns": {"email": "fake_email"}}"#,
            &["table shop.checked", "email"],
        ),
        (
            r#""codes": {"columns": {"code": "hash"}}"#,
            &["shop.uses (code)", "collation"],
        ),
        (
            r#""pairs": {"columns": {"a": {"constant": "x"}}}"#,
            &["table shop.pairs (masked: a)", "both_of"],
        ),
    ] {
        let error = apply(&engine, &format!("{{\"tables\": {{{rules}}}}}")).await;
        let error = error.expect_err(rules);
        assert!(!error.retry, "{rules}");
        assert_eq!(error.refusal.code, code::SEED_RULES, "{rules}: {error}");
        for part in said {
            assert!(error.to_string().contains(part), "{rules}: {error}");
        }
    }
}

#[tokio::test]
async fn refusals_of_mysql_name_table_and_column() {
    refusals_name_table_and_column(EngineKind::Mysql).await;
}

#[tokio::test]
async fn refusals_of_mariadb_name_table_and_column() {
    refusals_name_table_and_column(EngineKind::Mariadb).await;
}

async fn counting_changes_nothing(kind: EngineKind) {
    let Some(stand) = stand(kind) else {
        return;
    };
    let engine = Engine::start(&stand, Profile::Development).await;
    run(&engine, include_str!("seed/shop.sql")).await;
    let audit = one(&engine, "SELECT COUNT(*) FROM shop.audit").await;
    let plan = planned(
        &engine,
        r#"{"tables": {"users": {"where": "id <= 4 AND name LIKE '%\\\\%%' IS NOT TRUE", "columns": {"email": "fake_email"}},
            "orders": {"where": "noted() = 1"}, "sessions": "empty", "newsletter": {"columns": {"email": "hash"}},
            "tree": {"where": "id IN (SELECT up FROM shop.tree)"}, "items": {"where": "nope"}}}"#,
    )
    .await;
    let counted = schemas(&engine)
        .count(&engine.endpoint, &plan)
        .await
        .unwrap();
    let told: Vec<String> = plan
        .tables
        .iter()
        .zip(&counted)
        .map(|(t, c)| match &c.refused {
            None => format!("{} {}/{}", t.table.name, c.stay, c.rows),
            Some(why) => format!("{} {why}", t.table.name),
        })
        .collect();
    assert!(told[0].contains("'nope'"), "{told:?}");
    assert_eq!(told[1], "newsletter 3/3");
    assert!(told[2].to_lowercase().contains("read only"), "{told:?}");
    assert_eq!(told[3], "sessions 0/3");
    // Not every engine takes a subquery on the table that it removes rows of.
    assert!(
        told[4] == "tree 4/6" || told[4].contains("target table"),
        "{told:?}"
    );
    assert_eq!(told[5], "users 4/6");
    assert_eq!(one(&engine, "SELECT COUNT(*) FROM shop.audit").await, audit);
    assert_eq!(
        one(
            &engine,
            "SELECT COUNT(*) FROM shop.users WHERE email LIKE '%corp%'"
        )
        .await,
        "6"
    );
}

#[tokio::test]
async fn counting_changes_nothing_on_mysql() {
    counting_changes_nothing(EngineKind::Mysql).await;
}

#[tokio::test]
async fn counting_changes_nothing_on_mariadb() {
    counting_changes_nothing(EngineKind::Mariadb).await;
}

/// MariaDB keeps what rows were before: not of rows that rules touch.
#[tokio::test]
async fn no_history_is_left() {
    let Some(stand) = stand(EngineKind::Mariadb) else {
        return;
    };
    let engine = Engine::start(&stand, Profile::Development).await;
    let mut system = engine.system().await;
    for sql in [
        "CREATE DATABASE shop",
        "CREATE TABLE shop.v (id int PRIMARY KEY, email varchar(100), s timestamp(6) GENERATED ALWAYS AS ROW START, \
         e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
        "CREATE TABLE shop.w (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
        "INSERT INTO shop.v (id, email) VALUES (1, 'a@corp'), (2, 'b@corp')",
        "UPDATE shop.v SET email = 'c@corp' WHERE id = 1",
        "INSERT INTO shop.w VALUES (1)",
    ] {
        system.execute(sql).await.unwrap();
    }
    let rules = r#"{"tables": {"v": {"where": "id = 1", "columns": {"email": "fake_email"}}, "w": "empty"}}"#;
    apply(&engine, rules).await.unwrap();
    for (sql, expected) in [
        (
            "SELECT COUNT(*), SUM(email LIKE '%corp') FROM shop.v FOR SYSTEM_TIME ALL",
            "1 0",
        ),
        ("SELECT COUNT(*) FROM shop.w FOR SYSTEM_TIME ALL", "0"),
    ] {
        assert_eq!(one(&engine, sql).await, expected);
    }
}

/// What rules cost. By hand:
/// `cargo test -p offshoot-mysqld --test it cost_of_masks -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "figures for a person")]
async fn cost_of_masks() {
    for stand in EngineKind::ALL.into_iter().filter_map(stand) {
        let engine = Engine::start(&stand, Profile::Development).await;
        let mut system = engine.system().await;
        for sql in [
            "CREATE DATABASE shop",
            "CREATE TABLE shop.digits (d int PRIMARY KEY)",
            "INSERT INTO shop.digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
            "CREATE TABLE shop.users (id bigint AUTO_INCREMENT PRIMARY KEY, email varchar(255) NOT NULL, \
             name varchar(100), phone varchar(30), note text)",
            "INSERT INTO shop.users SELECT n + 1, CONCAT('person.', n, '@corp.example'), CONCAT('Name ', n), \
             CONCAT('+49170', n), CONCAT('some words about ', n) FROM (SELECT a.d + 10 * b.d + 100 * c.d + \
             1000 * d.d + 10000 * e.d + 100000 * f.d n FROM shop.digits a, shop.digits b, shop.digits c, \
             shop.digits d, shop.digits e, shop.digits f) x ORDER BY n",
            "CREATE TABLE shop.kept LIKE shop.users",
            "INSERT INTO shop.kept SELECT * FROM shop.users",
            "CREATE TABLE shop.keyed LIKE shop.users",
            "INSERT INTO shop.keyed SELECT * FROM shop.users",
            "ALTER TABLE shop.keyed ADD UNIQUE KEY (email)",
        ] {
            system.execute(sql).await.unwrap();
        }
        for (what, rules) in [
            (
                "4 columns masked",
                r#""users": {"columns": {"email": "fake_email", "name": "fake_name", "phone": "fake_phone", "note": "null"}}"#,
            ),
            (
                "1 unique column masked",
                r#""keyed": {"columns": {"email": "fake_email"}}"#,
            ),
            (
                "half of the rows removed",
                r#""kept": {"where": "id % 2 = 0"}"#,
            ),
            ("emptied", r#""kept": "empty""#),
        ] {
            let start = Instant::now();
            apply(&engine, &format!("{{\"tables\": {{{rules}}}}}"))
                .await
                .unwrap();
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{}: 1,000,000 rows, {what}: {seconds:.2} s",
                stand.files.engine
            );
        }
    }
}
