//! Offshoot is killed while it copies a running branch, for a live branch or a backup: the engine goes on, and what was
//! begun is finished by the next start.

use crate::data::{MIB, add, home, live, nothing_half_made, only_main_is_left, values};
use crate::fixture::{Home, ORG, PATIENCE, Server, connect};
use crate::story::database;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{CreateBackup, CreateBranch, CreatePassword};
use offshoot_client::BackupsOf;
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::time::{Duration, Instant};

/// When Offshoot is killed, in milliseconds after it was told to begin.
const MOMENTS: [u64; 7] = [0, 3, 8, 15, 30, 60, 150];
/// A guard lets an engine go on at once when Offshoot is gone.
const GOES_ON: Duration = Duration::from_secs(1);

/// No engine of the data directory stands still any more.
fn engines_go_on(home: &Home) {
    let killed = Instant::now();
    let stands_still = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    };
    while home.processes().iter().any(stands_still) {
        assert!(killed.elapsed() < GOES_ON, "an engine stands still");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Writes one row after the other through the gateway until Offshoot is gone. Returns the number of
/// those that were acknowledged.
async fn writes(mut session: Conn) -> u64 {
    let mut acknowledged = 0;
    let sql = "INSERT INTO t (v) VALUES ('w')";
    while session.query_drop(sql).await.is_ok() {
        acknowledged += 1;
    }
    acknowledged
}

async fn ready(home: &Home, server: &Server, name: &str) {
    let until = Instant::now() + PATIENCE;
    while !server
        .client
        .show_branch(ORG, "shop", name)
        .await
        .unwrap()
        .ready
    {
        assert!(Instant::now() < until, "{name}: {}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn live_branches(kind: EngineKind, pool: Option<TestPool>, moments: &[u64]) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let mut server = home.serve().await;
    let main = database(&server.client).await;
    let mut session = connect(&main).await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))";
    session.query_drop(sql).await.unwrap();
    session.disconnect().await.unwrap();
    let mut rows = 0;
    for (round, moment) in moments.iter().enumerate() {
        let name = format!("live{round}");
        let writer = tokio::spawn(writes(connect(&main).await.unwrap()));
        let mut body = CreateBranch {
            name: Some(name.clone()),
            ..CreateBranch::default()
        };
        live(&mut body);
        let made = server.client.create_branch(ORG, "shop", &body, None);
        assert!(!made.await.unwrap().ready);
        tokio::time::sleep(Duration::from_millis(*moment)).await;
        server.kill();
        engines_go_on(&home);
        rows += writer.await.unwrap();

        server = home.serve().await;
        ready(&home, &server, &name).await;
        let body = CreatePassword {
            name: Some("it".to_owned()),
            ..CreatePassword::default()
        };
        let password = server.client.create_password(ORG, "shop", &name, &body);
        let mut session = connect(&password.await.unwrap()).await.unwrap();
        let mut parent = connect(&main).await.unwrap();
        let held = values(&mut session).await;
        // It may have been copied before the end, and again afterwards.
        let there = values(&mut parent).await;
        assert!(there.starts_with(&held), "round {round}");
        assert!(there.split_whitespace().count() as u64 >= rows);
        add(&mut session, "own").await;
        let sql = "CHECK TABLE t";
        let checked: Vec<(String, String, String, String)> = session.query(sql).await.unwrap();
        assert!(checked.iter().all(|row| row.3 == "OK"), "{checked:?}");
        session.disconnect().await.unwrap();
        parent.disconnect().await.unwrap();
        let gone = server.client.delete_branch(ORG, "shop", &name, false);
        gone.await.unwrap();
    }
    only_main_is_left(&home, &pool).await;
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

/// When Offshoot is killed while a backup is made: copied, recovered, read, kept.
const MOMENTS_OF_A_BACKUP: [u64; 8] = [0, 10, 40, 150, 400, 800, 1_200, 2_000];

async fn backups(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let of = BackupsOf {
        org: ORG,
        database: "shop",
        branch: "main",
    };
    let mut server = home.serve().await;
    let main = database(&server.client).await;
    let mut session = connect(&main).await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))";
    session.query_drop(sql).await.unwrap();
    session.disconnect().await.unwrap();
    let mut rows = 0;
    for moment in MOMENTS_OF_A_BACKUP {
        let writer = tokio::spawn(writes(connect(&main).await.unwrap()));
        let body = CreateBackup::default();
        let made = server.client.create_backup(of, &body, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(moment)).await;
        server.kill();
        engines_go_on(&home);
        rows += writer.await.unwrap();

        server = home.serve().await;
        let until = Instant::now() + PATIENCE;
        let ended = loop {
            let shown = server.client.show_backup(of, &made.id).await.unwrap();
            if shown.state.ended() {
                break shown;
            }
            assert!(Instant::now() < until, "{shown:?}: {}", home.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(ended.state.as_str(), "success", "{moment} ms: {ended:?}");
        let mut parent = connect(&main).await.unwrap();
        let there: Option<u64> = parent.query_first("SELECT COUNT(*) FROM t").await.unwrap();
        assert!(there.unwrap() >= rows);
        parent.disconnect().await.unwrap();
    }
    nothing_half_made(&home, &pool, 2 + MOMENTS_OF_A_BACKUP.len()).await;
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_finished_on_btrfs() {
    backups(EngineKind::Mariadb, TestPool::btrfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_finished_on_xfs() {
    backups(EngineKind::Mysql, TestPool::xfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_branches_are_finished_on_btrfs() {
    live_branches(EngineKind::Mariadb, TestPool::btrfs(MIB), &MOMENTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_branches_are_finished_on_xfs() {
    live_branches(EngineKind::Mysql, TestPool::xfs(MIB), &[10, 300]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_copies_are_finished_on_mysql() {
    live_branches(EngineKind::Mysql, TestPool::copy(), &[150, 700]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_copies_are_finished_on_mariadb() {
    live_branches(EngineKind::Mariadb, TestPool::copy(), &[20, 400]).await;
}
