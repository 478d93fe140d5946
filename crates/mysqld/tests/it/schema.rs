//! Schemas on real engines: exact copies, whole and step by step.

use crate::schema_engine::{Engine, stand};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Address, Profile, SYSTEM_ACCOUNT};
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::schema::EngineSchemas;
use offshoot_schema::freshness::{changed, whole};
use offshoot_schema::object::SchemaObject;
use offshoot_schema::port::{Fingerprint, Schemas};
use offshoot_testkit::engines;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;

/// The statements of a text, which are separated by a line `//`.
pub(crate) fn sql_of(text: &str) -> impl Iterator<Item = &str> {
    text.trim().split("\n//\n")
}

/// Statements that are separated by a line `//`; one behind `-- system` runs under our own account,
/// all others as a branch's admin.
pub(crate) async fn run(engine: &Engine, text: &str) {
    let mut admin = engine.admin().await;
    let mut system = engine.system().await;
    run_in(&mut admin, &mut system, text).await;
}

pub(crate) async fn run_in(admin: &mut Session, system: &mut Session, text: &str) {
    for statement in sql_of(text) {
        let (session, sql) = match statement.strip_prefix("-- system\n") {
            Some(sql) => (&mut *system, sql),
            None => (&mut *admin, statement),
        };
        if let Err(error) = session.execute(sql).await {
            panic!("{sql}: {error}");
        }
    }
}

pub(crate) fn schemas(engine: &Engine) -> EngineSchemas {
    let data = engine.data.clone();
    EngineSchemas::new(move |_| Some(data.clone()))
}

/// Asks again until nothing is too young to be trusted.
pub(crate) async fn settled(engine: &Engine) -> Fingerprint {
    let schemas = schemas(engine);
    loop {
        let print = schemas.fingerprint(&engine.endpoint).await.unwrap();
        if print.settled() {
            return print;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

pub(crate) fn reference(kind: EngineKind) -> String {
    let own = match kind {
        EngineKind::Mysql => include_str!("schema/mysql.sql"),
        EngineKind::Mariadb => include_str!("schema/mariadb.sql"),
    };
    format!("{}\n//\n{own}", include_str!("schema/common.sql").trim())
}

pub(crate) async fn assert_equal(parent: &Engine, copy: &Engine, when: &str) {
    let (parent_objects, copy_objects) = (
        schemas(parent).read(&parent.endpoint, None).await.unwrap(),
        schemas(copy).read(&copy.endpoint, None).await.unwrap(),
    );
    let by_name = |objects: &[SchemaObject]| -> BTreeMap<String, SchemaObject> {
        objects
            .iter()
            .map(|o| (o.name.to_string(), o.clone()))
            .collect()
    };
    let (old, new) = (by_name(&parent_objects), by_name(&copy_objects));
    for (name, object) in &old {
        assert_eq!(new.get(name), Some(object), "{when}: {name}");
    }
    for name in new.keys() {
        assert!(old.contains_key(name), "{when}: {name} is left over");
    }
    // The order too, which holds that of triggers.
    let order = |objects: &[SchemaObject]| -> Vec<String> {
        objects.iter().map(|o| o.name.to_string()).collect()
    };
    assert_eq!(order(&parent_objects), order(&copy_objects), "{when}");
}

/// The whole schema as `mysqldump` sees it.
fn dump(engine: &Engine, client: &offshoot_mysqld::engine::EngineFiles) -> Option<String> {
    let Address::Unix(socket) = &engine.endpoint.address;
    let mut command = client
        .client("mysqldump")
        .or_else(|| client.client("mariadb-dump"))?;
    command.arg("--no-defaults");
    if client.engine.kind == EngineKind::Mysql {
        command.args(["--set-gtid-purged=OFF", "--column-statistics=0"]);
        command.arg("--default-character-set=utf8mb3");
        command.arg(format!("--plugin-dir={}", client.plugins.display()));
        command.arg(format!(
            "--character-sets-dir={}",
            client.character_sets.display()
        ));
    }
    let output = command
        .args([
            "--no-data",
            "--routines",
            "--events",
            "--triggers",
            "--skip-dump-date",
            "--skip-comments",
        ])
        .args([
            "--no-tablespaces",
            "--skip-lock-tables",
            "--user",
            SYSTEM_ACCOUNT,
        ])
        .arg(format!("--socket={}", socket.display()))
        .args(["--databases", "shop", "odd.db `x", "größe"])
        .env(
            "MYSQL_PWD",
            engine.endpoint.secret.of_system().expose_secret(),
        )
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| !line.starts_with("-- "));
    let lines: Vec<String> = lines.map(without_counter).collect();
    Some(lines.join("\n"))
}

/// `mysqldump` prints a table's options on a line of their own.
fn without_counter(line: &str) -> String {
    match line.strip_prefix(") ENGINE=") {
        Some(_) => {
            offshoot_schema::ddl::without_auto_increment(&format!("({line}"))[1..].to_owned()
        }
        None => line.to_owned(),
    }
}

async fn exact_copy(kind: EngineKind) {
    let Some(stand) = stand(kind) else {
        return;
    };
    let (parent, copy) = tokio::join!(
        Engine::start(&stand, Profile::Production),
        Engine::start(&stand, Profile::Development)
    );
    run(&parent, &reference(kind)).await;
    let port = schemas(&parent);
    let objects = port.read(&parent.endpoint, None).await.unwrap();
    assert!(objects.len() > 40, "{}", objects.len());
    let print = settled(&parent).await;
    let fingerprinted: Vec<_> = print.objects.keys().collect();
    let mut read: Vec<_> = objects.iter().map(|o| &o.name).collect();
    read.sort();
    assert_eq!(fingerprinted, read, "both see the same objects");
    assert_eq!(port.fingerprint(&parent.endpoint).await.unwrap(), print);

    let everything = whole(objects);
    schemas(&copy)
        .apply(&copy.endpoint, &everything)
        .await
        .unwrap();
    assert_equal(&parent, &copy, "first").await;
    schemas(&copy)
        .apply(&copy.endpoint, &everything)
        .await
        .unwrap();
    assert_equal(&parent, &copy, "repeated").await;
    let clients = engines::mysql().unwrap_or_else(|| parent.files.clone());
    if let (Some(expected), Some(found)) = (dump(&parent, &clients), dump(&copy, &clients)) {
        assert!(expected.contains("t_first"), "{expected}");
        same_lines(&expected, &found);
    }
    if kind == EngineKind::Mariadb {
        let slow = EngineSchemas::new(|_| None);
        let by_definition = slow.fingerprint(&copy.endpoint).await.unwrap();
        let names: Vec<_> = by_definition.objects.keys().collect();
        assert_eq!(names, print.objects.keys().collect::<Vec<_>>());
        let again = slow.fingerprint(&copy.endpoint).await.unwrap();
        assert!(changed(&by_definition, &again).is_empty());
    }
}

fn same_lines(expected: &str, found: &str) {
    for (a, b) in expected.lines().zip(found.lines()) {
        assert_eq!(a, b);
    }
    assert_eq!(expected.len(), found.len());
}

#[tokio::test]
async fn mysql_is_copied_exactly() {
    exact_copy(EngineKind::Mysql).await;
}

#[tokio::test]
async fn mariadb_is_copied_exactly() {
    exact_copy(EngineKind::Mariadb).await;
}
