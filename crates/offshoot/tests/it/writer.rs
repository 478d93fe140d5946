//! A writer goes on while its branch is copied again and again, for live branches and for backups: each
//! copy opens, passes its check, and has an exact prefix of the writer's history, up to the position that is
//! recorded with it.

use crate::data::{MIB, branch, home, live, nothing_half_made};
use crate::fixture::{ORG, PATIENCE, connect};
use crate::story::database;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{Backup, CreateBackup, CreateBranch, Password, Position};
use offshoot_client::{BackupsOf, Client};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

pub(crate) const MAIN: BackupsOf<'static> = BackupsOf {
    org: ORG,
    database: "shop",
    branch: "main",
};
const LIVE_BRANCHES: usize = 20;
const BACKUPS: usize = 5;

/// Commits one row after the other, each with a checksum over all before it.
pub(crate) struct Writer {
    acknowledged: Arc<AtomicU64>,
    go_on: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(mut session: Conn) -> Self {
        let (acknowledged, go_on) = (Arc::<AtomicU64>::default(), Arc::new(AtomicBool::new(true)));
        let (count, run) = (Arc::clone(&acknowledged), Arc::clone(&go_on));
        let task = tokio::spawn(async move {
            let sql = "INSERT INTO chain SELECT n + 1, SHA2(CONCAT(h, n + 1), 256) FROM chain \
                       ORDER BY n DESC LIMIT 1";
            while run.load(Ordering::SeqCst) {
                session.query_drop(sql).await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
            }
            session.disconnect().await.unwrap();
        });
        Self {
            acknowledged,
            go_on,
            task,
        }
    }

    pub(crate) fn written(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) async fn end(self) -> u64 {
        self.go_on.store(false, Ordering::SeqCst);
        self.task.await.unwrap();
        self.acknowledged.load(Ordering::SeqCst)
    }
}

/// How many transactions a history of one server has.
pub(crate) fn transactions(position: &Position) -> u64 {
    let last = position.gtid_set.rsplit([':', '-']).next().unwrap();
    last.parse().unwrap_or_else(|_| panic!("{position:?}"))
}

/// Rows that the writer had committed when the copy was made; the chain up to there is whole.
pub(crate) async fn prefix(password: &Password) -> u64 {
    let mut session = connect(password).await.unwrap();
    type Checked = (String, String, String, String);
    let checked: Vec<Checked> = session.query("CHECK TABLE chain").await.unwrap();
    assert!(checked.iter().all(|row| row.3 == "OK"), "{checked:?}");
    let (rows, last): (u64, u64) = session
        .query_first("SELECT COUNT(*), MAX(n) FROM chain")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rows, last + 1, "a row of the chain is missing");
    let broken = "SELECT COUNT(*) FROM chain a JOIN chain b ON b.n = a.n + 1 \
                  WHERE b.h <> SHA2(CONCAT(a.h, b.n), 256)";
    let broken: Option<u64> = session.query_first(broken).await.unwrap();
    assert_eq!(broken, Some(0));
    session.disconnect().await.unwrap();
    last
}

/// A branch that `seed` asks for has a prefix that ends at its recorded position. Returns its length.
async fn check(
    client: &Client,
    name: &str,
    base: u64,
    seed: impl FnOnce(&mut CreateBranch),
) -> u64 {
    let (made, password) = branch(client, name, "main", seed).await;
    let position = made.origin.unwrap().position.unwrap();
    let last = prefix(&password).await;
    assert_eq!(transactions(&position), base + last, "{name}: {position:?}");
    let gone = client.delete_branch(ORG, "shop", name, false);
    gone.await.unwrap();
    last
}

pub(crate) async fn wait_for(client: &Client, backup: &Backup) -> Backup {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = client.show_backup(MAIN, &backup.id).await.unwrap();
        if shown.state.ended() {
            assert_eq!(shown.state.as_str(), "success", "{shown:?}");
            return shown;
        }
        assert!(Instant::now() < until, "{shown:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Makes the table that a writer writes to. Returns how many transactions the branch has then.
pub(crate) async fn begin(client: &Client, main: &mut Conn) -> u64 {
    for sql in [
        "CREATE TABLE chain (n BIGINT PRIMARY KEY, h CHAR(64) NOT NULL)",
        "INSERT INTO chain VALUES (0, SHA2('', 256))",
    ] {
        main.query_drop(sql).await.unwrap();
    }
    let (begin, _) = branch(client, "begin", "main", live).await;
    let base = transactions(&begin.origin.unwrap().position.unwrap());
    let gone = client.delete_branch(ORG, "shop", "begin", false);
    gone.await.unwrap();
    base
}

async fn copies_are_prefixes(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    let password = database(client).await;
    let mut main = connect(&password).await.unwrap();
    let base = begin(client, &mut main).await;

    let writer = Writer::start(main);
    let mut backups = Vec::new();
    for n in 0..LIVE_BRANCHES {
        if n % (LIVE_BRANCHES / BACKUPS) == 0 {
            let body = CreateBackup::default();
            let before = writer.written();
            backups.push((
                before,
                client.create_backup(MAIN, &body, None).await.unwrap(),
            ));
        }
        let before = writer.written();
        let last = check(client, &format!("live{n}"), base, live).await;
        assert!(
            before <= last && last <= writer.written() + 1,
            "{before} {last}"
        );
    }
    for (before, backup) in &backups {
        let backup = wait_for(client, backup).await;
        let seed = |body: &mut CreateBranch| body.backup_id = Some(backup.id.clone());
        let last = check(client, "restored", base, seed).await;
        assert!(*before <= last, "{before} {last}");
        assert_eq!(
            backup.examined.unwrap().rows,
            i64::try_from(last + 1).unwrap()
        );
    }
    let written = writer.end().await;
    assert!(written > 100, "{written}");
    assert_eq!(prefix(&password).await, written);
    nothing_half_made(&home, &pool, 2 + BACKUPS).await;
    assert!(server.stop().success());
    let log = home.log();
    assert!(!log.contains("step failed"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_under_a_writer_are_prefixes_of_mysql_on_btrfs() {
    copies_are_prefixes(EngineKind::Mysql, TestPool::btrfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_under_a_writer_are_prefixes_of_mysql_on_xfs() {
    copies_are_prefixes(EngineKind::Mysql, TestPool::xfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_under_a_writer_are_prefixes_of_mariadb_on_btrfs() {
    copies_are_prefixes(EngineKind::Mariadb, TestPool::btrfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_under_a_writer_are_prefixes_of_mariadb_on_xfs() {
    copies_are_prefixes(EngineKind::Mariadb, TestPool::xfs(2 * MIB)).await;
}
