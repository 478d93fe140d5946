//! What a killed server leaves in a pool.

use crate::{content, data, fill, open, snapshot, volume, with_each_driver};
use offshoot_core::port::Volumes;
use offshoot_core::volume::Stored;
use offshoot_testkit::pool::TestPool;

with_each_driver!(
    half_made_ones_are_listed_and_replaced,
    half_removed_ones_are_listed_and_removed,
    strange_names_do_no_harm,
    everything_is_there_after_a_restart,
);

/// The image as it is on the disk when a call returns is what a power cut leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    for place in [TestPool::btrfs(320), TestPool::xfs(300)]
        .into_iter()
        .flatten()
    {
        let pool = open(&place);
        fill(&pool, volume("parent")).await;
        let before = content(&data(&pool, volume("parent")));
        pool.snapshot(volume("parent"), snapshot("s"))
            .await
            .unwrap();
        pool.fork(snapshot("s"), volume("fork")).await.unwrap();
        let owner = pool.locate(volume("fork")).unwrap();
        pool.create(volume("empty")).await.unwrap();
        let (image, cut) = (place.base().join("pool.img"), place.base().join("cut.img"));
        std::fs::copy(&image, &cut).unwrap();

        drop(pool);
        rustix::mount::unmount(&place.dir, rustix::mount::UnmountFlags::empty()).unwrap();
        std::fs::rename(&cut, &image).unwrap();
        offshoot_volumes::image::ensure_mounted(&place.dir).unwrap();
        let pool = open(&place);
        assert_eq!(pool.locate(volume("fork")).unwrap(), owner);
        assert!(
            content(&data(&pool, volume("fork"))) == before,
            "{}",
            place.driver
        );
        pool.locate(volume("empty")).unwrap();
        pool.fork(snapshot("s"), volume("again")).await.unwrap();
        assert!(
            content(&data(&pool, volume("again"))) == before,
            "{}",
            place.driver
        );
    }
}

async fn half_made_ones_are_listed_and_replaced(place: TestPool) {
    let pool = open(&place);
    fill(&pool, volume("parent")).await;
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    let (half, other) = (volume("half"), snapshot("other"));
    for name in [format!("v-{half}"), format!("s-{other}")] {
        let dir = place.dir.join("making").join(name).join("data");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("garbage"), "x").unwrap();
    }
    let listed = pool.list().await.unwrap();
    assert!(listed.contains(&Stored::Volume(half)) && listed.contains(&Stored::Snapshot(other)));
    pool.locate(half).unwrap_err();
    pool.usage(half).await.unwrap_err();
    pool.fork(other, volume("v")).await.unwrap_err();

    pool.fork(snapshot("s"), half).await.unwrap();
    assert!(content(&data(&pool, half)) == content(&data(&pool, volume("parent"))));
    pool.remove(Stored::Snapshot(other)).await.unwrap();
    assert_eq!(
        std::fs::read_dir(place.dir.join("making")).unwrap().count(),
        0
    );
}

async fn half_removed_ones_are_listed_and_removed(place: TestPool) {
    let pool = open(&place);
    fill(&pool, volume("gone")).await;
    std::fs::rename(
        place.dir.join("volumes").join(volume("gone").as_str()),
        place.dir.join(format!("making/v-{}", volume("gone"))),
    )
    .unwrap();
    drop(pool);
    let pool = open(&place);
    assert_eq!(pool.list().await.unwrap(), [Stored::Volume(volume("gone"))]);
    pool.remove(Stored::Volume(volume("gone"))).await.unwrap();
    assert_eq!(pool.list().await.unwrap(), []);
    pool.create(volume("gone")).await.unwrap();
    assert!(content(&data(&pool, volume("gone"))).is_empty());
}

async fn strange_names_do_no_harm(place: TestPool) {
    let pool = open(&place);
    for name in [
        "volumes/lost+found",
        "making/x",
        "making/v-short",
        "snapshots/.tmp",
    ] {
        std::fs::create_dir(place.dir.join(name)).unwrap();
    }
    assert_eq!(pool.list().await.unwrap(), []);
    drop(pool);
    assert_eq!(open(&place).list().await.unwrap(), []);
}

async fn everything_is_there_after_a_restart(place: TestPool) {
    let pool = open(&place);
    fill(&pool, volume("parent")).await;
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    let (before, located) = (
        content(&data(&pool, volume("parent"))),
        pool.locate(volume("parent")).unwrap(),
    );
    drop(pool);
    let pool = open(&place);
    assert_eq!(pool.locate(volume("parent")).unwrap(), located);
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    assert!(content(&data(&pool, volume("fork"))) == before);
}
