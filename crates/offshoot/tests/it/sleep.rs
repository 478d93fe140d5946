//! Sleep, wake, and the memory budget, as clients of a branch see them.

use crate::fixture::{Home, ORG, PATIENCE, connect};
use crate::story::{branch, database};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::BranchState;
use offshoot_client::Client;
use offshoot_core::engine::EngineKind;
use std::time::{Duration, Instant};

pub(crate) async fn state(client: &Client, name: &str) -> BranchState {
    client.show_branch(ORG, "shop", name).await.unwrap().state
}

pub(crate) async fn falls_asleep(client: &Client, name: &str) {
    let until = Instant::now() + PATIENCE;
    while state(client, name).await != BranchState::Sleeping {
        assert!(Instant::now() < until, "{name} stays awake");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn sleepy(kind: EngineKind) -> Option<Home> {
    let mut home = Home::new(kind)?;
    home.config = "[instances]\nsleep_after = \"1s\"\nwarm_instances = 0\n".to_owned();
    Some(home)
}

/// A pooled connection sleeps with its branch and goes on; an open transaction keeps its branch awake.
#[tokio::test(flavor = "multi_thread")]
async fn idle_branches_sleep_and_busy_ones_do_not() {
    let Some(home) = sleepy(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let mut busy = connect(&branch(client, "busy").await).await.unwrap();
    busy.query_drop("CREATE TABLE t (v INT)").await.unwrap();
    busy.query_drop("START TRANSACTION").await.unwrap();
    busy.query_drop("INSERT INTO t VALUES (1)").await.unwrap();
    let mut idle = connect(&branch(client, "idle").await).await.unwrap();
    for sql in [
        "CREATE TABLE t (v INT)",
        "SET SESSION sql_mode = 'ANSI_QUOTES'",
        "CREATE DATABASE other",
        "USE other",
    ] {
        idle.query_drop(sql).await.unwrap();
    }
    // Twice, so that the branch that had its last command earlier was looked at in between.
    for _ in 0..2 {
        falls_asleep(client, "idle").await;
        assert_eq!(state(client, "busy").await, BranchState::Ready);
        let kept: Option<(String, String)> = idle
            .query_first("SELECT DATABASE(), @@SESSION.sql_mode")
            .await
            .unwrap();
        assert_eq!(kept, Some(("other".to_owned(), "ANSI_QUOTES".to_owned())));
    }
    busy.query_drop("COMMIT").await.unwrap();
    falls_asleep(client, "busy").await;
    let rows: Option<u64> = busy.query_first("SELECT COUNT(*) FROM t").await.unwrap();
    assert_eq!(rows, Some(1), "what was committed is there");
    assert_eq!(state(client, "main").await, BranchState::Ready);
    assert!(server.stop().success());
}

/// What the engine would lose ends the session as the engine's own time-out does.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_kept_is_closed() {
    let Some(home) = sleepy(EngineKind::Mysql) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let password = branch(client, "dev").await;
    let mut sessions: Vec<Conn> = Vec::new();
    for holds in ["SET @mine = 1", "CREATE TEMPORARY TABLE mine (v INT)"] {
        let mut session = connect(&password).await.unwrap();
        session.query_drop(holds).await.unwrap();
        sessions.push(session);
    }
    falls_asleep(client, "dev").await;
    for mut session in sessions {
        let error = session.query_drop("SELECT 1").await.unwrap_err();
        match error {
            mysql_async::Error::Server(error) => assert_eq!(error.code, 4031, "{error:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        state(client, "dev").await,
        BranchState::Sleeping,
        "a session that is gone wakes nobody"
    );
    let mut fresh = connect(&password).await.unwrap();
    fresh.query_drop("SELECT 1").await.unwrap();
    assert!(server.stop().success());
}

/// Room for main and two branches: the one that is idle longest gives way; where all are busy, the
/// client is told so in an error packet.
#[tokio::test(flavor = "multi_thread")]
async fn the_memory_budget_holds() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    home.config = "[instances]\nmemory_budget = \"370M\"\nwarm_instances = 0\n".to_owned();
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let first = branch(client, "first").await;
    let second = branch(client, "second").await;
    let mut session = connect(&second).await.unwrap();
    session.query_drop("SELECT 1").await.unwrap();

    let third = branch(client, "third").await;
    assert_eq!(state(client, "first").await, BranchState::Sleeping);
    let pool = client.show_pool().await.unwrap();
    assert!(pool.memory_used_bytes <= pool.memory_budget_bytes);
    assert_eq!(pool.memory_budget_bytes, 370 << 20);

    let mut third = connect(&third).await.unwrap();
    for session in [&mut session, &mut third] {
        session.query_drop("CREATE TABLE t (v INT)").await.unwrap();
        session.query_drop("START TRANSACTION").await.unwrap();
        session
            .query_drop("INSERT INTO t VALUES (1)")
            .await
            .unwrap();
    }
    let error = connect(&first).await.unwrap_err();
    match error {
        mysql_async::Error::Server(error) => {
            assert!(error.message.contains("OFS-1201"), "{error:?}");
            assert!(error.message.contains("memory"), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(state(client, "first").await, BranchState::Sleeping);
    third.query_drop("ROLLBACK").await.unwrap();
    let mut again = connect(&first).await.unwrap();
    again.query_drop("SELECT 1").await.unwrap();
    assert_eq!(state(client, "third").await, BranchState::Sleeping);
    session.query_drop("COMMIT").await.unwrap();
    assert!(server.stop().success());
}
