//! Restore drills with real engines: of a backup that is whole, of one whose files were damaged on the
//! disk, and with Offshoot killed at any time.

use crate::data::{MIB, branch, home, nothing_half_made, values};
use crate::fixture::{Home, ORG, PATIENCE, connect, listing, text};
use crate::pooled::metric;
use crate::story::database;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{Backup, CreateBackup, CreateBranch, Drill, DrillState};
use offshoot_client::{BackupsOf, Client, Wait, WhichDrills};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MAIN: BackupsOf<'static> = BackupsOf {
    org: ORG,
    database: "shop",
    branch: "main",
};
const RESULTS: &str = "offshoot_backup_drills_total";

async fn back_up(client: &Client) -> Backup {
    let body = CreateBackup::default();
    let made = client.create_backup(MAIN, &body, Some(Wait(PATIENCE)));
    let made = made.await.unwrap();
    assert!(made.verified && !made.damaged, "{made:?}");
    made
}

async fn drill(client: &Client, backup: &Backup) -> Drill {
    let made = client.create_drill(MAIN, &backup.id, Some(Wait(PATIENCE)));
    let made = made.await.unwrap();
    assert!(made.state.ended(), "{made:?}");
    made
}

async fn drills(client: &Client) -> Vec<Drill> {
    let page = offshoot_client::PageOf::default();
    let all = client.list_drills(ORG, "shop", WhichDrills::default(), page);
    all.await.unwrap().data
}

/// Rows of several pages.
async fn fill(session: &mut Conn) {
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200))";
    session.query_drop(sql).await.unwrap();
    let rows = vec!["(REPEAT('x', 200))"; 500].join(", ");
    for _ in 0..8 {
        let sql = format!("INSERT INTO t (v) VALUES {rows}");
        session.query_drop(sql).await.unwrap();
    }
}

const PAGE: u64 = 16 << 10;

/// The file of table `t`, where it has rows: in templates it has none.
fn filled(snapshot: &Path) -> Option<PathBuf> {
    let mut files = listing(snapshot).into_iter();
    let file = files.find(|path| path.ends_with("shop/t.ibd"))?;
    (file.metadata().ok()?.len() / PAGE > 8).then_some(file)
}

/// Those of backups: others come and go as branches are prepared for.
fn snapshots(pool: &TestPool) -> BTreeSet<PathBuf> {
    let all = std::fs::read_dir(pool.dir.join("snapshots")).unwrap();
    let all = all.flatten().map(|entry| entry.path());
    all.filter(|snapshot| filled(snapshot).is_some()).collect()
}

/// Writes over the middle of every page but the first ones of table `t`.
fn damage(snapshot: &Path) {
    let file = filled(snapshot).unwrap();
    let file = std::fs::File::options().write(true).open(file).unwrap();
    let pages = file.metadata().unwrap().len() / PAGE;
    for page in 4..pages {
        file.write_all_at(&[0x5a; 512], page * PAGE + PAGE / 2)
            .unwrap();
    }
    file.sync_all().unwrap();
}

