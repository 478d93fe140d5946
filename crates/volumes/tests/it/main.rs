//! The pool on real filesystems: one suite for the three drivers, and the images they live in.

mod copies;
mod crash;
mod driver;
mod full;
mod image;
mod owner;
mod pool;
mod volume;

use offshoot_core::id::{SnapshotId, VolumeId};
use offshoot_core::port::Volumes;
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::{Pool, PoolOptions};
use std::path::{Path, PathBuf};

/// Runs each `async fn name(place: TestPool)` of the calling module with the three drivers.
macro_rules! with_each_driver {
    ($($name:ident),+ $(,)?) => {
        with_each_driver!(@ btrfs, offshoot_testkit::pool::TestPool::btrfs(320), $($name),+);
        with_each_driver!(@ xfs, offshoot_testkit::pool::TestPool::xfs(300), $($name),+);
        with_each_driver!(@ copy, offshoot_testkit::pool::TestPool::copy(), $($name),+);
    };
    (@ $driver:ident, $place:expr, $($name:ident),+) => {
        mod $driver {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(place) = $place {
                    super::$name(place).await;
                }
            })+
        }
    };
}
use with_each_driver;

fn open(place: &TestPool) -> Pool {
    Pool::open(&place.dir, PoolOptions::default()).unwrap()
}

fn volume(text: &str) -> VolumeId {
    format!("{text:0>12}").parse().unwrap()
}

fn snapshot(text: &str) -> SnapshotId {
    format!("{text:0>12}").parse().unwrap()
}

fn data(pool: &Pool, id: VolumeId) -> PathBuf {
    let data = pool.locate(id).unwrap().path.join("data");
    // As an engine's initialisation would.
    if !data.exists() {
        std::fs::create_dir(&data).unwrap();
    }
    data
}

/// A volume like a small engine's: files in two directories, one of them large, one sparse.
async fn fill(pool: &Pool, id: VolumeId) {
    pool.create(id).await.unwrap();
    let data = data(pool, id);
    std::fs::create_dir_all(data.join("shop")).unwrap();
    for number in 0..60 {
        let text = format!("table {number}").repeat(1000);
        std::fs::write(data.join(format!("shop/t{number}.ibd")), text).unwrap();
    }
    std::fs::write(data.join("ibdata1"), noise(4 << 20)).unwrap();
    std::fs::write(data.join("empty"), "").unwrap();
    let sparse = std::fs::File::create(data.join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"in the middle", 32 << 20).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", data.join("link")).unwrap();
}

/// Bytes that no filesystem can make smaller.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(len)
    .collect()
}

/// Names below `dir`, with the content of files, sorted.
fn content(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_owned();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                found.push((name, target.into_os_string().into_encoded_bytes()));
            } else if meta.is_dir() {
                found.push((name, Vec::new()));
                dirs.push(path);
            } else {
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
