//! A pool of its own in a file: a fully allocated image with a filesystem that copies by
//! reference, attached to a loop device and mounted at the pool's directory.
//!
//! Nothing is mounted but by these functions, and all of them need root. They block, for as long
//! as a disk takes to allocate the image. What fails leaves nothing behind.
//!
//! The image is never sparse: when the disk below a sparse one fills up, every branch in it fails.

mod allocate;
mod boot;
mod import;
mod mount;
mod program;
mod undo;

pub use boot::Boot;

use crate::PoolError;
use crate::error::Size;
use crate::pool::record::{self, Record};
use offshoot_core::volume::Driver;
use program::Program;
use rustix::fs;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use undo::Undo;

/// The least that both `mkfs.xfs` and `mkfs.btrfs` accept, in bytes.
pub const LEAST_SIZE: u64 = 300 << 20;
/// What stays free on the disk that holds the image, in bytes: a full one stops the whole machine.
pub const RESERVE: u64 = 512 << 20;

/// How long another call for the same pool is waited for: a mount takes less, and who allocates an
/// image for minutes is reported.
const ALONE_TRIES: u32 = 50;
const ALONE_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFs {
    /// Snapshots in constant time: what branches want.
    #[default]
    Btrfs,
    /// Faster writes, copies that take time per file and extent.
    Xfs,
}

impl ImageFs {
    pub fn as_str(self) -> &'static str {
        match self {
            ImageFs::Btrfs => "btrfs",
            ImageFs::Xfs => "xfs",
        }
    }

    fn driver(self) -> Driver {
        match self {
            ImageFs::Btrfs => Driver::Btrfs,
            ImageFs::Xfs => Driver::Xfs,
        }
    }

    fn make_program(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            // No discard: it would give the image's blocks back.
            ImageFs::Btrfs => (
                "mkfs.btrfs",
                "btrfs-progs",
                &["-q", "-f", "-K", "-L", "offshoot"],
            ),
            ImageFs::Xfs => (
                "mkfs.xfs",
                "xfsprogs",
                &["-q", "-f", "-K", "-L", "offshoot", "-m", "reflink=1"],
            ),
        }
    }
}

impl FromStr for ImageFs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "btrfs" => Ok(ImageFs::Btrfs),
            "xfs" => Ok(ImageFs::Xfs),
            _ => Err("a pool image has the filesystem btrfs or xfs".into()),
        }
    }
}

/// The image to be made.
#[derive(Clone, Debug)]
pub struct PoolImage {
    /// The file; it must not exist, its directory must.
    pub path: PathBuf,
    /// Bytes, at least [`LEAST_SIZE`].
    pub size: u64,
    pub fs: ImageFs,
    /// The pool's directory. Volumes that it holds already move into the image.
    pub mount_point: PathBuf,
    /// Where the mount is written down for the next boot.
    pub boot: Boot,
}

/// The image that a pool lies in, as recorded beside the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    pub fs: ImageFs,
    pub mount_point: PathBuf,
    /// The file that mounts it at the next boot: a systemd mount unit, or a table of filesystems.
    #[serde(default)]
    pub boot: Option<PathBuf>,
}

/// What a call is doing; `done` and `total` are bytes, 0 where there is nothing to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    pub done: u64,
    pub total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Allocating,
    Formatting,
    /// Volumes that were in the pool's directory move into the image.
    Moving,
    Mounting,
    Growing,
}

impl Step {
    fn at(self, done: u64, total: u64) -> Progress {
        Progress {
            step: self,
            done,
            total,
        }
    }
}

/// Whether [`ensure_mounted`] had anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// No image was made for this pool.
    NoImage,
    Already,
    Now,
}

