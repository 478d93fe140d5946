//! Disk and pool.

use super::{AS_ROOT, Finding, hidden};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::machine::pool_dir;
use offshoot_volumes::image::recorded;
use offshoot_volumes::{Pool, PoolError};
use std::error::Error;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const DISK: &str = "disk";
const POOL: &str = "pool";
const MIB: u64 = 1 << 20;
/// Free space of the data directory below which metadata and logs soon find none, and below which
/// they do not find any.
const LITTLE: u64 = 512 * MIB;
const NONE: u64 = 32 * MIB;

pub(super) fn pool(dir: &DataDir, config: &Config) -> Vec<Finding> {
    let pool = pool_dir(dir, config);
    let mut all = Vec::new();
    all.extend(disk(dir.root()));
    if let Ok(Some(image)) = recorded(&pool)
        && let Ok(meta) = std::fs::metadata(&image.path)
        && meta.blocks() * 512 < meta.len()
    {
        let shown = image.path.display();
        all.push(Finding::warn(
            POOL,
            format!(
                "the image {shown} has {} of its {} MiB: engines fail when its disk is full before the pool is",
                meta.blocks() * 512 / MIB,
                meta.len() / MIB
            ),
            format!("fallocate --length {} {shown}", meta.len()),
        ));
    }
    if !pool.exists() {
        all.push(Finding::ok(
            POOL,
            format!(
                "{} is not there yet; the first start makes it",
                pool.display()
            ),
        ));
        return all;
    }
    let report = match Pool::inspect(&pool) {
        Ok(report) => report,
        Err(error) => {
            all.push(unreadable(&error));
            return all;
        }
    };
    let reserve = config.pool.reserve(report.size).unwrap_or(0);
    let found = format!(
        "{} at {}, {} of {} MiB free, {} volumes",
        report.driver,
        pool.display(),
        report.free / MIB,
        report.size / MIB,
        report.volumes.len()
    );
    if report.free < reserve {
        let next =
            "delete branches (`offshoot pool show` says what each takes), or `offshoot pool grow`";
        let found = format!(
            "{found}: less than the reserve of {} MiB, no branch is made",
            reserve / MIB
        );
        all.push(Finding::fail(POOL, found, next));
    } else if let Some(advice) = &report.advice {
        let found = format!("{found}; branches are full copies");
        all.push(Finding::warn(
            POOL,
            found,
            format!("as root, with the server stopped: {advice}"),
        ));
    } else {
        all.push(Finding::ok(POOL, found));
    }
    all
}

fn unreadable(error: &PoolError) -> Finding {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<std::io::Error>().is_some_and(hidden) {
            return Finding::warn(POOL, error.to_string(), AS_ROOT);
        }
        source = cause.source();
    }
    let next = match error {
        PoolError::NotMounted { .. } => "offshoot pool mount",
        _ => "see `offshoot pool show`",
    };
    Finding::fail(POOL, error.to_string(), next)
}

/// The filesystem of the data directory, or of where it is going to be.
fn disk(root: &Path) -> Option<Finding> {
    let there = root.ancestors().find(|dir| dir.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    let free = stat.f_bavail * stat.f_frsize;
    let found = format!("{} MiB free at {}", free / MIB, there.display());
    Some(match free {
        n if n < NONE => Finding::fail(DISK, found, "free some: metadata cannot be written"),
        n if n < LITTLE => Finding::warn(
            DISK,
            found,
            "free some: metadata and logs are written there",
        ),
        _ => Finding::ok(DISK, found),
    })
}
