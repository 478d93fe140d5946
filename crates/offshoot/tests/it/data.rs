//! Branches with data, on every sort of pool: as their parent is at this moment, one of another, and reset.

use crate::fixture::{Home, ORG, PATIENCE, connect, put_to_sleep};
use crate::story::database;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    Branch, CreateBranch, CreateBranchPassword, Password, ResetBranch, UpdateDatabase,
};
use offshoot_client::{Client, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::pool::TestPool;
use std::time::{Duration, Instant};

/// Room for a production branch, copies of it, and what their engines write.
pub(crate) const MIB: u64 = 1500;
const READY: Wait = Wait(PATIENCE);

/// A server on a pool, which lets engines stand still for as long as a busy test machine takes.
pub(crate) fn home(kind: EngineKind, pool: &TestPool) -> Option<Home> {
    let mut home = Home::new(kind)?;
    home.config = format!(
        "[pool]\ndir = \"{}\"\n[instances]\nwarm_instances = 0\n[backups]\npause_limit = \"10s\"\n",
        pool.dir.display()
    );
    Some(home)
}

/// How a running engine is copied there.
fn method(pool: &TestPool) -> &'static str {
    match pool.driver.copy_on_write() {
        true => "frozen",
        false => "hot_copy",
    }
}

/// A branch of `parent`, as `seed` says, with a credential.
pub(crate) async fn branch(
    client: &Client,
    name: &str,
    parent: &str,
    seed: impl FnOnce(&mut CreateBranch),
) -> (Branch, Password) {
    let mut body = CreateBranch {
        name: Some(name.to_owned()),
        parent_branch: Some(parent.to_owned()),
        password: Some(CreateBranchPassword {
            name: Some("it".to_owned()),
            role: None,
            ttl: None,
        }),
        ..CreateBranch::default()
    };
    seed(&mut body);
    let made = client.create_branch(ORG, "shop", &body, Some(READY)).await;
    let mut made = made.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert!(made.ready, "{made:?}");
    let password = made.password.take().expect("the credential asked for");
    (made, password)
}

pub(crate) fn live(body: &mut CreateBranch) {
    body.seed = Some("live".to_owned());
}

/// What is in `t`, in order.
pub(crate) async fn values(session: &mut Conn) -> String {
    let all: Vec<String> = session.query("SELECT v FROM t ORDER BY id").await.unwrap();
    all.join(" ")
}

pub(crate) async fn add(session: &mut Conn, value: &str) {
    let sql = format!("INSERT INTO t (v) VALUES ('{value}')");
    session.query_drop(sql).await.unwrap();
}

/// By which means the branch's parent was copied, and whether anything is known of its history then.
fn copied(branch: &Branch) -> (String, bool) {
    let origin = branch.origin.clone().expect("it has data");
    let told = origin.position.is_some_and(|p| !p.gtid_set.is_empty());
    (origin.copied.expect("its parent was copied").method, told)
}

