//! The ioctls that filesystems and loop devices are driven with, each as one safe function.
//!
//! Shapes and numbers are those of the kernel's `linux/btrfs.h`, `linux/fs.h`, `linux/fiemap.h`
//! and `linux/loop.h`.

use rustix::fd::{AsFd, AsRawFd};
use rustix::io::{Errno, Result};
use rustix::ioctl::{self, Ioctl, IoctlOutput, Opcode, opcode};
use std::ffi::{CStr, c_void};

const BTRFS: u8 = 0x94;

/// `struct btrfs_ioctl_vol_args_v2`, 4096 bytes.
#[repr(C)]
struct VolumeArgs {
    fd: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

impl VolumeArgs {
    fn new(fd: i64, name: &CStr) -> Result<Self> {
        let bytes = name.to_bytes();
        let mut args = Self {
            fd,
            transaction: 0,
            flags: 0,
            unused: [0; 4],
            name: [0; 4040],
        };
        args.name
            .get_mut(..bytes.len())
            .filter(|_| bytes.len() < 4040)
            .ok_or(Errno::NAMETOOLONG)?
            .copy_from_slice(bytes);
        Ok(args)
    }
}

const SNAP_CREATE_V2: Opcode = opcode::write::<VolumeArgs>(BTRFS, 23);
const SUBVOL_CREATE_V2: Opcode = opcode::write::<VolumeArgs>(BTRFS, 24);
const SNAP_DESTROY_V2: Opcode = opcode::write::<VolumeArgs>(BTRFS, 63);

/// Makes the subvolume `name` in `parent`.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn subvolume_create(parent: impl AsFd, name: &CStr) -> Result<()> {
    let args = VolumeArgs::new(0, name)?;
    // SAFETY: SUBVOL_CREATE_V2 reads one `btrfs_ioctl_vol_args_v2`, whose layout `VolumeArgs` has.
    let call = unsafe { ioctl::Setter::<SUBVOL_CREATE_V2, VolumeArgs>::new(args) };
    // SAFETY: as above; the name is NUL-terminated within the structure.
    unsafe { ioctl::ioctl(parent, call) }
}

/// Makes `name` in `parent`, a writable snapshot of the subvolume `source`; committed on return.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn subvolume_snapshot(source: impl AsFd, parent: impl AsFd, name: &CStr) -> Result<()> {
    let source = source.as_fd();
    let args = VolumeArgs::new(i64::from(source.as_raw_fd()), name)?;
    // SAFETY: SNAP_CREATE_V2 reads one `btrfs_ioctl_vol_args_v2`, whose layout `VolumeArgs` has.
    let call = unsafe { ioctl::Setter::<SNAP_CREATE_V2, VolumeArgs>::new(args) };
    // SAFETY: as above; the descriptor in it stays open during the call.
    unsafe { ioctl::ioctl(parent, call) }
}

/// Removes the subvolume `name` of `parent` with everything in it. Space comes back later.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn subvolume_destroy(parent: impl AsFd, name: &CStr) -> Result<()> {
    let args = VolumeArgs::new(0, name)?;
    // SAFETY: SNAP_DESTROY_V2 reads one `btrfs_ioctl_vol_args_v2`, whose layout `VolumeArgs` has.
    let call = unsafe { ioctl::Setter::<SNAP_DESTROY_V2, VolumeArgs>::new(args) };
    // SAFETY: as above; without flags the subvolume is found by its name.
    unsafe { ioctl::ioctl(parent, call) }
}

