//! Safe migrations on the real binary: connections that are open, new ones, the data API, branches of it, the command
//! line, and the end of the server in between.

use crate::data_api::Conn as Http;
use crate::fixture::{Home, ORG, PATIENCE, connect, text};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use offshoot_api_types::{CreateBranch, CreateBranchPassword, CreatePassword, Password};
use offshoot_client::{Client, Wait};
use offshoot_core::engine::EngineKind;
use std::time::Instant;

/// What every client reads, by whichever way it came.
const TOLD: &str = "direct DDL is disabled: branch \"main\" has safe migrations on";

async fn refused(session: &mut Conn, sql: &str) {
    match session.query_drop(sql).await {
        Err(Error::Server(e)) => {
            assert_eq!((e.code, &*e.state), (1105, "HY000"), "{sql}: {}", e.message);
            assert!(e.message.starts_with(TOLD), "{sql}: {}", e.message);
            assert!(e.message.contains("OFS-1123"), "{sql}: {}", e.message);
        }
        other => panic!("{sql}: {other:?}"),
    }
}

async fn run(session: &mut Conn, statements: &[&str]) {
    for sql in statements {
        if let Err(error) = session.query_drop(*sql).await {
            panic!("{sql}: {error}");
        }
    }
}

async fn count(session: &mut Conn, table: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    session.query_first(sql).await.unwrap().unwrap()
}

async fn password(client: &Client, role: &str) -> Password {
    let body = CreatePassword {
        name: Some(role.to_owned()),
        role: Some(role.to_owned()),
        ..CreatePassword::default()
    };
    client
        .create_password(ORG, "shop", "main", &body)
        .await
        .unwrap()
}