async fn life(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    let mut main = connect(&database(client).await).await.unwrap();
    fill(&mut main).await;
    let first = back_up(client).await;
    let before = snapshots(&pool);
    let expected = first.examined.clone().unwrap();
    assert_eq!((expected.tables, expected.rows), (1, 4_000));

    // What the branch does afterwards is no matter.
    main.query_drop("DELETE FROM t WHERE id > 3000")
        .await
        .unwrap();
    let done = drill(client, &first).await;
    assert_eq!(done.state, DrillState::Success, "{done:?}: {}", home.log());
    assert_eq!(done.found.as_ref(), Some(&expected));
    assert!(done.restore_ms.is_some_and(|ms| ms > 0) && done.differences.is_empty());
    let shown = client.show_backup(MAIN, &first.id).await.unwrap();
    assert_eq!(shown.last_drill.unwrap().id, done.id);
    let shown = client.show_branch(ORG, "shop", "main").await.unwrap();
    assert_eq!(shown.last_drill.unwrap().state, DrillState::Success);
    assert_eq!(
        metric(&home, &format!("{RESULTS}{{result=\"success\"}}")),
        1
    );
    let last = "offshoot_backup_drill_last_success_timestamp_seconds";
    assert!(metric(&home, last) > 1_700_000_000);
    assert_eq!(metric(&home, "offshoot_backups_damaged"), 0);

    // The second backup's file is damaged on the disk, and nothing else.
    let second = back_up(client).await;
    let new: Vec<PathBuf> = snapshots(&pool).difference(&before).cloned().collect();
    assert_eq!(new.len(), 1, "{new:?}");
    damage(&new[0]);
    let output = home.offshoot(&["backup", "drill", "shop", "main", &second.id, "--wait"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("failed") && said.contains("shop.t"), "{said}");
    let all = drills(client).await;
    assert_eq!(
        all.iter().map(|d| d.state).collect::<Vec<_>>(),
        [DrillState::Failed, DrillState::Success],
        "{all:?}"
    );
    let shown = client.show_backup(MAIN, &second.id).await.unwrap();
    assert!(shown.damaged, "{shown:?}");
    let failure = shown.last_drill.unwrap().failure.unwrap();
    assert!(failure.contains("shop.t"), "{failure}");
    assert_eq!(metric(&home, &format!("{RESULTS}{{result=\"failed\"}}")), 1);
    assert_eq!(metric(&home, "offshoot_backups_damaged"), 1);
    assert!(home.log().contains("failed its restore drill"));
    let actions = ["drill.failed".to_owned()];
    let log = client.list_audit_log(ORG, &actions, None, None).await;
    assert_eq!(log.unwrap().data.len(), 1);

    // The latest good backup is the older one.
    let seed = |body: &mut CreateBranch| body.seed_data = Some("last_successful_backup".into());
    let (made, password) = branch(client, "rescued", "main", seed).await;
    assert_eq!(made.origin.unwrap().backup_id, Some(first.id.clone()));
    let mut session = connect(&password).await.unwrap();
    assert_eq!(values(&mut session).await.split(' ').count(), 4_000);
    session.disconnect().await.unwrap();
    let gone = client.delete_branch(ORG, "shop", "rescued", false);
    gone.await.unwrap();
    client.delete_backup(MAIN, &second.id, false).await.unwrap();
    assert_eq!(drills(client).await.len(), 2, "results outlive the backup");
    main.disconnect().await.unwrap();
    nothing_half_made(&home, &pool, 3).await;
    assert!(server.stop().success());
}

/// When Offshoot is killed, in milliseconds after a drill was begun.
const MOMENTS: [u64; 5] = [0, 20, 200, 600, 1_500];

async fn killed(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let mut server = home.serve().await;
    let mut main = connect(&database(&server.client).await).await.unwrap();
    fill(&mut main).await;
    main.disconnect().await.unwrap();
    let backup = back_up(&server.client).await;
    for moment in MOMENTS {
        let made = server.client.create_drill(MAIN, &backup.id, None);
        let made = made.await.unwrap();
        tokio::time::sleep(Duration::from_millis(moment)).await;
        server.kill();
        server = home.serve().await;
        let ended = over(&home, &server.client, &made).await;
        assert_eq!(ended.state, DrillState::Success, "{moment} ms: {ended:?}");
    }
    nothing_half_made(&home, &pool, 3).await;
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

async fn over(home: &Home, client: &Client, drill: &Drill) -> Drill {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = client.show_drill(ORG, "shop", &drill.id).await.unwrap();
        if shown.state.ended() {
            return shown;
        }
        assert!(Instant::now() < until, "{shown:?}: {}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_drills_of_mysql_on_xfs() {
    life(EngineKind::Mysql, TestPool::xfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_drills_of_mariadb_on_btrfs() {
    life(EngineKind::Mariadb, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_drills_of_mariadb_by_full_copies() {
    life(EngineKind::Mariadb, TestPool::copy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_drills_are_finished_after_a_kill() {
    killed(EngineKind::Mariadb, TestPool::btrfs(MIB)).await;
}
