//! Branches of moments in the past, with real engines: between known transactions, out of reach,
//! of a damaged archive, and with Offshoot killed at any time.

use crate::data::{MIB, add, branch, home, values};
use crate::fixture::{Home, ORG, PATIENCE, Server, connect};
use crate::story::database;
use jiff::Timestamp;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{CreateBackup, CreateBranch, PointInTime};
use offshoot_client::{BackupsOf, Client, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const MAIN: BackupsOf<'static> = BackupsOf {
    org: ORG,
    database: "shop",
    branch: "main",
};

/// A server that archives every second.
fn archiving(kind: EngineKind, pool: &TestPool) -> Option<Home> {
    let mut home = home(kind, pool)?;
    home.config.push_str("binlog_interval = \"1s\"\n");
    Some(home)
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "engines take the machine's time")]
    Timestamp::now()
}

/// Adds a row and says when that was acknowledged.
async fn mark(session: &mut Conn, value: &str) -> Timestamp {
    add(session, value).await;
    now()
}

async fn point(client: &Client) -> Option<PointInTime> {
    let main = client.show_branch(ORG, "shop", "main").await.unwrap();
    main.point_in_time
}

/// Waits until everything that was committed before now is archived.
async fn archived(client: &Client, home: &Home) {
    let (moment, until) = (now(), Instant::now() + PATIENCE);
    loop {
        let to = point(client).await.and_then(|p| p.to);
        if to.is_some_and(|to| to >= moment) {
            return;
        }
        assert!(
            Instant::now() < until,
            "{to:?} is not {moment}: {}",
            home.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn back_up(client: &Client) {
    let body = CreateBackup::default();
    let made = client.create_backup(MAIN, &body, Some(Wait(PATIENCE)));
    let made = made.await.unwrap();
    assert_eq!(made.state.as_str(), "success", "{made:?}");
}

/// A database with a table, an archive and a backup.
async fn begun(home: &Home, client: &Client) -> Conn {
    let mut main = connect(&database(client).await).await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))";
    main.query_drop(sql).await.unwrap();
    add(&mut main, "a").await;
    let until = Instant::now() + PATIENCE;
    while point(client).await.is_none() {
        assert!(Instant::now() < until, "{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    back_up(client).await;
    main
}

/// What a branch of `main` as it was then has.
async fn past(client: &Client, name: &str, moment: &str) -> String {
    let seed = |body: &mut CreateBranch| body.restore_point = Some(moment.to_owned());
    let (branch, password) = branch(client, name, "main", seed).await;
    let origin = branch.origin.expect("it has data");
    assert_eq!(origin.restore_point.as_deref(), Some(moment));
    let mut session = connect(&password).await.unwrap();
    let held = values(&mut session).await;
    add(&mut session, "own").await;
    session.disconnect().await.unwrap();
    client
        .delete_branch(ORG, "shop", name, false)
        .await
        .unwrap();
    held
}

/// The code and text with which it is refused.
async fn refused(client: &Client, moment: &str) -> (String, String) {
    let body = CreateBranch {
        name: Some("refused".to_owned()),
        restore_point: Some(moment.to_owned()),
        ..CreateBranch::default()
    };
    let made = client.create_branch(ORG, "shop", &body, Some(Wait(PATIENCE)));
    let error = made.await.unwrap_err();
    let refused = error.refused().unwrap_or_else(|| panic!("{error:?}"));
    (
        refused.error_code.clone().unwrap_or_default(),
        error.to_string(),
    )
}

async fn moments(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = archiving(kind, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    let mut main = begun(&home, client).await;

    let slow = mark(&mut main, "b").await;
    let gtids: String = main
        .query_first(match kind {
            EngineKind::Mysql => "SELECT @@GLOBAL.gtid_executed",
            EngineKind::Mariadb => "SELECT @@GLOBAL.gtid_binlog_pos",
        })
        .await
        .unwrap()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    mark(&mut main, "c").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let quick = mark(&mut main, "d").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let last = mark(&mut main, "e").await;
    // Not archived yet; and the moment has to be over.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let last = last + Duration::from_millis(1);
    assert_eq!(past(client, "last", &last.to_string()).await, "a b c d e");
    let between = slow + Duration::from_millis(750);
    assert_eq!(past(client, "slow", &between.to_string()).await, "a b");
    let between = quick + Duration::from_millis(25);
    assert_eq!(past(client, "quick", &between.to_string()).await, "a b c d");
    assert_eq!(past(client, "gtids", &gtids).await, "a b");

    // Out of reach: the refusal names what is not.
    archived(client, &home).await;
    let window = point(client).await.unwrap();
    let (from, to) = (window.from.unwrap(), window.to.unwrap());
    assert!(window.archive_lag_seconds <= 10, "{window:?}");
    for moment in [
        from - Duration::from_millis(1),
        to + Duration::from_secs(3_600),
    ] {
        let (code, text) = refused(client, &moment.to_string()).await;
        assert_eq!(code, "OFS-1116");
        assert!(text.contains(&from.to_string()), "{text}");
    }

    // The engine crashes and comes back in another binlog file; so does Offshoot.
    let engine = home.processes();
    for pid in engine {
        crate::fixture::kill(pid);
    }
    server.kill();
    let server = home.serve().await;
    let client = &server.client;
    archived(client, &home).await;
    let mut main = {
        let body = offshoot_api_types::CreatePassword::default();
        let password = client.create_password(ORG, "shop", "main", &body).await;
        connect(&password.unwrap()).await.unwrap()
    };
    let after = mark(&mut main, "f").await;
    archived(client, &home).await;
    let held = past(client, "after", &after.to_string()).await;
    assert_eq!(held, "a b c d e f");
    assert_eq!(past(client, "again", &between.to_string()).await, "a b c d");

    // A byte of an object is another: named, and no branch.
    let object = newest(home.data().join("backups/binlogs"));
    let mut bytes = std::fs::read(&object).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let (_, text) = refused(client, &after.to_string()).await;
    let name = object.file_name().unwrap().to_str().unwrap();
    assert!(text.contains(name) && text.contains("damaged"), "{text}");
    assert!(server.stop().success());
}

/// The file that was made last below a directory.
fn newest(directory: PathBuf) -> PathBuf {
    let mut all = Vec::new();
    let mut left = vec![directory];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => all.push(path),
            }
        }
    }
    all.sort_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap());
    all.pop().expect("something is archived")
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_of_mysql() {
    moments(EngineKind::Mysql, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_of_mariadb() {
    moments(EngineKind::Mariadb, TestPool::xfs(MIB)).await;
}

/// Offshoot is killed while it archives, and while it replays: no gap, and what was begun is finished.
async fn killed(kind: EngineKind, pool: Option<TestPool>, moments: &[u64]) {
    let Some(pool) = pool else { return };
    let Some(home) = archiving(kind, &pool) else {
        return;
    };
    let mut server = home.serve().await;
    let main = begun(&home, &server.client).await;
    main.disconnect().await.unwrap();
    for (round, moment) in moments.iter().enumerate() {
        let body = offshoot_api_types::CreatePassword::default();
        let password = server.client.create_password(ORG, "shop", "main", &body);
        let mut main = connect(&password.await.unwrap()).await.unwrap();
        for n in 0..300 {
            add(&mut main, &format!("{round}.{n}")).await;
        }
        let there = values(&mut main).await;
        main.disconnect().await.unwrap();
        let name = format!("past{round}");
        let until = now();
        let body = CreateBranch {
            name: Some(name.clone()),
            restore_point: Some(until.to_string()),
            ..CreateBranch::default()
        };
        let made = server.client.create_branch(ORG, "shop", &body, None);
        assert!(!made.await.unwrap().ready);
        tokio::time::sleep(Duration::from_millis(*moment)).await;
        server.kill();
        server = home.serve().await;
        ready(&home, &server, &name).await;
        let body = offshoot_api_types::CreatePassword::default();
        let password = server.client.create_password(ORG, "shop", &name, &body);
        let mut session = connect(&password.await.unwrap()).await.unwrap();
        assert_eq!(values(&mut session).await, there, "round {round}");
        session.disconnect().await.unwrap();
        let gone = server.client.delete_branch(ORG, "shop", &name, false);
        gone.await.unwrap();
    }
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

async fn ready(home: &Home, server: &Server, name: &str) {
    let until = Instant::now() + PATIENCE;
    let client = &server.client;
    while !client.show_branch(ORG, "shop", name).await.unwrap().ready {
        assert!(Instant::now() < until, "{name}: {}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_of_moments_are_finished_on_mysql() {
    let moments = [0, 200, 700, 1_000];
    killed(EngineKind::Mysql, TestPool::btrfs(MIB), &moments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_of_moments_are_finished_on_mariadb() {
    let moments = [0, 60, 150, 300, 450];
    killed(EngineKind::Mariadb, TestPool::btrfs(MIB), &moments).await;
}
