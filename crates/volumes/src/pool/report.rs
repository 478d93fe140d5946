//! The pool as `offshoot pool show` prints it.

use super::Pool;
use crate::image::ImageRecord;
use crate::pool::record::{self, Record};
use crate::{PoolError, driver, extent, tree};
use offshoot_core::id::VolumeId;
use offshoot_core::port::{PortResult, Volumes};
use offshoot_core::volume::{Driver, PoolStatus, Stored};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// All sizes in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct PoolReport {
    pub driver: Driver,
    pub copy_on_write: bool,
    pub location: PathBuf,
    pub size: u64,
    pub used: u64,
    pub free: u64,
    /// The command that would make branching independent of size, where the pool only copies.
    pub advice: Option<String>,
    /// The image that is mounted here, when `offshoot pool create` made it.
    pub image: Option<ImageRecord>,
    pub snapshots: usize,
    pub volumes: Vec<VolumeReport>,
}

/// Bytes as in `offshoot_core::volume::VolumeUsage`.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeReport {
    pub id: VolumeId,
    pub allocated: u64,
    pub unique: u64,
}

impl Pool {
    /// The pool with the use of every volume. Reads the extents of every file: about a second per
    /// ten thousand files.
    pub async fn report(&self) -> PortResult<PoolReport> {
        let status = self.status().await?;
        let mut report = PoolReport::new(&status, &self.inner.dir, self.inner.image.clone());
        for stored in self.list().await? {
            match stored {
                Stored::Snapshot(_) => report.snapshots += 1,
                Stored::Volume(id) => {
                    if let Ok(usage) = self.usage(id).await {
                        report.volumes.push(VolumeReport {
                            id,
                            allocated: usage.allocated,
                            unique: usage.unique,
                        });
                    }
                }
            }
        }
        Ok(report)
    }

    /// The same of a pool that another process may have open. Changes nothing, waits for nothing;
    /// blocks while it reads.
    pub fn inspect(dir: &Path) -> Result<PoolReport, PoolError> {
        let error = PoolError::io("cannot read the pool", dir);
        let promised = Record::read(&record::beside(dir))?;
        let image = promised.as_ref().and_then(|record| record.image.clone());
        look(dir, image)
            .map_err(error)
            .and_then(|(report, found)| match promised {
                Some(record) if record.driver.copy_on_write() && !report.copy_on_write => {
                    Err(PoolError::NotMounted {
                        dir: dir.to_owned(),
                        promised: record.driver,
                        found,
                    })
                }
                _ => Ok(report),
            })
    }
}

impl PoolReport {
    fn new(status: &PoolStatus, dir: &Path, image: Option<ImageRecord>) -> Self {
        Self {
            driver: status.driver,
            copy_on_write: status.driver.copy_on_write(),
            location: dir.to_owned(),
            size: status.size,
            used: status.used,
            free: status.free,
            advice: status.advice.clone(),
            image,
            snapshots: 0,
            volumes: Vec::new(),
        }
    }
}

fn look(dir: &Path, image: Option<ImageRecord>) -> io::Result<(PoolReport, String)> {
    let path = std::ffi::CString::new(dir.as_os_str().as_encoded_bytes())?;
    let root = tree::open_dir(fs::CWD, &path)?;
    let (driver, found) = driver::detect(root.as_fd())?;
    let mut report = PoolReport::new(&status(root.as_fd(), driver, dir)?, dir, image);
    if let Some(volumes) = subdirectory(root.as_fd(), c"volumes")? {
        for entry in tree::entries(volumes.as_fd())? {
            let Some(id) = entry.name.to_str().ok().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let usage = extent::usage(tree::open_dir(&volumes, &entry.name)?.as_fd(), driver)?;
            report.volumes.push(VolumeReport {
                id,
                allocated: usage.allocated,
                unique: usage.unique,
            });
        }
    }
    if let Some(snapshots) = subdirectory(root.as_fd(), c"snapshots")? {
        report.snapshots = tree::entries(snapshots.as_fd())?.len();
    }
    Ok((report, found))
}

fn subdirectory(
    root: BorrowedFd<'_>,
    name: &std::ffi::CStr,
) -> io::Result<Option<rustix::fd::OwnedFd>> {
    match tree::open_dir(root, name) {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn status(root: BorrowedFd<'_>, driver: Driver, dir: &Path) -> io::Result<PoolStatus> {
    let stat = fs::fstatvfs(root)?;
    let advice = (!driver.copy_on_write()).then(|| "offshoot pool create --size 20G".to_owned());
    Ok(PoolStatus {
        driver,
        location: dir.display().to_string(),
        size: stat.f_blocks * stat.f_frsize,
        used: (stat.f_blocks - stat.f_bfree) * stat.f_frsize,
        free: stat.f_bavail * stat.f_frsize,
        advice,
    })
}
