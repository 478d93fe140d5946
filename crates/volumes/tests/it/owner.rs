//! Identities of volumes.

use crate::{data, fill, open, snapshot, volume, with_each_driver};
use offshoot_core::id::VolumeId;
use offshoot_core::port::Volumes;
use offshoot_core::refusal::Kind;
use offshoot_core::volume::Stored;
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::{OwnerRange, Pool, PoolOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

with_each_driver!(
    files_belong_to_the_volumes_own_identity,
    identities_are_reused_lowest_first_also_after_a_restart,
    identities_run_out_with_a_sentence,
);

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn uid(pool: &Pool, id: VolumeId) -> u32 {
    pool.locate(id).unwrap().owner.unwrap().0
}

async fn files_belong_to_the_volumes_own_identity(place: TestPool) {
    if !is_root() {
        return;
    }
    let pool = open(&place);
    fill(&pool, volume("parent")).await;
    pool.snapshot(volume("parent"), snapshot("s"))
        .await
        .unwrap();
    pool.fork(snapshot("s"), volume("fork")).await.unwrap();
    assert_eq!(uid(&pool, volume("parent")), 700_000);
    assert_eq!(uid(&pool, volume("fork")), 700_001);

    let data = data(&pool, volume("fork"));
    let mut dirs = vec![data.clone()];
    while let Some(dir) = dirs.pop() {
        let meta = dir.metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid()), (700_001, 700_001), "{dir:?}");
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            assert_eq!((meta.uid(), meta.gid()), (700_001, 700_001), "{path:?}");
            if meta.is_dir() {
                dirs.push(path);
            }
        }
    }
    assert_eq!(data.metadata().unwrap().mode() & 0o7777, 0o700);
    let above = data.parent().unwrap().metadata().unwrap();
    assert_eq!(
        (above.uid(), above.gid(), above.mode() & 0o7777),
        (0, 700_001, 0o710)
    );

    assert!(readable(700_001, &data.join("ibdata1")));
    assert!(
        !readable(700_000, &data.join("ibdata1")),
        "another volume's engine"
    );
    assert!(!readable(700_000, &place.dir.join("snapshots")));
    assert!(!readable(700_000, &place.dir.join("making")));
    assert_eq!(
        Path::new("/etc/passwd").metadata().unwrap().uid(),
        0,
        "no link was followed"
    );
}

/// Whether a process of this identity can open the path.
fn readable(uid: u32, path: &Path) -> bool {
    use std::os::unix::process::CommandExt;
    std::process::Command::new("/usr/bin/test")
        .arg("-r")
        .arg(path)
        .uid(uid)
        .gid(uid)
        .status()
        .unwrap()
        .success()
}

async fn identities_are_reused_lowest_first_also_after_a_restart(place: TestPool) {
    if !is_root() {
        return;
    }
    let pool = open(&place);
    for id in ["a", "b", "c"] {
        pool.create(volume(id)).await.unwrap();
    }
    pool.remove(Stored::Volume(volume("b"))).await.unwrap();
    drop(pool);
    let pool = open(&place);
    pool.create(volume("d")).await.unwrap();
    pool.create(volume("e")).await.unwrap();
    let uids = ["a", "d", "c", "e"].map(|id| uid(&pool, volume(id)));
    assert_eq!(uids, [700_000, 700_001, 700_002, 700_003]);
}

async fn identities_run_out_with_a_sentence(place: TestPool) {
    if !is_root() {
        return;
    }
    let owners = OwnerRange {
        first: 710_000,
        last: 710_001,
    };
    let pool = Pool::open(&place.dir, PoolOptions { owners }).unwrap();
    pool.create(volume("a")).await.unwrap();
    pool.create(volume("b")).await.unwrap();
    let error = pool.create(volume("c")).await.unwrap_err();
    assert_eq!(error.refusal.kind, Kind::Exhausted);
    pool.remove(Stored::Volume(volume("a"))).await.unwrap();
    pool.create(volume("c")).await.unwrap();
    assert_eq!(uid(&pool, volume("c")), 710_000);
}
