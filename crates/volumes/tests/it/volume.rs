//! What the port promises, for every driver.

use crate::{content, data, fill, noise, open, snapshot, volume, with_each_driver};
use offshoot_core::port::Volumes;
use offshoot_core::refusal::Kind;
use offshoot_core::volume::{Driver, Stored};
use offshoot_testkit::pool::TestPool;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;

with_each_driver!(
    forks_are_equal_and_independent,
    every_call_may_be_repeated,
    what_is_missing_is_not_found,
    unique_bytes_follow_what_is_written_and_removed,
    a_fork_of_many_files_is_complete,
    the_pool_shows_itself,
    a_forks_fork_and_forks_at_once,
);

async fn forks_are_equal_and_independent(place: TestPool) {
    let pool = open(&place);
    assert_eq!(pool.driver(), place.driver);
    let (parent, one, two) = (volume("parent"), volume("one"), volume("two"));
    fill(&pool, parent).await;
    let before = content(&data(&pool, parent));
    pool.snapshot(parent, snapshot("s")).await.unwrap();
    std::fs::write(data(&pool, parent).join("ibdata1"), "the parent goes on").unwrap();
    pool.fork(snapshot("s"), one).await.unwrap();
    pool.fork(snapshot("s"), two).await.unwrap();
    assert!(content(&data(&pool, one)) == before);

    let file = std::fs::File::options()
        .write(true)
        .open(data(&pool, one).join("ibdata1"))
        .unwrap();
    file.write_all_at(b"mine", 1 << 20).unwrap();
    std::fs::remove_file(data(&pool, one).join("shop/t3.ibd")).unwrap();
    assert!(content(&data(&pool, two)) == before);
    pool.remove(Stored::Volume(parent)).await.unwrap();
    pool.remove(Stored::Snapshot(snapshot("s"))).await.unwrap();
    assert!(content(&data(&pool, two)) == before);

    let sparse = std::fs::metadata(data(&pool, two).join("sparse")).unwrap();
    assert_eq!(sparse.len(), 64 << 20);
    assert!(sparse.blocks() * 512 < 1 << 20, "holes stay holes");
}

async fn every_call_may_be_repeated(place: TestPool) {
    let pool = open(&place);
    fill(&pool, volume("parent")).await;
    let before = content(&data(&pool, volume("parent")));
    pool.create(volume("parent")).await.unwrap();
    assert!(content(&data(&pool, volume("parent"))) == before);
    let owner = pool.locate(volume("parent")).unwrap();

    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    std::fs::write(data(&pool, volume("parent")).join("later"), "x").unwrap();
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    assert!(content(&data(&pool, volume("fork"))) == before);
    std::fs::write(data(&pool, volume("fork")).join("mine"), "x").unwrap();
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    assert!(data(&pool, volume("fork")).join("mine").exists());
    assert_eq!(pool.locate(volume("parent")).unwrap(), owner);

    for stored in pool.list().await.unwrap() {
        pool.remove(stored).await.unwrap();
        pool.remove(stored).await.unwrap();
    }
    assert_eq!(pool.list().await.unwrap(), []);
}

async fn what_is_missing_is_not_found(place: TestPool) {
    let pool = open(&place);
    let (nothing, none) = (volume("nothing"), snapshot("none"));
    let errors = [
        pool.snapshot(nothing, snapshot("s")).await.unwrap_err(),
        pool.fork(none, volume("v")).await.unwrap_err(),
        pool.usage(nothing).await.unwrap_err(),
        pool.locate(nothing).unwrap_err(),
        pool.predict_pause(nothing)
            .await
            .map(drop)
            .err()
            .unwrap_or_else(|| {
                panic!("a pause of nothing was predicted");
            }),
    ];
    for error in errors {
        assert_eq!(error.refusal.kind, Kind::NotFound, "{error:?}");
        assert!(!error.retry);
        assert!(!error.refusal.public.contains('/'), "no paths: {error}");
    }
    assert_eq!(pool.list().await.unwrap(), []);
}