/// Grows a mounted btrfs filesystem to the size of its device.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn btrfs_grow(fs: impl AsFd) -> Result<()> {
    /// `struct btrfs_ioctl_vol_args`, 4096 bytes.
    #[repr(C)]
    struct Args {
        fd: i64,
        name: [u8; 4088],
    }
    const RESIZE: Opcode = opcode::write::<Args>(BTRFS, 3);
    let mut args = Args {
        fd: 0,
        name: [0; 4088],
    };
    args.name[..3].copy_from_slice(b"max");
    // SAFETY: RESIZE reads one `btrfs_ioctl_vol_args`, whose layout `Args` has.
    let call = unsafe { ioctl::Setter::<RESIZE, Args>::new(args) };
    // SAFETY: as above; the name is NUL-terminated.
    unsafe { ioctl::ioctl(fs, call) }
}

/// `struct fsxattr`.
#[repr(C)]
#[derive(Clone, Copy)]
struct FileAttributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    cow_extent_size: u32,
    padding: [u8; 8],
}

const FLAG_COW_EXTENT_SIZE: u32 = 0x0001_0000;

/// Sets the copy-on-write extent hint of an XFS directory, in bytes; new files inherit it.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn set_cow_extent_size(dir: impl AsFd, bytes: u32) -> Result<()> {
    const GET: Opcode = opcode::read::<FileAttributes>(b'X', 31);
    const SET: Opcode = opcode::write::<FileAttributes>(b'X', 32);
    let dir = dir.as_fd();
    // SAFETY: FS_IOC_FSGETXATTR writes one `struct fsxattr`, whose layout `FileAttributes` has.
    let get = unsafe { ioctl::Getter::<GET, FileAttributes>::new() };
    // SAFETY: as above.
    let mut attributes = unsafe { ioctl::ioctl(dir, get) }?;
    attributes.flags |= FLAG_COW_EXTENT_SIZE;
    attributes.cow_extent_size = bytes;
    // SAFETY: FS_IOC_FSSETXATTR reads one `struct fsxattr`.
    let set = unsafe { ioctl::Setter::<SET, FileAttributes>::new(attributes) };
    // SAFETY: as above.
    unsafe { ioctl::ioctl(dir, set) }
}

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Extent {
    pub(crate) logical: u64,
    physical: u64,
    pub(crate) length: u64,
    reserved: [u64; 2],
    flags: u32,
    reserved2: [u32; 3],
}

impl Extent {
    pub(crate) fn is_last(&self) -> bool {
        self.flags & 0x1 != 0
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.flags & 0x2000 != 0
    }
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct ExtentHeader {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    capacity: u32,
    reserved: u32,
}

/// How many extents one call returns: 7 KiB, most files need one call.
const EXTENTS_PER_CALL: usize = 128;

/// `struct fiemap` with room for extents.
#[repr(C)]
pub(crate) struct ExtentMap {
    header: ExtentHeader,
    extents: [Extent; EXTENTS_PER_CALL],
}

const FIEMAP: Opcode = opcode::read_write::<ExtentHeader>(b'f', 11);

impl ExtentMap {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self {
            header: ExtentHeader::default(),
            extents: [Extent::default(); EXTENTS_PER_CALL],
        })
    }

    /// The extents of `file` from byte `start` on, as many as there is room for.
    pub(crate) fn read(&mut self, file: impl AsFd, start: u64) -> Result<&[Extent]> {
        self.call(file, start, EXTENTS_PER_CALL as u32)?;
        Ok(&self.extents[..(self.header.mapped as usize).min(EXTENTS_PER_CALL)])
    }

    /// The number of extents of `file`.
    pub(crate) fn count(&mut self, file: impl AsFd) -> Result<u64> {
        self.call(file, 0, 0)?;
        Ok(u64::from(self.header.mapped))
    }

    #[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
    fn call(&mut self, file: impl AsFd, start: u64, capacity: u32) -> Result<()> {
        self.header = ExtentHeader {
            start,
            length: u64::MAX - start,
            capacity,
            ..ExtentHeader::default()
        };
        // SAFETY: FIEMAP updates a `struct fiemap` that has room for `capacity` extents behind it;
        // `capacity` is at most EXTENTS_PER_CALL.
        let call = unsafe { ioctl::Updater::<FIEMAP, ExtentMap>::new(self) };
        // SAFETY: as above.
        unsafe { ioctl::ioctl(file, call) }
    }
}

