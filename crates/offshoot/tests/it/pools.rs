//! The life of a branch in a copy-on-write pool, and what a full one says.

use crate::fixture::{Home, ORG, PATIENCE, Server, connect, put_to_sleep, text};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use offshoot_api_types::CreateBranch;
use offshoot_client::{PageOf, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Room for a production MySQL branch, its template and two copies.
const MIB: u64 = 1500;
/// What a sleeping branch with a schema alone may take, in bytes.
const SLEEPING: u64 = 16 << 20;

fn home(kind: EngineKind, pool: &TestPool) -> Option<Home> {
    let mut home = Home::new(kind)?;
    home.config = format!(
        "[pool]\ndir = \"{}\"\n[instances]\nwarm_instances = 0\n",
        pool.dir.display()
    );
    Some(home)
}

/// Names of the volumes in the pool.
fn volumes(pool: &TestPool) -> BTreeSet<String> {
    let entries = std::fs::read_dir(pool.dir.join("volumes")).unwrap();
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Waits until the parent's template, two spare volumes and these many branches are all there is.
async fn settled(home: &Home, pool: &TestPool, server: &Server, branches: usize) {
    const SPARES: usize = 2;
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = server.client.show_pool().await.unwrap();
        let there = (shown.snapshots_count, volumes(pool).len());
        let engines = running(home, pool).len();
        // The engine's image and the parent's template; a spare has run once and keeps its log.
        if there == (2, branches + SPARES)
            && (engines, instances(home)) == (branches, branches)
            && home.names("logs").len() == branches + SPARES
        {
            return;
        }
        assert!(
            Instant::now() < until,
            "{there:?} {:?} {:?} {}",
            volumes(pool),
            home.names("run"),
            home.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Directories of instances that run or did.
fn instances(home: &Home) -> usize {
    let names = home.names("run");
    names.iter().filter(|name| *name != "state").count()
}

/// Volumes whose engines run.
fn running(home: &Home, pool: &TestPool) -> BTreeSet<String> {
    let mut lines = String::new();
    for pid in home.processes() {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        lines.push_str(&String::from_utf8_lossy(&line));
    }
    volumes(pool)
        .into_iter()
        .filter(|name| lines.contains(name.as_str()))
        .collect()
}

async fn life(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    let main = database(client).await;
    let mut production = connect(&main).await.unwrap();
    for sql in [
        "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))",
        "INSERT INTO t (v) VALUES (REPEAT('x', 2000)), (REPEAT('y', 2000))",
        "INSERT INTO t (v) SELECT a.v FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k",
    ] {
        production.query_drop(sql).await.unwrap();
    }

    let mut first = connect(&branch(client, "first").await).await.unwrap();
    let rows: Option<u64> = first.query_first("SELECT COUNT(*) FROM t").await.unwrap();
    assert_eq!(rows, Some(0));
    first
        .query_drop("INSERT INTO t (v) VALUES ('mine')")
        .await
        .unwrap();

    // What is prepared ahead is used: the second branch's volume was there before.
    settled(&home, &pool, &server, 2).await;
    let (spare, before) = (volumes(&pool), running(&home, &pool));
    let mut second = connect(&branch(client, "second").await).await.unwrap();
    let rows: Option<u64> = second.query_first("SELECT COUNT(*) FROM t").await.unwrap();
    assert_eq!(rows, Some(0));
    let new: Vec<String> = running(&home, &pool).difference(&before).cloned().collect();
    assert!(
        new.len() == 1 && spare.contains(&new[0]),
        "{new:?} of {spare:?}"
    );
    second.disconnect().await.unwrap();

    put_to_sleep(client, "second").await;
    check_numbers(&home, &pool);

    for name in ["first", "second"] {
        client
            .delete_branch(ORG, "shop", name, false)
            .await
            .unwrap();
    }
    settled(&home, &pool, &server, 1).await;
    assert!(first.query_drop("SELECT 1").await.is_err());
    let rows: Option<u64> = production
        .query_first("SELECT COUNT(*) FROM t")
        .await
        .unwrap();
    assert_eq!(rows, Some(2 + 2048), "the parent keeps its rows");
    drop(production);
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

/// `offshoot pool show`: the driver, and what branches take.
#[expect(clippy::print_stderr, reason = "the size is of interest by itself")]
fn check_numbers(home: &Home, pool: &TestPool) {
    let shown = home.offshoot(&["pool", "show", "--format", "json"]);
    assert!(shown.status.success(), "{}", text(&shown));
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["driver"], pool.driver.as_str());
    assert_eq!(shown["copy_on_write"], true);
    let [size, used, free] = ["size", "used", "free"].map(|name| shown[name].as_u64().unwrap());
    assert!(used < size && free < size, "{shown}");
    let branches = shown["branches"].as_array().unwrap();
    let bytes = |name: &str, what: &str| {
        let found = branches.iter().find(|b| b["branch"] == name).unwrap();
        found[what].as_u64().unwrap()
    };
    assert_eq!(branches.len(), 3, "{shown}");
    let unique = bytes("second", "unique_bytes");
    eprintln!(
        "{}: a sleeping branch takes {} KiB of its own, main {} KiB",
        pool.driver.as_str(),
        unique >> 10,
        bytes("main", "unique_bytes") >> 10
    );
    assert!(unique > 0 && unique <= SLEEPING, "{shown}");
    assert!(bytes("second", "allocated_bytes") > unique, "{shown}");
    assert!(bytes("main", "unique_bytes") > 4 << 20, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_branch_on_btrfs() {
    life(EngineKind::Mysql, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_branch_on_btrfs() {
    life(EngineKind::Mariadb, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_branch_on_xfs() {
    life(EngineKind::Mariadb, TestPool::xfs(MIB)).await;
}

/// Writes until nothing fits any more.
fn fill(file: &Path) {
    let mut file = std::fs::File::create(file).unwrap();
    let block = vec![0xA5u8; 1 << 20];
    while file.write_all(&block).is_ok() {}
    // Without this a filesystem may still change its mind about what fits.
    let _ = file.sync_all();
}

/// A full pool is said so before anything is made, and is no longer full once something went.
async fn full(pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(EngineKind::Mariadb, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    branch(client, "first").await;
    settled(&home, &pool, &server, 2).await;
    let before = volumes(&pool);

    let ballast = pool.dir.join("ballast");
    fill(&ballast);
    let body = CreateBranch {
        name: Some("second".to_owned()),
        ..CreateBranch::default()
    };
    let wait = Some(Wait(Duration::from_secs(120)));
    let error = client
        .create_branch(ORG, "shop", &body, wait)
        .await
        .unwrap_err();
    let refused = error.refused().expect("an answer");
    assert_eq!(
        refused.error_code.as_deref(),
        Some("OFS-1202"),
        "{refused:?}"
    );
    assert_eq!(refused.status.as_u16(), 503);
    assert!(
        refused.message.contains("the pool is full") && refused.hint.is_some(),
        "{refused:?}"
    );
    let output = home.offshoot(&["branch", "create", "shop", "second", "--wait"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("OFS-1202"), "{}", text(&output));
    let there = client
        .list_branches(ORG, "shop", PageOf::default())
        .await
        .unwrap();
    assert_eq!(there.data.len(), 2, "{there:?}");
    assert_eq!(before, volumes(&pool));

    std::fs::remove_file(&ballast).unwrap();
    branch(client, "second").await;
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_btrfs_pool() {
    full(TestPool::btrfs(700)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_xfs_pool() {
    full(TestPool::xfs(700)).await;
}
