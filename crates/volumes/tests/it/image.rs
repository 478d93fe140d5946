//! Images: made, grown, removed, and what is refused. They need root.

use crate::{content, data, fill, open, snapshot, volume};
use offshoot_core::port::Volumes;
use offshoot_core::volume::{Driver, Stored};
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::image::{
    Boot, ImageFs, Mounted, PoolImage, create_image, ensure_mounted, grow_image, recorded,
    remove_image,
};
use offshoot_volumes::{Pool, PoolError, PoolOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A directory for an image; `None` without root.
fn place() -> Option<TestPool> {
    rustix::process::geteuid().is_root().then(TestPool::copy)?
}

fn image(place: &TestPool, fs: ImageFs) -> PoolImage {
    PoolImage {
        path: place.base().join("pool.img"),
        size: 300 << 20,
        fs,
        mount_point: place.dir.clone(),
        boot: Boot::Nowhere,
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_image_is_made_grown_and_removed() {
    for fs in [ImageFs::Btrfs, ImageFs::Xfs] {
        let Some(place) = place() else { return };
        let table = place.base().join("fstab");
        std::fs::write(&table, "UUID=1 / ext4 defaults 0 1\n").unwrap();
        let wanted = PoolImage {
            boot: Boot::Fstab(table.clone()),
            ..image(&place, fs)
        };
        let mut seen = Vec::new();
        let made = create_image(&wanted, &mut |progress| seen.push(progress)).unwrap();
        assert!(
            seen.iter()
                .any(|p| p.done == 300 << 20 && p.total == 300 << 20)
        );
        assert_eq!(recorded(&place.dir).unwrap(), Some(made));
        let line = std::fs::read_to_string(&table).unwrap();
        assert!(
            line.contains(&format!(" {} loop,nofail", fs.as_str())),
            "{line}"
        );

        let pool = open(&place);
        fill(&pool, volume("v")).await;
        let before = content(&data(&pool, volume("v")));
        let size = pool.status().await.unwrap().size;
        grow_image(&place.dir, 420 << 20, &mut |_| {}).unwrap();
        let grown = pool.status().await.unwrap().size;
        assert!(grown >= size + (115 << 20), "{size} -> {grown}");
        let file = wanted.path.metadata().unwrap();
        assert_eq!(file.len(), 420 << 20);
        assert!(file.blocks() * 512 >= 420 << 20, "every block is allocated");
        assert!(content(&data(&pool, volume("v"))) == before);

        let error = grow_image(&place.dir, 400 << 20, &mut |_| {}).unwrap_err();
        assert!(matches!(error, PoolError::NotGrowing { .. }), "{error}");
        let error = create_image(&wanted, &mut |_| {}).unwrap_err();
        assert!(matches!(error, PoolError::AlreadyMade(_)), "{error}");
        let error = remove_image(&place.dir, false).unwrap_err();
        assert!(
            matches!(error, PoolError::HoldsVolumes { volumes: 1, .. }),
            "{error}"
        );
        pool.remove(Stored::Volume(volume("v"))).await.unwrap();
        let error = remove_image(&place.dir, false).unwrap_err();
        assert!(matches!(error, PoolError::Busy(_)), "{error}");

        drop(pool);
        remove_image(&place.dir, false).unwrap();
        assert_eq!(names(place.base()), ["fstab", "pool"]);
        let text = std::fs::read_to_string(&table).unwrap();
        assert_eq!(text, "UUID=1 / ext4 defaults 0 1\n");
        assert_eq!(open(&place).driver(), Driver::Copy);
    }
}

#[tokio::test]
async fn a_copying_pool_moves_into_its_image() {
    for fs in [ImageFs::Btrfs, ImageFs::Xfs] {
        let Some(place) = place() else { return };
        let pool = open(&place);
        fill(&pool, volume("v")).await;
        pool.snapshot(volume("v"), snapshot("s")).await.unwrap();
        let (before, located) = (content(&data(&pool, volume("v"))), pool.locate(volume("v")));
        let error = create_image(&image(&place, fs), &mut |_| {}).unwrap_err();
        assert!(matches!(error, PoolError::Locked(_)), "{error}");
        assert_eq!(names(place.base()), ["pool", "pool.json"]);
        drop(pool);

        create_image(&image(&place, fs), &mut |_| {}).unwrap();
        let pool = open(&place);
        assert!(pool.driver().copy_on_write());
        assert_eq!(pool.locate(volume("v")).unwrap(), located.unwrap());
        assert!(content(&data(&pool, volume("v"))) == before);
        pool.fork(snapshot("s"), volume("fork")).await.unwrap();
        assert!(content(&data(&pool, volume("fork"))) == before);
        assert!(pool.usage(volume("fork")).await.unwrap().unique < 1 << 20);
        drop(pool);
        rustix::mount::unmount(&place.dir, rustix::mount::UnmountFlags::empty()).unwrap();
        let below = names(&place.dir);
        assert_eq!(below, ["lock"], "what moved does not lie below the mount");
    }
}

#[tokio::test]
async fn refusals_leave_nothing() {
    let Some(place) = place() else { return };
    let wanted = image(&place, ImageFs::Btrfs);
    let refuse = |image: &PoolImage| {
        let error = create_image(image, &mut |_| {}).unwrap_err();
        assert!(
            !names(place.base())
                .iter()
                .any(|name| name.contains("pool.img."))
        );
        assert_eq!(recorded(&place.dir).unwrap(), None);
        error
    };
    // Left by a call that was killed.
    std::fs::write(place.base().join("pool.img.making"), "x").unwrap();
    let boot = Boot::Fstab(place.base().join("missing/fstab"));
    let error = refuse(&PoolImage {
        boot,
        ..wanted.clone()
    });
    assert!(matches!(error, PoolError::Io { .. }), "{error}");
    let error = refuse(&PoolImage {
        size: 1 << 50,
        ..wanted.clone()
    });
    assert!(matches!(error, PoolError::NoRoom { .. }));
    let text = error.to_string();
    assert!(
        text.contains("1024.0 TiB") && text.contains("free"),
        "{text}"
    );

    let error = refuse(&PoolImage {
        size: 1 << 20,
        ..wanted.clone()
    });
    assert!(matches!(error, PoolError::TooSmall { .. }), "{error}");

    assert!(!wanted.path.exists(), "undone to the last file");

    std::fs::write(place.dir.join("precious"), "x").unwrap();
    let error = refuse(&wanted);
    assert!(matches!(error, PoolError::NotEmpty { .. }), "{error}");
    std::fs::remove_file(place.dir.join("precious")).unwrap();

    std::fs::write(&wanted.path, "x").unwrap();
    let error = refuse(&wanted);
    assert!(matches!(error, PoolError::ImageExists(_)), "{error}");
    assert_eq!(std::fs::read(&wanted.path).unwrap(), b"x");
    for error in [
        grow_image(&place.dir, 1 << 30, &mut |_| {}).unwrap_err(),
        remove_image(&place.dir, true).unwrap_err(),
    ] {
        assert!(matches!(error, PoolError::NoImage(_)), "{error}");
    }
    assert_eq!(ensure_mounted(&place.dir).unwrap(), Mounted::NoImage);
}

#[tokio::test]
async fn systemd_gets_a_mount_unit() {
    let Some(place) = place() else { return };
    let units = place.base().join("units");
    std::fs::create_dir(&units).unwrap();
    let wanted = PoolImage {
        boot: Boot::Systemd(units.clone()),
        ..image(&place, ImageFs::Xfs)
    };
    let made = create_image(&wanted, &mut |_| {}).unwrap();
    let unit = std::fs::read_to_string(made.boot.unwrap()).unwrap();
    assert!(
        unit.contains(&format!("\nWhere={}\n", place.dir.display())),
        "{unit}"
    );
    assert_eq!(names(&units.join("multi-user.target.wants")).len(), 1);
    Pool::open(&place.dir, PoolOptions::default()).unwrap();
    remove_image(&place.dir, true).unwrap();
    assert_eq!(names(&units), ["multi-user.target.wants"]);
    assert!(names(&units.join("multi-user.target.wants")).is_empty());
}