/// The number of a free loop device.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn loop_free(control: impl AsFd) -> Result<u32> {
    struct GetFree;
    // SAFETY: LOOP_CTL_GET_FREE takes no argument and returns the number.
    unsafe impl Ioctl for GetFree {
        type Output = u32;
        const IS_MUTATING: bool = false;

        fn opcode(&self) -> Opcode {
            0x4C82
        }

        fn as_ptr(&mut self) -> *mut c_void {
            std::ptr::null_mut()
        }

        unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> Result<u32> {
            u32::try_from(out).map_err(|_| Errno::NODEV)
        }
    }
    // SAFETY: no memory is passed.
    unsafe { ioctl::ioctl(control, GetFree) }
}

/// `struct loop_config` with its `struct loop_info64`, 304 bytes.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: [u64; 5],
    number: u32,
    encryption: u32,
    key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    key: [u8; 32],
    init: [u64; 2],
    reserved: [u64; 8],
}

const _: () = assert!(size_of::<LoopConfig>() == 304 && size_of::<VolumeArgs>() == 4096);

/// The device detaches itself when its last user (a mount, a descriptor) is gone.
pub(crate) const LOOP_AUTOCLEAR: u32 = 4;
/// The device reads and writes past the page cache of the filesystem that holds the image.
pub(crate) const LOOP_DIRECT_IO: u32 = 16;

/// Attaches `image` to the loop device `device`. `EBUSY` when another was faster.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn loop_attach(
    device: impl AsFd,
    image: impl AsFd,
    name: &[u8],
    flags: u32,
) -> Result<()> {
    struct Configure(Box<LoopConfig>);
    // SAFETY: LOOP_CONFIGURE reads one `struct loop_config`, whose layout `LoopConfig` has.
    unsafe impl Ioctl for Configure {
        type Output = ();
        const IS_MUTATING: bool = false;

        fn opcode(&self) -> Opcode {
            0x4C0A
        }

        fn as_ptr(&mut self) -> *mut c_void {
            std::ptr::from_mut(self.0.as_mut()).cast()
        }

        unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> Result<()> {
            Ok(())
        }
    }
    let image = image.as_fd();
    let mut file_name = [0; 64];
    let shown = &name[..name.len().min(63)];
    file_name[..shown.len()].copy_from_slice(shown);
    let config = LoopConfig {
        fd: u32::try_from(image.as_raw_fd()).map_err(|_| Errno::BADF)?,
        block_size: 0,
        info: [0; 5],
        number: 0,
        encryption: 0,
        key_size: 0,
        flags,
        file_name,
        crypt_name: [0; 64],
        key: [0; 32],
        init: [0; 2],
        reserved: [0; 8],
    };
    // SAFETY: the structure lives through the call, and so does the descriptor in it.
    unsafe { ioctl::ioctl(device, Configure(Box::new(config))) }
}

/// Makes a loop device read and write past the page cache of the image's filesystem.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn loop_direct_io(device: impl AsFd) -> Result<()> {
    // SAFETY: LOOP_SET_DIRECT_IO takes a number, not a pointer.
    let call = unsafe { ioctl::IntegerSetter::<0x4C08>::new_usize(1) };
    // SAFETY: as above.
    unsafe { ioctl::ioctl(device, call) }
}

/// Makes a loop device as large as its image has become.
#[expect(unsafe_code, reason = "an ioctl that rustix does not wrap")]
pub(crate) fn loop_resize(device: impl AsFd) -> Result<()> {
    // SAFETY: LOOP_SET_CAPACITY takes no argument.
    let call = unsafe { ioctl::NoArg::<0x4C07>::new() };
    // SAFETY: as above.
    unsafe { ioctl::ioctl(device, call) }
}
