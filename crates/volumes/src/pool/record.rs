//! The record of what a pool is, in two places: `pool.json` in it, and a file of its name beside
//! it (`pool/` has `pool.json` as its neighbour), which is still there when nothing is mounted.

use crate::PoolError;
use crate::image::ImageRecord;
use offshoot_core::volume::Driver;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub(crate) const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: u32,
    /// What was promised: a pool that copied by reference never falls back to full copies.
    pub(crate) driver: Driver,
    /// The image that is mounted here, only in the record beside the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<ImageRecord>,
}

impl Record {
    pub(crate) fn new(driver: Driver, image: Option<ImageRecord>) -> Self {
        Self {
            version: VERSION,
            driver,
            image,
        }
    }

    /// `None` when there is no such file.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, PoolError> {
        /// Read first: what else is in the file depends on it.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                    _ => Err(PoolError::io("cannot read", file)(error)),
                };
            }
        };
        let damaged = |cause| PoolError::Damaged {
            file: file.to_owned(),
            cause,
        };
        let version = serde_json::from_slice::<Versioned>(&text)
            .map_err(damaged)?
            .version;
        if version != VERSION {
            return Err(PoolError::Version {
                file: file.to_owned(),
                version,
            });
        }
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Replaces the file as a whole; durable on return.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let new = file.with_extension("json.new");
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&new)?;
        out.write_all(&text)?;
        out.sync_all()?;
        std::fs::rename(&new, file)?;
        sync_parent(file)
    }
}

pub(crate) fn sync_parent(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(parent) if parent != Path::new("") => std::fs::File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

pub(crate) fn inside(dir: &Path) -> PathBuf {
    dir.join("pool.json")
}

pub(crate) fn beside(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or(dir.as_os_str()).to_owned();
    name.push(".json");
    dir.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of this shape are on people's disks.
    #[test]
    fn the_format_of_version_one() {
        let record = Record::new(Driver::Xfs, None);
        let text = r#"{"version":1,"driver":"xfs"}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
        assert_eq!(serde_json::from_str::<Record>(text).unwrap(), record);
        let text = r#"{"version":1,"driver":"btrfs","image":{"path":"/a/pool.img","size":1,
            "fs":"btrfs","mount_point":"/a/pool","boot":"/etc/fstab"}}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.image.unwrap().mount_point, Path::new("/a/pool"));
    }

    #[test]
    fn the_neighbour_has_the_name_of_the_pool() {
        assert_eq!(beside(Path::new("/d/pool")), Path::new("/d/pool.json"));
        assert_eq!(
            beside(Path::new("/d/my.pool")),
            Path::new("/d/my.pool.json")
        );
    }
}
