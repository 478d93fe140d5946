//! What a branch's engine tells of itself: findings about its tables, its sessions.

use crate::fixture::{Home, ORG, connect};
use mysql_async::prelude::Queryable;
use offshoot_api_types::{CreateBranchPassword, CreateDatabase};
use offshoot_client::{Client, Method, Raw, Wait};
use offshoot_core::engine::EngineKind;
use serde_json::Value;

async fn call(client: &Client, method: Method, path: &str) -> (u16, Value) {
    let answer = client
        .raw(Raw {
            method,
            path: format!("organizations/{ORG}/databases/shop/branches/main/{path}"),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        })
        .await
        .unwrap();
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), body)
}

async fn inspected(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let body = CreateDatabase {
        name: Some("shop".into()),
        password: Some(CreateBranchPassword::default()),
        ..CreateDatabase::default()
    };
    let made = server
        .client
        .create_database(ORG, &body, Some(Wait::LONGEST))
        .await
        .unwrap();
    let password = made.password.unwrap();
    let mut conn = connect(&password).await.unwrap();
    for sql in [
        "CREATE TABLE good (id INT PRIMARY KEY)",
        "CREATE TABLE nullable (a INT UNIQUE)",
        "CREATE TABLE strange (id INT NOT NULL UNIQUE) ENGINE=MyISAM DEFAULT CHARSET=sjis",
        "CREATE VIEW v AS SELECT * FROM good",
        "START TRANSACTION",
        "INSERT INTO good VALUES (1)",
    ] {
        conn.query_drop(sql).await.unwrap();
    }

    let (status, lint) = call(&server.client, Method::GET, "schema/lint").await;
    assert_eq!(status, 200, "{lint}");
    let found: Vec<(&str, &str)> = lint["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                e["table_name"].as_str().unwrap(),
                e["lint_error"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("nullable", "NO_UNIQUE_KEY"),
            ("strange", "UNSUPPORTED_CHARSET"),
            ("strange", "UNSUPPORTED_ENGINE"),
        ]
    );

    let (_, list) = call(&server.client, Method::GET, "processlist").await;
    let processes = list["data"]["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 1, "{list}");
    assert_eq!(
        (&processes[0]["db"], &processes[0]["command"]),
        (&"shop".into(), &"Sleep".into())
    );
    let (_, rows) = call(&server.client, Method::GET, "connections").await;
    let transaction = rows["data"][0]["transaction_id"].as_str();
    let transaction = transaction.unwrap_or_else(|| panic!("{rows}"));
    assert!(rows["data"][0]["xact_start"].is_string(), "{rows}");
    let path = format!("connections/transaction/{transaction}");
    let (status, killed) = call(&server.client, Method::DELETE, &path).await;
    assert_eq!(
        (status, &killed["success"]),
        (200, &Value::Bool(true)),
        "{killed}"
    );
    conn.query_drop("SELECT 1").await.unwrap_err();
    let mut conn = connect(&password).await.unwrap();
    let left: Option<u64> = conn.query_first("SELECT COUNT(*) FROM good").await.unwrap();
    assert_eq!(left, Some(0));
    conn.disconnect().await.unwrap();
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_branch_tells_of_itself() {
    inspected(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_branch_tells_of_itself() {
    inspected(EngineKind::Mariadb).await;
}