async fn unique_bytes_follow_what_is_written_and_removed(place: TestPool) {
    let pool = open(&place);
    let (parent, fork) = (volume("parent"), volume("fork"));
    fill(&pool, parent).await;
    settle(&pool, parent);
    let alone = pool.usage(parent).await.unwrap();
    assert!(alone.allocated > 4 << 20, "{alone:?}");
    assert!(alone.unique >= alone.allocated * 9 / 10, "{alone:?}");
    pool.snapshot(parent, snapshot("s")).await.unwrap();
    pool.fork(snapshot("s"), fork).await.unwrap();
    let fresh = pool.usage(fork).await.unwrap();
    if place.driver == Driver::Copy {
        assert_eq!(fresh.unique, fresh.allocated);
        return;
    }
    assert!(fresh.allocated > 4 << 20, "{fresh:?}");
    assert!(fresh.unique < 1 << 20, "{fresh:?}");

    let file = std::fs::File::options()
        .write(true)
        .open(data(&pool, fork).join("ibdata1"))
        .unwrap();
    file.write_all_at(&noise(2 << 20), 0).unwrap();
    file.sync_all().unwrap();
    drop(file);
    let written = pool.usage(fork).await.unwrap();
    assert!(written.unique >= fresh.unique + (2 << 20), "{written:?}");
    assert!(written.unique < fresh.unique + (3 << 20), "{written:?}");

    pool.remove(Stored::Snapshot(snapshot("s"))).await.unwrap();
    pool.remove(Stored::Volume(fork)).await.unwrap();
    if place.driver == Driver::Btrfs {
        // Its cleaner begins within half a minute: too long for a test.
        return;
    }
    // XFS frees what was removed in its own time, which is soon.
    let mut again = pool.usage(parent).await.unwrap();
    for _ in 0..400 {
        if again.unique == alone.unique {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        again = pool.usage(parent).await.unwrap();
    }
    assert_eq!(again.unique, alone.unique);
}

/// Lets the filesystem write what it holds back, so that its extents are final.
fn settle(pool: &offshoot_volumes::Pool, id: offshoot_core::id::VolumeId) {
    let dir = std::fs::File::open(data(pool, id)).unwrap();
    rustix::fs::syncfs(dir).unwrap();
}

async fn a_fork_of_many_files_is_complete(place: TestPool) {
    let pool = open(&place);
    pool.create(volume("parent")).await.unwrap();
    let shop = data(&pool, volume("parent")).join("shop");
    std::fs::create_dir(&shop).unwrap();
    for number in 0..1200 {
        std::fs::write(shop.join(format!("{number}.frm")), number.to_string()).unwrap();
    }
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    let equal = content(&data(&pool, volume("fork"))) == content(&data(&pool, volume("parent")));
    assert!(equal);
    let pause = pool.predict_pause(volume("fork")).await.unwrap();
    if place.driver == Driver::Copy {
        assert!(pause.is_none(), "a running engine is not copied in full");
    } else {
        assert_eq!(pause.unwrap().files, 1200);
    }
}

async fn the_pool_shows_itself(place: TestPool) {
    let pool = open(&place);
    fill(&pool, volume("parent")).await;
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!(status.driver, place.driver);
    assert!(status.used > 0 && status.free > 0 && status.size > status.free);
    assert_eq!(status.advice.is_some(), place.driver == Driver::Copy);
    let report = pool.report().await.unwrap();
    let seen = offshoot_volumes::Pool::inspect(&place.dir).unwrap();
    for report in [report, seen] {
        assert_eq!((report.snapshots, report.volumes.len()), (1, 1));
        assert_eq!(report.driver, place.driver);
        assert_eq!(report.image.is_some(), report.copy_on_write);
    }
}

async fn a_forks_fork_and_forks_at_once(place: TestPool) {
    let pool = std::sync::Arc::new(open(&place));
    fill(&pool, volume("parent")).await;
    let before = content(&data(&pool, volume("parent")));
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    let forks = (0..12).map(|number| {
        let pool = std::sync::Arc::clone(&pool);
        // Each volume is asked for twice at the same time.
        let id = volume(&format!("fork{}", number / 2));
        tokio::spawn(async move { pool.fork(snapshot("s"), id).await })
    });
    for fork in forks.collect::<Vec<_>>() {
        fork.await.unwrap().unwrap();
    }
    pool.snapshot(volume("fork0"), snapshot("t")).await.unwrap();
    pool.fork(snapshot("t"), volume("grandchild"))
        .await
        .unwrap();
    let mut owners = std::collections::BTreeSet::new();
    for stored in pool.list().await.unwrap() {
        if let Stored::Volume(id) = stored {
            assert!(content(&data(&pool, id)) == before);
            owners.insert(pool.locate(id).unwrap().owner);
        }
    }
    let distinct = if rustix::process::geteuid().is_root() {
        8
    } else {
        1
    };
    assert_eq!(owners.len(), distinct, "{owners:?}");
}