async fn safe(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let client = &server.client;
    let admin = database(client).await;
    let mut open = connect(&admin).await.unwrap();
    run(
        &mut open,
        &[
            "CREATE TABLE t (v INT)",
            "CREATE TABLE log (v INT)",
            "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.v)",
            "CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO log VALUES (100)",
            "CREATE PROCEDURE clean() TRUNCATE TABLE t",
        ],
    )
    .await;
    let app = password(client, "readwriter").await;
    let mut app = connect(&app).await.unwrap();
    run(&mut app, &["SET @mine = 7"]).await;
    let mut holding = connect(&admin).await.unwrap();
    run(&mut holding, &["BEGIN", "INSERT INTO t VALUES (1)"]).await;

    // A procedure that could take the event away with its definer's rights has to go first.
    run(&mut open, &["CREATE PROCEDURE quiet() DROP EVENT e"]).await;
    let said = home.offshoot(&["branch", "safe-migrations", "enable", "shop", "main"]);
    assert!(!said.status.success());
    assert!(
        text(&said).contains("procedure shop.quiet"),
        "{}",
        text(&said)
    );
    run(&mut open, &["DROP PROCEDURE quiet"]).await;
    let said = home.offshoot(&["branch", "safe-migrations", "enable", "shop", "main"]);
    assert!(said.status.success(), "{}", text(&said));
    assert!(text(&said).contains("Safe migrations of branch main are on."));

    // At once: what is open, what is new, and by HTTP.
    refused(&mut open, "ALTER TABLE t ADD w INT").await;
    assert!(holding.query_drop("ALTER TABLE t ADD w INT").await.is_err());
    let mut fresh = connect(&admin).await.unwrap();
    for sql in [
        "CREATE TABLE x (v INT)",
        "CREATE TABLE x SELECT * FROM t",
        "DROP TABLE t",
        "TRUNCATE TABLE t",
        "RENAME TABLE t TO x",
        "CREATE INDEX i ON t (v)",
        "CREATE VIEW w AS SELECT 1",
        "CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW SET @a = 1",
        "CREATE DEFINER = offshoot_admin@localhost TRIGGER x BEFORE UPDATE ON t FOR EACH ROW SET @a = 1",
        "CREATE DEFINER = offshoot_admin@localhost EVENT x ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "CREATE DEFINER = offshoot_admin@localhost VIEW x AS SELECT 1",
        "DROP TRIGGER tr",
        "DROP EVENT e",
        "CREATE EVENT x ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "CREATE PROCEDURE x() SELECT 1",
        "DROP PROCEDURE clean",
        "CREATE DATABASE x",
        "DROP DATABASE shop",
        "CALL clean()",
    ] {
        refused(&mut fresh, sql).await;
    }
    let prepared = fresh.exec_drop("DROP TABLE t", ()).await;
    let prepared = prepared.unwrap_err().to_string();
    assert!(prepared.contains(TOLD), "{prepared}");
    refused(&mut app, "CALL clean()").await;
    let mut http = Http::of(&home, &admin);
    let error = http.say("DROP TABLE t").await["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(TOLD), "{message}");
    assert!(
        message.contains("(errno 1105) (sqlstate HY000)"),
        "{message}"
    );
    http.run("INSERT INTO t VALUES (5)").await;

    // What is no change of the schema, and what runs by itself.
    let mine: Option<u32> = app.query_first("SELECT @mine").await.unwrap();
    assert_eq!(mine, Some(7), "an application is not disturbed");
    run(
        &mut fresh,
        &[
            "CREATE TEMPORARY TABLE mine SELECT * FROM t",
            "DROP TEMPORARY TABLE mine",
            "DELETE FROM t",
            "DELETE FROM log",
            "INSERT INTO t VALUES (55)",
        ],
    )
    .await;
    assert_eq!(count(&mut fresh, "log WHERE v = 55").await, 1);
    let until = Instant::now() + PATIENCE;
    while count(&mut fresh, "log WHERE v = 100").await == 0 {
        assert!(Instant::now() < until, "the event does not run");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let reader = password(client, "reader").await;
    let own = connect(&reader)
        .await
        .unwrap()
        .query_drop("DROP TABLE t")
        .await;
    assert!(!own.unwrap_err().to_string().contains("direct DDL"));
    // What Offshoot does itself it does as ever.
    let shown = client.show_branch(ORG, "shop", "main").await.unwrap();
    assert!(shown.safe_migrations);
    let said = home.offshoot(&["keyspace", "create", "shop", "main", "carts"]);
    assert!(said.status.success(), "{}", text(&said));

    // Branches of it are free, whatever they start with.
    let schema = branch(client, "dev").await;
    let live = of(client, "live", "live").await;
    for made in [&schema, &live] {
        let mut session = connect(made).await.unwrap();
        run(
            &mut session,
            &[
                "CREATE TABLE x (v INT)",
                "ALTER TABLE t ADD w INT",
                "DROP TRIGGER tr",
                "DROP EVENT e",
                "TRUNCATE TABLE t",
                "DROP TABLE x",
            ],
        )
        .await;
    }

    // The server is killed; its engines live on, and then they do not.
    let said = home.offshoot(&["branch", "safe-migrations", "show", "shop", "main"]);
    assert!(text(&said).contains("are on."), "{}", text(&said));
    server.kill();
    let server = home.serve().await;
    refused(&mut connect(&admin).await.unwrap(), "DROP TABLE t").await;
    assert!(server.stop().success());
    let server = home.serve().await;
    let mut open = connect(&admin).await.unwrap();
    refused(&mut open, "DROP TABLE t").await;
    assert_eq!(count(&mut open, "t").await, 1);

    // Off: on the connection that is open.
    let said = home.offshoot(&["branch", "safe-migrations", "disable", "shop", "main"]);
    assert!(said.status.success(), "{}", text(&said));
    run(
        &mut open,
        &[
            "ALTER TABLE t ADD w INT",
            "CALL clean()",
            "DROP TRIGGER tr",
            "DROP EVENT e",
            "DROP TABLE t",
        ],
    )
    .await;
    assert!(server.stop().success());
}

async fn of(client: &Client, name: &str, seed: &str) -> Password {
    let body = CreateBranch {
        name: Some(name.to_owned()),
        seed: Some(seed.to_owned()),
        password: Some(CreateBranchPassword {
            name: Some("it".to_owned()),
            role: None,
            ttl: None,
        }),
        ..CreateBranch::default()
    };
    let made = client
        .create_branch(ORG, "shop", &body, Some(Wait(PATIENCE)))
        .await
        .unwrap();
    assert!(made.ready);
    made.password.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_migrations_of_mysql() {
    safe(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_migrations_of_mariadb() {
    safe(EngineKind::Mariadb).await;
}
