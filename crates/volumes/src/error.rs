//! What can go wrong with a pool: [`PoolError`] for opening and for images, [`fault`] for the port.

use offshoot_core::Refusal;
use offshoot_core::port::PortError;
use offshoot_core::refusal::{Kind, code};
use offshoot_core::volume::Driver;
use std::io;
use std::path::PathBuf;

/// A pool cannot be opened, or its image not be made, mounted, grown or removed. Every text says
/// what to do.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    #[error("the pool directory {dir} cannot be {what}: {cause}; give Offshoot's user a directory it may write, or set another pool directory", dir = dir.display())]
    Unwritable {
        dir: PathBuf,
        what: &'static str,
        cause: io::Error,
    },
    #[error("other users cannot enter {dir} (mode {mode:03o}), so engines, which run under identities of their own, would not reach the pool {pool}; run `chmod o+x {dir}` or set another pool directory", dir = dir.display(), pool = pool.display())]
    Unreachable {
        dir: PathBuf,
        mode: u32,
        pool: PathBuf,
    },
    #[error("the pool {path} is in use by a running Offshoot server; stop it first, or work with a data directory of your own", path = .0.display())]
    Locked(PathBuf),
    #[error("the pool {dir} copies by {promised}, but what is there now can only copy in full ({found}); its filesystem is probably not mounted: run `offshoot pool mount`, or mount it by hand", dir = dir.display())]
    NotMounted {
        dir: PathBuf,
        promised: Driver,
        found: String,
    },
    #[error("the pool {dir} was filled by the driver {recorded} and lies on {found} now, which cannot snapshot those volumes; put it back on its own filesystem, or start with an empty pool directory", dir = dir.display())]
    DriverChanged {
        dir: PathBuf,
        recorded: Driver,
        found: Driver,
    },
    #[error("{file} has format {version}, which this version of Offshoot does not know; use the version that wrote it, or a newer one", file = file.display())]
    Version { file: PathBuf, version: u32 },
    #[error("{file} is damaged: {cause}; restore it from a backup, or remove it when the pool is empty", file = file.display())]
    Damaged {
        file: PathBuf,
        cause: serde_json::Error,
    },
    #[error("a pool image needs root to be {0}; run the command with sudo")]
    NeedsRoot(&'static str),
    #[error(
        "`{program}` is not installed; install the package {package} (`apt-get install {package}`, `dnf install {package}`)"
    )]
    ProgramMissing {
        program: &'static str,
        package: &'static str,
    },
    #[error("`{program}` failed: {output}")]
    ProgramFailed {
        program: &'static str,
        output: String,
    },
    #[error("a pool image of {wanted} needs {wanted} and {reserve} of reserve on the disk that holds {path}, which has {free} free; choose a smaller --size or make room", path = path.display())]
    NoRoom {
        path: PathBuf,
        wanted: Size,
        reserve: Size,
        free: Size,
    },
    #[error("a pool image has at least {least}, not {wanted}; choose a larger --size")]
    TooSmall { wanted: Size, least: Size },
    #[error("a pool image can only grow: it has {now}, not less than {wanted}")]
    NotGrowing { now: Size, wanted: Size },
    #[error("{path} exists already; remove it, or choose another place for the pool image", path = .0.display())]
    ImageExists(PathBuf),
    #[error("{path} has a pool image already; `offshoot pool grow` makes it larger, `offshoot pool remove` removes it", path = .0.display())]
    AlreadyMade(PathBuf),
    #[error("{dir} is not empty ({found}), and what is in it would be hidden by the mount; stop the server, then move the content away or delete the branches first", dir = dir.display())]
    NotEmpty { dir: PathBuf, found: String },
    #[error("something is mounted at {path} already; unmount it, or use it as it is (`offshoot pool show`)", path = .0.display())]
    MountedAlready(PathBuf),
    #[error("another command works on the image of the pool {path}; wait until it has ended", path = .0.display())]
    ImageBusy(PathBuf),
    #[error("no pool image was made for {path}; `offshoot pool create --size 20G` makes one", path = .0.display())]
    NoImage(PathBuf),
    #[error("the pool {dir} still holds {volumes} volumes; delete the branches first, or remove it with --force", dir = dir.display())]
    HoldsVolumes { dir: PathBuf, volumes: usize },
    #[error("the pool {path} is in use: engines or other programs work in it; stop the server and its engines first", path = .0.display())]
    Busy(PathBuf),
    #[error("{what} {path}: {cause}", path = path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
}

impl PoolError {
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| PoolError::Io { what, path, cause }
    }
}

/// Bytes, shown in the largest binary unit that keeps two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 >= 1 << shift {
                let tenths = (u128::from(self.0) * 10) >> shift;
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

/// A system call's failure inside the pool as a port's failure. `doing` reads as in
/// "the pool failed at making a volume"; `free` is what the pool has left, in bytes.
pub(crate) fn fault(doing: &'static str, free: u64, cause: io::Error) -> PortError {
    use io::ErrorKind as E;
    match cause.kind() {
        E::StorageFull | E::QuotaExceeded => PortError::fatal(
            Refusal::new(
                Kind::Exhausted,
                format!("the pool is full ({} free): {doing} failed", Size(free)),
            )
            .code(code::DISK_FULL)
            .hint("delete branches, or make the pool larger with `offshoot pool grow`")
            .cause(cause),
        ),
        E::PermissionDenied | E::ReadOnlyFilesystem => PortError::fatal(
            Refusal::unavailable(format!("the pool may not be written: {doing} failed"))
                .hint("make the pool directory writable for Offshoot's user; `offshoot pool show` names it")
                .cause(cause),
        ),
        _ => PortError::retry(
            Refusal::unavailable(format!("{doing} failed in the pool"))
                .hint("the server's log has the cause")
                .cause(cause),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (12, "12 bytes"),
            (1024, "1.0 KiB"),
            (20 << 30, "20.0 GiB"),
            ((3 << 30) + (1 << 29), "3.5 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn a_full_disk_has_its_own_code_and_does_not_help_to_repeat() {
        let error = fault("making a volume", 4096, io::Error::from_raw_os_error(28));
        assert!(!error.retry);
        assert_eq!(error.refusal.code, code::DISK_FULL);
        assert!(fault("x", 0, io::Error::from_raw_os_error(5)).retry);
    }
}
