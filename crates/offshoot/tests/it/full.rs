//! A pool that is about to be full: what would take its last room is refused or fails with the reason,
//! and everything else goes on.

use crate::data::{MIB, add, branch, home, live, nothing_half_made, values};
use crate::fixture::{ORG, PATIENCE, connect};
use crate::story::database;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{CreateBackup, CreateBranch};
use offshoot_client::{BackupsOf, Client, Error, Wait};
use offshoot_core::engine::EngineKind;
use offshoot_core::volume::Driver;
use offshoot_testkit::pool::TestPool;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::time::{Duration, Instant};

const MAIN: BackupsOf<'static> = BackupsOf {
    org: ORG,
    database: "shop",
    branch: "main",
};
/// What has to stay free in the pool, in MiB.
const RESERVE: u64 = 200;
const READY: Wait = Wait(PATIENCE);

fn free(pool: &TestPool) -> u64 {
    let seen = rustix::fs::statvfs(&pool.dir).unwrap();
    (seen.f_bavail * seen.f_frsize) >> 20
}

/// Makes the pool so full that about `mib` MiB are free.
fn leave(pool: &TestPool, mib: u64) {
    let path = pool.dir.join("ballast");
    let mut options = std::fs::File::options();
    let file = options.create(true).append(true).open(path).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut end = file.metadata().unwrap().len();
    while free(pool) > mib {
        // Allocated, not written: written files hold room beyond their end until they are closed. A little at
        // a time: btrfs sets room aside for what is not written yet, and may refuse meanwhile.
        let more = (free(pool) - mib).clamp(1, 16) << 20;
        match fallocate(&file, FallocateFlags::empty(), end, more) {
            Ok(()) => end += more,
            Err(error) => assert_eq!(error, Errno::NOSPC, "{error}"),
        }
        file.sync_all().unwrap();
        assert!(Instant::now() < until, "{} MiB are free", free(pool));
    }
}

/// Waits until what was thrown away is freed.
async fn make_room(pool: &TestPool) {
    let path = pool.dir.join("ballast");
    // What a removed file had is freed later, what is cut off at once.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    file.sync_all().unwrap();
    std::fs::remove_file(path).unwrap();
    let until = Instant::now() + PATIENCE;
    while free(pool) < 2 * RESERVE {
        assert!(Instant::now() < until, "{} MiB are free", free(pool));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_full<T: std::fmt::Debug>(answer: Result<T, Error>) {
    let error = answer.unwrap_err();
    let refused = error.refused().unwrap_or_else(|| panic!("{error:?}"));
    let code = refused.error_code.as_deref();
    assert_eq!(code, Some("OFS-1202"), "{error:?}");
}

fn asked(name: &str) -> CreateBranch {
    let mut body = CreateBranch {
        name: Some(name.to_owned()),
        ..CreateBranch::default()
    };
    live(&mut body);
    body
}

async fn gone(client: &Client, name: &str) {
    let until = Instant::now() + PATIENCE;
    while client.show_branch(ORG, "shop", name).await.is_ok() {
        assert!(Instant::now() < until, "{name} is there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// There is room beside the reserve, but not for a copy and its engine: what is begun fails, and says
/// why.
async fn no_room_for_a_copy(client: &Client, pool: &TestPool) {
    leave(pool, RESERVE + 15);
    let body = CreateBackup::default();
    let made = client.create_backup(MAIN, &body, Some(READY)).await;
    let made = made.unwrap();
    assert_eq!(made.state.as_str(), "failed", "{made:?}");
    let failure = made.failure.unwrap();
    assert!(failure.contains("no room for a copy"), "{failure}");
    let late = asked("late");
    let late = client.create_branch(ORG, "shop", &late, Some(READY));
    let error = late.await.unwrap_err();
    assert!(error.to_string().contains("no room for a copy"), "{error}");
    gone(client, "late").await;
    assert!(free(pool) >= RESERVE - 20, "{} MiB are free", free(pool));
}

async fn fills_up(kind: EngineKind, pool: Option<TestPool>) {
    let Some(pool) = pool else { return };
    let Some(mut home) = home(kind, &pool) else {
        return;
    };
    let reserve = format!("[pool]\nreserve = \"{RESERVE}M\"\n");
    home.config = home.config.replacen("[pool]\n", &reserve, 1);
    let server = home.serve().await;
    let client = &server.client;
    let mut main = connect(&database(client).await).await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))";
    main.query_drop(sql).await.unwrap();
    add(&mut main, "a").await;

    // The reserve is reached: nothing is begun.
    leave(&pool, RESERVE - 20);
    let body = CreateBackup::default();
    is_full(client.create_backup(MAIN, &body, None).await);
    is_full(
        client
            .create_branch(ORG, "shop", &asked("none"), None)
            .await,
    );
    add(&mut main, "b").await;

    // btrfs hands room out in large pieces, so that its last MiB cannot be told beforehand.
    if pool.driver == Driver::Xfs {
        make_room(&pool).await;
        no_room_for_a_copy(client, &pool).await;
    }
    add(&mut main, "c").await;
    assert_eq!(values(&mut main).await, "a b c");
    let main_branch = client.show_branch(ORG, "shop", "main").await.unwrap();
    assert!(main_branch.ready && main_branch.failure.is_none());

    // With room again, both are made.
    make_room(&pool).await;
    let made = client
        .create_backup(MAIN, &body, Some(READY))
        .await
        .unwrap();
    assert_eq!(made.state.as_str(), "success", "{made:?}");
    let (_, password) = branch(client, "now", "main", crate::data::live).await;
    let mut session = connect(&password).await.unwrap();
    assert_eq!(values(&mut session).await, "a b c");
    session.disconnect().await.unwrap();
    main.disconnect().await.unwrap();
    let deleted = client.delete_branch(ORG, "shop", "now", false);
    deleted.await.unwrap();
    nothing_half_made(&home, &pool, 3).await;
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_btrfs_pool_fails_what_would_fill_it_and_harms_nothing_else() {
    fills_up(EngineKind::Mysql, TestPool::btrfs(2 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_xfs_pool_fails_what_would_fill_it_and_harms_nothing_else() {
    fills_up(EngineKind::Mariadb, TestPool::xfs(MIB)).await;
}