async fn life(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(home) = home(kind, &pool) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    let mut main = connect(&database(client).await).await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))";
    main.query_drop(sql).await.unwrap();
    add(&mut main, "a").await;
    add(&mut main, "b").await;

    // As the parent is: with its rows, and nothing of what either writes afterwards.
    let (now, password) = branch(client, "now", "main", live).await;
    assert_eq!(copied(&now), (method(&pool).to_owned(), true), "{now:?}");
    let mut session = connect(&password).await.unwrap();
    assert_eq!(values(&mut session).await, "a b");
    add(&mut session, "now").await;
    add(&mut main, "c").await;
    assert_eq!(values(&mut session).await, "a b now");
    assert_eq!(values(&mut main).await, "a b c");

    // A branch of the branch, and one of that, which sleeps and is not woken.
    let (child, credential) = branch(client, "child", "now", live).await;
    assert_eq!(copied(&child).0, method(&pool));
    let mut below = connect(&credential).await.unwrap();
    add(&mut below, "child").await;
    below.disconnect().await.unwrap();
    put_to_sleep(client, "child").await;
    let (grandchild, credential) = branch(client, "grandchild", "child", live).await;
    assert_eq!(copied(&grandchild).0, "asleep");
    let child = client.show_branch(ORG, "shop", "child").await.unwrap();
    assert_eq!(child.state.as_str(), "sleeping");
    let mut below = connect(&credential).await.unwrap();
    assert_eq!(values(&mut below).await, "a b now child");
    below.disconnect().await.unwrap();

    // Reset keeps id and credentials.
    let body = ResetBranch {
        seed: Some("live".to_owned()),
        backup_id: None,
    };
    let reset = client.reset_branch(ORG, "shop", "now", &body, Some(READY));
    let reset = reset.await.unwrap();
    assert_eq!((&reset.id, reset.ready), (&now.id, true));
    assert_eq!(copied(&reset).0, method(&pool));
    let mut session = connect(&password).await.unwrap();
    assert_eq!(values(&mut session).await, "a b c");
    add(&mut session, "again").await;
    session.disconnect().await.unwrap();

    // The engine may end in any way: it comes back with what was committed.
    assert!(server.stop().success());
    let server = home.serve().await;
    let client = &server.client;
    let mut session = connect(&password).await.unwrap();
    assert_eq!(values(&mut session).await, "a b c again");
    session.disconnect().await.unwrap();

    let body = UpdateDatabase {
        allow_data_branching: Some(false),
        ..UpdateDatabase::default()
    };
    client.update_database(ORG, "shop", &body).await.unwrap();
    let mut body = CreateBranch {
        name: Some("refused".to_owned()),
        ..CreateBranch::default()
    };
    live(&mut body);
    let error = client.create_branch(ORG, "shop", &body, None).await;
    let refused = error.unwrap_err();
    let refused = refused.refused().unwrap();
    assert_eq!(refused.error_code.as_deref(), Some("OFS-1111"));

    client
        .delete_branch(ORG, "shop", "now", true)
        .await
        .unwrap();
    only_main_is_left(&home, &pool).await;
    assert!(server.stop().success());
    let log = home.log();
    assert!(
        !log.contains("step failed"),
        "everything went well at once: {log}"
    );
}

/// Waits until nothing but the main branch, an engine's image, a template, and volumes that were made
/// ahead is there, and nothing half-made.
pub(crate) async fn only_main_is_left(home: &Home, pool: &TestPool) {
    nothing_half_made(home, pool, 2).await;
}

/// The same, with so many snapshots: backups are some.
pub(crate) async fn nothing_half_made(home: &Home, pool: &TestPool, snapshots: usize) {
    const SPARES: usize = 2;
    let count = |name: &str| std::fs::read_dir(pool.dir.join(name)).unwrap().count();
    let half_copies = || {
        let volumes = std::fs::read_dir(pool.dir.join("volumes")).unwrap();
        let left = |volume: &std::fs::DirEntry| volume.path().join("tmp/copy").exists();
        volumes.flatten().filter(left).count()
    };
    let until = Instant::now() + PATIENCE;
    loop {
        let found = [
            count("volumes").saturating_sub(1 + SPARES),
            count("snapshots").saturating_sub(snapshots),
            count("making"),
            half_copies(),
            // The main branch's engine.
            home.processes().len().saturating_sub(1),
        ];
        if found == [0; 5] {
            return;
        }
        assert!(Instant::now() < until, "{found:?} are left: {}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_with_data_of_mysql_on_btrfs() {
    life(EngineKind::Mysql, TestPool::btrfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_with_data_of_mariadb_on_xfs() {
    life(EngineKind::Mariadb, TestPool::xfs(MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_with_data_of_mysql_by_hot_copies() {
    life(EngineKind::Mysql, TestPool::copy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_with_data_of_mariadb_by_hot_copies() {
    life(EngineKind::Mariadb, TestPool::copy()).await;
}
