//! Loop devices and mounts.

use super::ImageFs;
use crate::PoolError;
use crate::ioctl::{self, LOOP_AUTOCLEAR, LOOP_DIRECT_IO};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a free loop device is asked for: others may be faster each time.
const ATTACH_TRIES: u32 = 32;
/// How long an unmount waits for the last user to go: an engine that just ended.
const UNMOUNT_TRIES: u32 = 40;
const UNMOUNT_PAUSE: Duration = Duration::from_millis(50);

/// Attaches `image` to a loop device and mounts it at `dir`. The device goes with the mount.
pub(super) fn mount(image: &Path, dir: &Path, fs: ImageFs) -> Result<(), PoolError> {
    let (device, _open) = attach(image).map_err(PoolError::io("cannot attach", image))?;
    let flags = MountFlags::NOATIME | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount(&device, dir, fs.as_str(), flags, c"nodiscard")
        .map_err(|error| PoolError::io("cannot mount the image at", dir)(error.into()))
}

/// Waits a moment for the last user to go.
pub(super) fn unmount(dir: &Path) -> Result<(), PoolError> {
    for _ in 0..UNMOUNT_TRIES {
        match rustix::mount::unmount(dir, UnmountFlags::NOFOLLOW) {
            Ok(()) => return Ok(()),
            Err(Errno::BUSY) => std::thread::sleep(UNMOUNT_PAUSE),
            Err(error) => return Err(PoolError::io("cannot unmount", dir)(error.into())),
        }
    }
    Err(PoolError::Busy(dir.to_owned()))
}

/// The device that is mounted at `dir`, the topmost when there are several.
pub(super) fn source_of(dir: &Path) -> Result<Option<PathBuf>, PoolError> {
    let file = Path::new("/proc/self/mountinfo");
    let table = std::fs::read(file).map_err(PoolError::io("cannot read", file))?;
    // The kernel knows the directory by its own name.
    let dir = match std::fs::canonicalize(dir) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PoolError::io("cannot resolve", dir)(error)),
    };
    Ok(find_source(&table, &dir))
}

/// `table` is in the format of proc(5), `/proc/pid/mountinfo`.
fn find_source(table: &[u8], dir: &Path) -> Option<PathBuf> {
    let mut found = None;
    for line in table.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ');
        let Some(point) = fields.nth(4) else { continue };
        if unescape(point) != dir.as_os_str().as_bytes() {
            continue;
        }
        let source = fields.skip_while(|field| *field != b"-").nth(2);
        found = source.map(|source| PathBuf::from(OsStr::from_bytes(&unescape(source))));
    }
    found
}

/// Octal escapes of white space and backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'\\'
            && let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] = tail
        {
            plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = tail;
        } else {
            plain.push(*first);
        }
    }
    plain
}

/// Tells a loop device that its image has grown (or shrunk).
pub(super) fn resize(device: &Path) -> io::Result<()> {
    Ok(ioctl::loop_resize(File::open(device)?)?)
}

/// Sets a loop device up as [`mount`] would have, also when the system mounted it at boot: no
/// discards, which would punch holes into the image, and no second cache.
pub(super) fn tune(device: &Path) {
    let Some(name) = device
        .file_name()
        .filter(|name| name.as_bytes().starts_with(b"loop"))
    else {
        return;
    };
    let setting = Path::new("/sys/block")
        .join(name)
        .join("queue/discard_max_bytes");
    if let Err(error) = std::fs::write(&setting, "0") {
        tracing::debug!(device = %device.display(), %error, "discards stay allowed");
    }
    let direct = File::open(device).and_then(|open| Ok(ioctl::loop_direct_io(open)?));
    if let Err(error) = direct {
        tracing::debug!(device = %device.display(), %error, "the image is cached twice");
    }
}

/// The device stays attached as long as the file returned with it is open, or it is mounted.
fn attach(image: &Path) -> io::Result<(PathBuf, File)> {
    let file = OpenOptions::new().read(true).write(true).open(image)?;
    let control = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/loop-control")?;
    let mut last = Errno::BUSY;
    for _ in 0..ATTACH_TRIES {
        let device = PathBuf::from(format!("/dev/loop{}", ioctl::loop_free(&control)?));
        let open = OpenOptions::new().read(true).write(true).open(&device)?;
        let flags = LOOP_AUTOCLEAR | LOOP_DIRECT_IO;
        match ioctl::loop_attach(&open, &file, image.as_os_str().as_bytes(), flags) {
            Ok(()) => {
                tune(&device);
                return Ok((device, open));
            }
            Err(Errno::BUSY) => last = Errno::BUSY,
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_mount_of_a_directory_is_found() {
        let table = b"22 1 0:1 / /a rw - ext4 /dev/vda rw\n\
            30 22 7:0 / /a/my\\040pool rw,nosuid shared:3 master:1 - btrfs /dev/loop0 rw\n\
            31 30 7:1 / /a/my\\040pool rw - xfs /dev/loop1 rw\n";
        let found = find_source(table, Path::new("/a/my pool"));
        assert_eq!(found, Some("/dev/loop1".into()));
        assert_eq!(find_source(table, Path::new("/a")), Some("/dev/vda".into()));
        assert_eq!(find_source(table, Path::new("/a/my")), None);
    }
}
