//! Opening pools: what is refused, and with which words.

use crate::{fill, open, volume};
use offshoot_core::port::Volumes;
use offshoot_core::volume::Driver;
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::{Pool, PoolError, PoolOptions, image};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn refused(dir: &Path) -> PoolError {
    Pool::open(dir, PoolOptions::default()).unwrap_err()
}

#[tokio::test]
async fn a_pool_is_open_once() {
    let Some(place) = TestPool::copy() else {
        return;
    };
    let pool = open(&place);
    let error = refused(&place.dir);
    assert!(matches!(error, PoolError::Locked(_)), "{error}");
    Pool::inspect(&place.dir).unwrap();
    drop(pool);
    open(&place);
}

#[tokio::test]
async fn what_copied_by_reference_is_never_copied_in_full_silently() {
    for place in [TestPool::btrfs(300), TestPool::xfs(300)]
        .into_iter()
        .flatten()
    {
        let pool = open(&place);
        fill(&pool, volume("parent")).await;
        drop(pool);
        rustix::mount::unmount(&place.dir, rustix::mount::UnmountFlags::empty()).unwrap();
        for error in [refused(&place.dir), Pool::inspect(&place.dir).unwrap_err()] {
            assert!(matches!(error, PoolError::NotMounted { .. }), "{error}");
            assert!(error.to_string().contains("offshoot pool mount"), "{error}");
        }
        assert_eq!(
            std::fs::read_dir(&place.dir).unwrap().count(),
            0,
            "nothing was made"
        );
        std::fs::remove_dir(&place.dir).unwrap();
        assert!(matches!(refused(&place.dir), PoolError::NotMounted { .. }));

        assert_eq!(
            image::ensure_mounted(&place.dir).unwrap(),
            image::Mounted::Now
        );
        assert_eq!(
            image::ensure_mounted(&place.dir).unwrap(),
            image::Mounted::Already
        );
        let pool = open(&place);
        assert_eq!(pool.driver(), place.driver);
        pool.locate(volume("parent")).unwrap();
    }
}

#[tokio::test]
async fn a_promise_inside_the_pool_counts_too() {
    let Some(place) = TestPool::copy() else {
        return;
    };
    open(&place);
    std::fs::write(
        place.dir.join("pool.json"),
        r#"{"version":1,"driver":"xfs"}"#,
    )
    .unwrap();
    assert!(matches!(
        refused(&place.dir),
        PoolError::NotMounted {
            promised: Driver::Xfs,
            ..
        }
    ));
    std::fs::write(place.dir.join("pool.json"), r#"{"version":2,"driver":9}"#).unwrap();
    assert!(matches!(
        refused(&place.dir),
        PoolError::Version { version: 2, .. }
    ));
    std::fs::write(place.dir.join("pool.json"), "{").unwrap();
    let error = refused(&place.dir);
    assert!(matches!(error, PoolError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn plain_directories_do_not_become_subvolumes() {
    let Some(place) = TestPool::btrfs(300) else {
        return;
    };
    drop(open(&place));
    std::fs::write(
        place.dir.join("pool.json"),
        r#"{"version":1,"driver":"xfs"}"#,
    )
    .unwrap();
    drop(open(&place));
    std::fs::write(
        place.dir.join("pool.json"),
        r#"{"version":1,"driver":"copy"}"#,
    )
    .unwrap();
    std::fs::create_dir_all(place.dir.join("volumes").join(volume("v").as_str())).unwrap();
    assert!(matches!(
        refused(&place.dir),
        PoolError::DriverChanged { .. }
    ));
}

#[tokio::test]
async fn engines_must_reach_the_pool() {
    let Some(place) = TestPool::copy() else {
        return;
    };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    std::fs::set_permissions(place.base(), PermissionsExt::from_mode(0o700)).unwrap();
    let error = refused(&place.dir);
    assert!(
        matches!(error, PoolError::Unreachable { mode: 0o700, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("chmod o+x"), "{error}");
}

#[tokio::test]
async fn a_file_in_the_way_is_named() {
    let Some(place) = TestPool::copy() else {
        return;
    };
    let file = place.base().join("file");
    std::fs::write(&file, "").unwrap();
    for dir in [file.clone(), file.join("pool")] {
        let error = refused(&dir);
        assert!(matches!(error, PoolError::Unwritable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_pool_that_may_not_be_written_says_so() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let Some(place) = TestPool::xfs(300) else {
        return;
    };
    open(&place).create(volume("v")).await.unwrap();
    let flags = rustix::mount::MountFlags::RDONLY;
    rustix::mount::mount_remount(&place.dir, flags, c"").unwrap();
    let error = refused(&place.dir);
    assert!(matches!(error, PoolError::Unwritable { .. }), "{error}");
}
