//! Limits of a branch on the real binary: disk quota in each kind of pool on each engine, connections.

use crate::fixture::{Home, ORG, PATIENCE, connect, put_to_sleep, text};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use offshoot_api_types::{Branch, DiskQuotaState, UpdateBranch};
use offshoot_client::Client;
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::time::{Duration, Instant};

/// Room for a production branch, its template and the copies, and for what is written.
const MIB: u64 = 1600;
const MEGABYTE: &str = "INSERT INTO junk VALUES (REPEAT('x', 1048576))";

fn told(error: Error) -> String {
    match error {
        Error::Server(e) => format!("{} {}", e.code, e.message),
        other => other.to_string(),
    }
}

async fn quota(client: &Client, name: &str, bytes: i64) -> Branch {
    let body = UpdateBranch {
        disk_quota_bytes: Some(Some(bytes)),
        ..UpdateBranch::default()
    };
    client
        .update_branch(ORG, "shop", name, &body)
        .await
        .unwrap()
}

async fn show(client: &Client, name: &str) -> Branch {
    client.show_branch(ORG, "shop", name).await.unwrap()
}

/// Writes until the branch says no; returns what it said.
async fn fill(session: &mut Conn) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Err(error) = session.query_drop(MEGABYTE).await {
            return told(error);
        }
        assert!(Instant::now() < until, "it takes and takes");
    }
}

/// Writes as soon as the branch takes it, on the same connection.
async fn grows_again(session: &mut Conn) {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = session.query_drop(MEGABYTE).await {
        let error = told(error);
        // The reason goes a moment before the session learns its new rights.
        assert!(
            error.contains("OFS-1205") || error.contains("denied"),
            "{error}"
        );
        assert!(Instant::now() < until, "it stays shut");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn disk_quota(kind: EngineKind, pool: Option<TestPool>) {
    let Some((pool, mut home)) = pool.zip(Home::new(kind)) else {
        return;
    };
    home.config = format!(
        "[pool]\ndir = \"{}\"\n[instances]\nwarm_instances = 0\n",
        pool.dir.display()
    );
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let (full, other) = (branch(client, "full").await, branch(client, "other").await);
    let mut session = connect(&full).await.unwrap();
    for sql in [
        "CREATE TABLE junk (v LONGBLOB)",
        "CREATE TABLE kept (v INT)",
        "INSERT INTO kept VALUES (1), (2)",
    ] {
        session.query_drop(sql).await.unwrap();
    }
    let used = quota(client, "full", 1 << 40)
        .await
        .disk_used_bytes
        .unwrap();
    quota(client, "full", (used + (24 << 20)).max(64 << 20)).await;

    let said = fill(&mut session).await;
    assert!(
        said.contains("OFS-1205") && said.contains("--disk-quota"),
        "{said}"
    );
    let shown = show(client, "full").await;
    assert_eq!(shown.disk_quota_state, DiskQuotaState::Over);
    assert!(shown.disk_used_bytes >= shown.disk_quota_bytes);
    let mut session = connect(&full).await.unwrap();
    let said = told(session.query_drop(MEGABYTE).await.unwrap_err());
    assert!(
        said.contains("denied") && said.contains("OFS-1205"),
        "{said}"
    );
    let kept: Option<u32> = session
        .query_first("SELECT COUNT(*) FROM kept")
        .await
        .unwrap();
    assert_eq!(kept, Some(2));
    session
        .query_drop("DELETE FROM kept WHERE v = 1")
        .await
        .unwrap();
    let mut neighbour = connect(&other).await.unwrap();
    neighbour
        .query_drop("CREATE TABLE junk (v LONGBLOB)")
        .await
        .unwrap();
    neighbour.query_drop(MEGABYTE).await.unwrap();

    // Room is made; the connection that made it writes on.
    session.query_drop("TRUNCATE TABLE junk").await.unwrap();
    grows_again(&mut session).await;
    assert_ne!(
        show(client, "full").await.disk_quota_state,
        DiskQuotaState::Over
    );

    // It stays shut over a sleep and over the end of the server, and opens with its quota.
    fill(&mut session).await;
    put_to_sleep(client, "full").await;
    let mut session = connect(&full).await.unwrap();
    let said = told(session.query_drop(MEGABYTE).await.unwrap_err());
    assert!(said.contains("denied"), "{said}");
    server.kill();
    let server = home.serve().await;
    let client = &server.client;
    let mut session = connect(&full).await.unwrap();
    let said = told(session.query_drop(MEGABYTE).await.unwrap_err());
    assert!(said.contains("denied"), "{said}");
    quota(client, "full", 0).await;
    let mut session = connect(&full).await.unwrap();
    session.query_drop(MEGABYTE).await.unwrap();
    let log = home.offshoot(&[
        "audit-log",
        "list",
        "--action",
        "branch.quota_exceeded",
        "--format",
        "json",
    ]);
    let events = text(&log).matches("branch.quota_exceeded").count();
    assert!(events >= 2, "{}", text(&log));
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_quota_of_mysql_on_btrfs() {
    disk_quota(EngineKind::Mysql, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_quota_of_mariadb_on_xfs() {
    disk_quota(EngineKind::Mariadb, TestPool::xfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_quota_of_mariadb_in_copies() {
    disk_quota(EngineKind::Mariadb, TestPool::copy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_branch_are_limited_at_once() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let password = branch(client, "few").await;
    let one = connect(&password).await.unwrap();
    let limit =
        |n: &str| home.offshoot(&["branch", "update", "shop", "few", "--max-connections", n]);
    assert!(limit("1").status.success());
    // One more for an admin, and no other.
    let two = connect(&password).await.unwrap();
    let said = told(connect(&password).await.unwrap_err());
    assert!(
        said.starts_with("1040") && said.contains("OFS-1301"),
        "{said}"
    );
    assert_eq!(show(client, "few").await.max_connections, Some(1));
    assert!(limit("default").status.success());
    connect(&password).await.unwrap();
    let refused = limit("5000");
    assert!(!refused.status.success());
    assert!(text(&refused).contains("1 to 1000"), "{}", text(&refused));
    drop((one, two));
    assert!(server.stop().success());
}
