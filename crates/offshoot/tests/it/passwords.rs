//! Credentials as their users meet them: what roles may, when they end, and what refusals tell.

use crate::fixture::{Home, ORG, PATIENCE, connect, text};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use offshoot_api_types::{CreatePassword, Password};
use offshoot_client::Client;
use offshoot_core::engine::EngineKind;
use std::time::{Duration, Instant};

async fn password(client: &Client, name: &str, role: &str, ttl: Option<i64>) -> Password {
    let body = CreatePassword {
        name: Some(name.to_owned()),
        role: Some(role.to_owned()),
        ttl,
        ..CreatePassword::default()
    };
    client
        .create_password(ORG, "shop", "dev", &body)
        .await
        .unwrap()
}

async fn show(client: &Client, password: &Password) -> Password {
    client
        .show_password(ORG, "shop", "dev", &password.id)
        .await
        .unwrap()
}

/// Statements, and which of reader, writer, readwriter, admin may run them.
const MATRIX: &[(&str, [bool; 4])] = &[
    ("SELECT v FROM t", [true, false, true, true]),
    ("SELECT * FROM seen", [true, false, true, true]),
    ("SHOW CREATE VIEW seen", [true, false, true, true]),
    ("INSERT INTO t (v) VALUES (2)", [false, true, true, true]),
    ("UPDATE t SET v = 3", [false, true, true, true]),
    ("DELETE FROM t WHERE v = 99", [false, false, true, true]),
    ("CALL add_one()", [false, false, true, true]),
    (
        "CREATE TEMPORARY TABLE tmp (v INT)",
        [false, false, true, true],
    ),
    ("LOCK TABLES t READ", [false, false, true, true]),
    ("UNLOCK TABLES", [true, true, true, true]),
    ("CREATE TABLE made (v INT)", [false, false, false, true]),
    (
        "ALTER TABLE t ADD COLUMN more INT",
        [false, false, false, true],
    ),
    (
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
        [false, false, false, true],
    ),
    ("CREATE DATABASE extra", [false, false, false, true]),
    ("SELECT * FROM mysql.user", [false, false, false, false]),
    ("CREATE USER mallory", [false, false, false, false]),
    (
        "GRANT SELECT ON shop.* TO CURRENT_USER()",
        [false, false, false, false],
    ),
    (
        "SET GLOBAL max_connections = 1",
        [false, false, false, false],
    ),
    ("SHUTDOWN", [false, false, false, false]),
    (
        "SELECT 1 INTO OUTFILE '/tmp/offshoot-it-outfile'",
        [false, false, false, false],
    ),
];

async fn roles(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let mut admin = connect(&branch(client, "dev").await).await.unwrap();
    for sql in [
        "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
        "INSERT INTO t (v) VALUES (1)",
        "CREATE VIEW seen AS SELECT v FROM t",
        "CREATE PROCEDURE add_one() INSERT INTO t (v) VALUES (4)",
    ] {
        admin.query_drop(sql).await.unwrap();
    }
    let mut wrong = Vec::new();
    for (i, role) in ["reader", "writer", "readwriter", "admin"]
        .iter()
        .enumerate()
    {
        let made = password(client, role, role, None).await;
        assert_eq!(made.role, *role);
        let mut session = connect(&made).await.unwrap();
        for (sql, may) in MATRIX {
            match session.query_drop(*sql).await {
                Ok(()) if may[i] => {}
                Err(Error::Server(_)) if !may[i] => {}
                other => wrong.push(format!("{role}: {sql}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_on_mysql() {
    roles(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_on_mariadb() {
    roles(EngineKind::Mariadb).await;
}

async fn ends(session: &mut Conn) {
    let until = Instant::now() + PATIENCE;
    while session.query_drop("SELECT 1").await.is_ok() {
        assert!(Instant::now() < until, "the session goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Code, state and message of a refused login, without the user's name.
async fn refusal(password: &Password) -> (u16, String, String) {
    match connect(password).await {
        Err(Error::Server(error)) => (
            error.code,
            error.state,
            error.message.replace(&password.username, "USER"),
        ),
        other => panic!("{other:?}"),
    }
}

/// An expired, a deleted, a wrong and an unknown credential, and one from elsewhere: the client sees
/// the same, the owner sees why.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_end_and_refusals_look_alike() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    branch(client, "dev").await;

    let used = password(client, "used", "admin", None).await;
    assert_eq!(used.last_used_at, None);
    connect(&used).await.unwrap().disconnect().await.unwrap();
    let mut wrong = used.clone();
    wrong.plain_text = Some("ofs_pw_wrong".to_owned());
    let expected = refusal(&wrong).await;
    assert_eq!((expected.0, expected.1.as_str()), (1045, "28000"));
    assert!(
        expected.2.starts_with("Access denied for user 'USER'@"),
        "{expected:?}"
    );

    let mut unknown = used.clone();
    unknown.username = "zzzzzzzzzzzzzzzzzzzz".to_owned();
    let body = CreatePassword {
        name: Some("far".to_owned()),
        cidrs: Some(vec!["10.0.0.0/8".to_owned()]),
        ..CreatePassword::default()
    };
    let far = client
        .create_password(ORG, "shop", "dev", &body)
        .await
        .unwrap();
    let short = password(client, "short", "admin", Some(2)).await;
    let doomed = password(client, "doomed", "admin", None).await;
    let mut of_short = connect(&short).await.unwrap();
    let mut of_doomed = connect(&doomed).await.unwrap();
    client
        .delete_password(ORG, "shop", "dev", &doomed.id)
        .await
        .unwrap();
    ends(&mut of_doomed).await;
    ends(&mut of_short).await;
    assert!(show(client, &short).await.expired);
    for (name, refused) in [
        ("unknown user", &unknown),
        ("wrong address", &far),
        ("expired", &short),
        ("deleted", &doomed),
    ] {
        assert_eq!(refusal(refused).await, expected, "{name}");
    }

    // The owner is told why.
    let until = Instant::now() + PATIENCE;
    for (password, reason) in [(&used, "wrong"), (&far, "address"), (&short, "expired")] {
        let shown = loop {
            let shown = show(client, password).await;
            if shown.last_refused_at.is_some() || Instant::now() > until {
                break shown;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let said = shown.last_refused_reason.unwrap_or_default();
        assert!(said.contains(reason), "{reason}: {said:?}");
    }
    assert!(show(client, &used).await.last_used_at.is_some());
    assert!(show(client, &far).await.last_used_at.is_none());
    let shown = home.offshoot(&["password", "show", "shop", "dev", "far"]);
    let said = text(&shown);
    assert!(shown.status.success(), "{said}");
    for part in ["far", "10.0.0.0/8", "Last refused at", "address"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("ofs_pw_"), "{said}");

    // A renewed one has a fresh secret and works again; the old secret does not.
    let renewed = client
        .renew_password(ORG, "shop", "dev", &short.id)
        .await
        .unwrap();
    assert_eq!(renewed.username, short.username);
    connect(&renewed).await.unwrap().disconnect().await.unwrap();
    assert_eq!(refusal(&short).await, expected);
    let error = client
        .renew_password(ORG, "shop", "dev", &used.id)
        .await
        .unwrap_err();
    let refused = error.refused().expect("an answer");
    assert_eq!(refused.error_code.as_deref(), Some("OFS-1005"));
    assert!(server.stop().success());
}
