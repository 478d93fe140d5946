//! What one driver does to its files.

use crate::{data, fill, noise, open, snapshot, volume};
use offshoot_core::port::Volumes;
use offshoot_testkit::pool::TestPool;
use rustix::fs::IFlags;
use std::fs::File;
use std::os::unix::fs::FileExt;

#[tokio::test]
async fn btrfs_writes_database_files_in_place() {
    let Some(place) = TestPool::btrfs(320) else {
        return;
    };
    let pool = open(&place);
    fill(&pool, volume("parent")).await;
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    let data = data(&pool, volume("fork"));
    std::fs::write(data.join("shop/new.ibd"), "x").unwrap();
    for name in ["ibdata1", "shop/t1.ibd", "shop/new.ibd", "shop", "."] {
        let flags = rustix::fs::ioctl_getflags(File::open(data.join(name)).unwrap()).unwrap();
        assert!(flags.contains(IFlags::NOCOW), "{name}: {flags:?}");
    }
}

#[tokio::test]
async fn xfs_copies_no_more_than_the_pages_that_change() {
    let Some(place) = TestPool::xfs(300) else {
        return;
    };
    let pool = open(&place);
    pool.create(volume("parent")).await.unwrap();
    let page = 16 << 10;
    std::fs::write(data(&pool, volume("parent")).join("big"), noise(16 << 20)).unwrap();
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    pool.snapshot(volume("fork"), snapshot("t")).await.unwrap();
    pool.fork(snapshot("t"), volume("grandchild"))
        .await
        .unwrap();
    for id in ["fork", "grandchild"] {
        let file = File::options()
            .write(true)
            .open(data(&pool, volume(id)).join("big"))
            .unwrap();
        for number in 0..64_u64 {
            file.write_all_at(&noise(page), number * (256 << 10))
                .unwrap();
        }
        file.sync_all().unwrap();
        let unique = pool.usage(volume(id)).await.unwrap().unique;
        assert_eq!(unique, 64 * page as u64, "{id}");
    }
}

#[tokio::test]
async fn an_empty_volume_can_be_forked() {
    for place in TestPool::each() {
        let pool = open(&place);
        pool.create(volume("parent")).await.unwrap();
        pool.snapshot(volume("parent"), snapshot("s"))
            .await
            .unwrap();
        pool.fork(snapshot("s"), volume("fork")).await.unwrap();
        let path = pool.locate(volume("fork")).unwrap().path;
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    }
}

/// What an engine left beside its data is not the data's.
#[tokio::test]
async fn a_fork_holds_the_data_only() {
    for place in TestPool::each() {
        let pool = open(&place);
        fill(&pool, volume("parent")).await;
        let parent = pool.locate(volume("parent")).unwrap().path;
        std::fs::create_dir(parent.join("tmp")).unwrap();
        std::fs::write(parent.join("tmp/rest"), "x").unwrap();
        std::fs::write(parent.join("note"), "x").unwrap();
        pool.snapshot(volume("parent"), snapshot("s"))
            .await
            .unwrap();
        pool.fork(snapshot("s"), volume("fork")).await.unwrap();
        let path = pool.locate(volume("fork")).unwrap().path;
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 1);
    }
}
