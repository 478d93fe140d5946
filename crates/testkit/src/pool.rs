//! Pools on real filesystems: an image of its own for every test, mounted, and gone with its value,
//! also when the test panics. What a killed test run left is removed by the next one.
//!
//! btrfs and XFS need root, loop devices and `mkfs`; where they are missing, the test prints
//! `SKIP: reason`, and fails when `OFFSHOOT_TEST_NO_SKIP=1`.

use crate::engines::skip;
use offshoot_core::volume::Driver;
use offshoot_volumes::image::{self, Boot, ImageFs, PoolImage};
use rustix::mount::UnmountFlags;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// Size of the images of [`TestPool::each`], in MiB. XFS wants 300 at least.
pub const MIB: u64 = 512;
const PREFIX: &str = "offshoot-pool-";

/// An empty pool directory. Drop what uses it first.
#[derive(Debug)]
pub struct TestPool {
    /// For `Pool::open`; engines may pass through every directory above it.
    pub dir: PathBuf,
    pub driver: Driver,
    base: PathBuf,
}

impl TestPool {
    /// A pool in a btrfs image of `mib` MiB (at least 300).
    pub fn btrfs(mib: u64) -> Option<Self> {
        Self::image(mib, ImageFs::Btrfs, Driver::Btrfs)
    }

    /// A pool in an XFS image of `mib` MiB (at least 300).
    pub fn xfs(mib: u64) -> Option<Self> {
        Self::image(mib, ImageFs::Xfs, Driver::Xfs)
    }

    /// A pool in a plain directory of the temporary filesystem. `None` when that happens to copy by
    /// reference itself.
    pub fn copy() -> Option<Self> {
        let pool = Self::empty(Driver::Copy);
        make_dir(&pool.dir);
        let found = offshoot_volumes::Pool::inspect(&pool.dir).map(|report| report.driver);
        match found {
            Ok(Driver::Copy) => Some(pool),
            other => skip(&format!(
                "the temporary directory is no copying pool: {other:?}"
            )),
        }
    }

    /// One pool of every sort that this machine offers.
    pub fn each() -> Vec<Self> {
        [Self::btrfs(MIB), Self::xfs(MIB), Self::copy()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The directory that holds the pool's directory, its record and its image; the test's own.
    pub fn base(&self) -> &Path {
        &self.base
    }

    fn image(mib: u64, fs: ImageFs, driver: Driver) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return skip("a pool image needs root");
        }
        let pool = Self::empty(driver);
        let wanted = PoolImage {
            path: pool.base.join("pool.img"),
            size: mib << 20,
            fs,
            mount_point: pool.dir.clone(),
            boot: Boot::Nowhere,
        };
        match image::create_image(&wanted, &mut |_| {}) {
            Ok(_) => Some(pool),
            Err(error) => skip(&error.to_string()),
        }
    }

    fn empty(driver: Driver) -> Self {
        static SWEPT: Once = Once::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        SWEPT.call_once(sweep);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let base = std::env::temp_dir().join(name);
        make_dir(&base);
        Self {
            dir: base.join("pool"),
            driver,
            base,
        }
    }
}

impl Drop for TestPool {
    fn drop(&mut self) {
        clear(&self.base);
    }
}

fn make_dir(dir: &Path) {
    std::fs::DirBuilder::new()
        .mode(0o755)
        .create(dir)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", dir.display()));
}

/// Unmounts and removes everything of one test pool.
fn clear(base: &Path) {
    let dir = base.join("pool");
    if image::remove_image(&dir, true).is_err() {
        // Still in use, or half-made: it goes when its last user goes.
        while rustix::mount::unmount(&dir, UnmountFlags::DETACH).is_ok() {}
    }
    // What else the test may have mounted there would be emptied, not unmounted: never cross over.
    let _ = std::fs::remove_dir_all(base);
}

/// Removes the pools of test runs that were killed.
fn sweep() {
    let entries = std::fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'))
            .and_then(|(pid, _)| pid.parse::<u32>().ok());
        if process.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            clear(&entry.path());
        }
    }
}
