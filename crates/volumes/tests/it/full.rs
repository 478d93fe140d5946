//! Full disks: a sentence with the code for it, and nothing left.

use crate::{data, noise, open, snapshot, volume};
use offshoot_core::port::Volumes;
use offshoot_core::refusal::code;
use offshoot_core::volume::Stored;
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::Pool;
use std::io::Write;
use std::path::Path;

/// Writes until nothing more fits.
fn fill_up(file: &Path) {
    let mut file = std::fs::File::create(file).unwrap();
    for chunk in [noise(1 << 20), noise(4 << 10)] {
        while file
            .write_all(&chunk)
            .and_then(|()| file.sync_data())
            .is_ok()
        {}
    }
}

async fn full_pool_refuses(pool: Pool, place: &TestPool) {
    pool.create(volume("parent")).await.unwrap();
    let shop = data(&pool, volume("parent"));
    for number in 0..400 {
        std::fs::write(shop.join(format!("{number}.ibd")), noise(20_000)).unwrap();
    }
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    fill_up(&place.dir.join("ballast"));
    let mut error = None;
    // A copy by reference takes some metadata only: it may go well a few times.
    for number in 0..4000 {
        let id = volume(&format!("f{number}"));
        if let Err(refused) = pool.fork(snapshot("s"), id).await {
            error = Some(refused);
            assert!(pool.locate(id).is_err());
            assert!(!pool.list().await.unwrap().contains(&Stored::Volume(id)));
            break;
        }
    }
    let error = error.expect("the pool is full at some time");
    assert_eq!(error.refusal.code, code::DISK_FULL, "{error:?}");
    assert!(!error.retry && error.refusal.hint.is_some());
    assert_eq!(
        std::fs::read_dir(place.dir.join("making")).unwrap().count(),
        0
    );

    std::fs::remove_file(place.dir.join("ballast")).unwrap();
    for stored in pool.list().await.unwrap() {
        if stored != Stored::Snapshot(snapshot("s")) {
            pool.remove(stored).await.unwrap();
        }
    }
    pool.fork(snapshot("s"), volume("after")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_xfs_pool() {
    let Some(place) = TestPool::xfs(300) else {
        return;
    };
    full_pool_refuses(open(&place), &place).await;
}

/// A tmpfs is a small disk that can only copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_copying_pool() {
    let Some(place) = TestPool::copy() else {
        return;
    };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", &place.dir, "tmpfs", flags, c"size=40m,mode=711").unwrap();
    let place = Unmount(place);
    full_pool_refuses(open(&place.0), &place.0).await;
}

/// Unmounts before the pool's directory is removed.
struct Unmount(TestPool);

impl Drop for Unmount {
    fn drop(&mut self) {
        let flags = rustix::mount::UnmountFlags::DETACH;
        let _ = rustix::mount::unmount(&self.0.dir, flags);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_btrfs_pool() {
    let Some(place) = TestPool::btrfs(300) else {
        return;
    };
    let pool = open(&place);
    pool.create(volume("parent")).await.unwrap();
    fill_up(&data(&pool, volume("parent")).join("ibdata1"));
    // Snapshots need metadata only, of which btrfs holds some back: they may well go on.
    let forked = pool.snapshot(volume("parent"), snapshot("s")).await;
    if let Err(error) = forked {
        assert_eq!(error.refusal.code, code::DISK_FULL, "{error:?}");
    }
    // And what is full can be made empty.
    for stored in pool.list().await.unwrap() {
        pool.remove(stored).await.unwrap();
    }
    assert_eq!(
        std::fs::read_dir(place.dir.join("making")).unwrap().count(),
        0
    );
}