/// Makes an image, a filesystem in it and the entry for the next boot, and mounts it.
pub fn create_image(
    image: &PoolImage,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImageRecord, PoolError> {
    need_root("made")?;
    let image = &absolute(image)?;
    let dir = &image.mount_point;
    let _alone = alone(dir)?;
    let beside = record::beside(dir);
    let before = Record::read(&beside)?;
    if before.as_ref().is_some_and(|record| record.image.is_some()) {
        return Err(PoolError::AlreadyMade(dir.clone()));
    }
    if mount::source_of(dir)?.is_some() {
        return Err(PoolError::MountedAlready(dir.clone()));
    }
    if image.path.exists() {
        return Err(PoolError::ImageExists(image.path.clone()));
    }
    if image.size < LEAST_SIZE {
        return Err(PoolError::TooSmall {
            wanted: Size(image.size),
            least: Size(LEAST_SIZE),
        });
    }
    let (program, package, arguments) = image.fs.make_program();
    let program = Program::find(program, package)?;
    allocate::check_room(&image.path, image.size, image.size)?;
    let content = import::Content::find(dir, image.size)?;

    let mut undo = Undo::new();
    let half = &half_path(&image.path);
    undo.remove_file(half);
    allocate::create(half, image.size, progress)?;
    progress(Step::Formatting.at(0, 0));
    program.run(|command| command.args(arguments).arg(half))?;
    if let Some(content) = &content {
        content.move_into(half, image, progress)?;
    }
    progress(Step::Mounting.at(0, 0));
    undo.remove_file(&image.path);
    std::fs::rename(half, &image.path).map_err(PoolError::io("cannot rename", half))?;
    let boot = boot::add(image)?;
    if let Some(file) = &boot {
        undo.forget_boot(file, dir);
    }
    let record = ImageRecord {
        path: image.path.clone(),
        size: image.size,
        fs: image.fs,
        mount_point: dir.clone(),
        boot,
    };
    undo.restore_record(&beside, before);
    Record::new(image.fs.driver(), Some(record.clone()))
        .write(&beside)
        .map_err(PoolError::io("cannot write", &beside))?;
    mount_record(&record)?;
    undo.done();
    if let Some(content) = content {
        content.remove();
    }
    Ok(record)
}

/// Mounts the image recorded for a pool, when there is one and it is not mounted.
pub fn ensure_mounted(pool_dir: &Path) -> Result<Mounted, PoolError> {
    let dir = &resolve(pool_dir)?;
    if recorded(dir)?.is_none() {
        return Ok(Mounted::NoImage);
    }
    let _alone = alone(dir)?;
    ensure(dir)
}

fn ensure(dir: &Path) -> Result<Mounted, PoolError> {
    let Some(record) = recorded(dir)? else {
        return Ok(Mounted::NoImage);
    };
    if let Some(device) = mount::source_of(dir)? {
        mount::tune(&device);
        return Ok(Mounted::Already);
    }
    need_root("mounted")?;
    allocate::fill_holes(&record.path, record.size);
    mount_record(&record)?;
    Ok(Mounted::Now)
}

/// Makes a pool's image larger while it is in use. `size` is the new size in bytes.
pub fn grow_image(
    pool_dir: &Path,
    size: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImageRecord, PoolError> {
    need_root("grown")?;
    let dir = &resolve(pool_dir)?;
    let _alone = alone(dir)?;
    let mut record = recorded(dir)?.ok_or_else(|| PoolError::NoImage(dir.clone()))?;
    let meta =
        std::fs::metadata(&record.path).map_err(PoolError::io("cannot read", &record.path))?;
    if size <= meta.len() {
        return Err(PoolError::NotGrowing {
            now: Size(meta.len()),
            wanted: Size(size),
        });
    }
    if record.fs == ImageFs::Xfs {
        Program::find("xfs_growfs", "xfsprogs")?;
    }
    ensure(dir)?;
    allocate::check_room(&record.path, size - meta.len(), size)?;
    let device = mount::source_of(dir)?.ok_or_else(|| PoolError::NoImage(dir.clone()))?;
    let grown = allocate::extend(&record.path, meta.len(), size, progress).and_then(|()| {
        progress(Step::Growing.at(0, 0));
        grow_filesystem(&record, &device)
    });
    if let Err(error) = grown {
        // The filesystem has not taken the new end: it ends where it ended.
        let shrunk = std::fs::OpenOptions::new()
            .write(true)
            .open(&record.path)
            .and_then(|file| file.set_len(meta.len()))
            .and_then(|()| mount::resize(&device));
        if let Err(error) = shrunk {
            tracing::error!(image = %record.path.display(), %error, "the image keeps its new size");
        }
        return Err(error);
    }
    record.size = size;
    let beside = record::beside(dir);
    Record::new(record.fs.driver(), Some(record.clone()))
        .write(&beside)
        .map_err(PoolError::io("cannot write", &beside))?;
    Ok(record)
}

/// Unmounts a pool's image and removes it, its record and its entry for the next boot. With
/// `force`, also when there are volumes in it, which are lost. Repeating it finishes what an
/// earlier call began.
pub fn remove_image(pool_dir: &Path, force: bool) -> Result<(), PoolError> {
    need_root("removed")?;
    let dir = &resolve(pool_dir)?;
    let _alone = alone(dir)?;
    let record = recorded(dir)?.ok_or_else(|| PoolError::NoImage(dir.clone()))?;
    if !force {
        ensure(dir)?;
        let volumes = std::fs::read_dir(dir.join("volumes")).map_or(0, Iterator::count);
        if volumes > 0 {
            return Err(PoolError::HoldsVolumes {
                dir: dir.clone(),
                volumes,
            });
        }
    }
    if mount::source_of(dir)?.is_some() {
        mount::unmount(dir)?;
    }
    if let Some(file) = &record.boot {
        boot::remove(file, dir)?;
    }
    remove_file(&record.path)?;
    remove_file(&record::beside(dir))
}

/// The image recorded for a pool.
pub fn recorded(pool_dir: &Path) -> Result<Option<ImageRecord>, PoolError> {
    let record = Record::read(&record::beside(&resolve(pool_dir)?))?;
    Ok(record.and_then(|record| record.image))
}

/// Mounts at the recorded place; the filesystem's root belongs to whom the directory below does.
fn mount_record(record: &ImageRecord) -> Result<(), PoolError> {
    let dir = &record.mount_point;
    let failed = |what| PoolError::io(what, dir);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(dir)
        .map_err(failed("cannot make"))?;
    let below = std::fs::metadata(dir).map_err(failed("cannot read"))?;
    mount::mount(&record.path, dir, record.fs)?;
    let set = || -> io::Result<()> {
        std::os::unix::fs::chown(dir, Some(below.uid()), Some(below.gid()))?;
        fs::chmod(dir, fs::Mode::from_raw_mode(below.mode() & 0o7777))?;
        Ok(())
    };
    set()
        .map_err(failed("cannot set the owner of"))
        .inspect_err(|_| {
            let _ = mount::unmount(dir);
        })
}

fn grow_filesystem(record: &ImageRecord, device: &Path) -> Result<(), PoolError> {
    let dir = &record.mount_point;
    let failed = || PoolError::io("cannot grow the filesystem at", dir);
    mount::resize(device).map_err(failed())?;
    match record.fs {
        ImageFs::Btrfs => std::fs::File::open(dir)
            .and_then(|root| Ok(crate::ioctl::btrfs_grow(root)?))
            .map_err(failed()),
        ImageFs::Xfs => {
            let program = Program::find("xfs_growfs", "xfsprogs")?;
            program.run(|command| command.arg("-d").arg(dir))
        }
    }
}

fn need_root(what: &'static str) -> Result<(), PoolError> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(PoolError::NeedsRoot(what))
}

/// Keeps other calls for the pool at `dir` out: a lock on the directory that it is in.
fn alone(dir: &Path) -> Result<std::fs::File, PoolError> {
    let parent = dir.parent().unwrap_or(dir);
    let held = std::fs::File::open(parent).map_err(PoolError::io("cannot open", parent))?;
    for _ in 0..ALONE_TRIES {
        match fs::flock(&held, fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(held),
            Err(rustix::io::Errno::AGAIN) => std::thread::sleep(ALONE_PAUSE),
            Err(error) => return Err(PoolError::io("cannot lock", parent)(error.into())),
        }
    }
    Err(PoolError::ImageBusy(dir.to_owned()))
}

fn resolve(path: &Path) -> Result<PathBuf, PoolError> {
    std::path::absolute(path).map_err(PoolError::io("cannot resolve", path))
}

fn absolute(image: &PoolImage) -> Result<PoolImage, PoolError> {
    Ok(PoolImage {
        path: resolve(&image.path)?,
        mount_point: resolve(&image.mount_point)?,
        ..image.clone()
    })
}

/// The image's name until it is whole. A leftover of an interrupted call is overwritten.
fn half_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".making");
    name.into()
}

fn remove_file(path: &Path) -> Result<(), PoolError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(PoolError::io("cannot remove", path)(error))
        }
        _ => Ok(()),
    }
}
