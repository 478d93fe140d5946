//! Pools: directories in which volumes live, copied by the cheapest means their filesystem has.
//!
//! [`Pool`] implements the port `offshoot_core::port::Volumes` with one of three drivers: btrfs
//! (subvolume snapshots), XFS (reflinks, file by file) and copy (full copies, anywhere).
//! [`image`] makes, mounts and grows a pool of its own in a file of another filesystem.
//!
//! It knows neither engines nor branches nor a store: a volume is a directory `data` that belongs
//! to an identity, and a snapshot is an image of one.

mod driver;
mod error;
mod extent;
pub mod image;
mod ioctl;
mod pool;
mod tree;

pub use error::PoolError;
pub use extent::Pause;
pub use pool::owner::OwnerRange;
pub use pool::report::{PoolReport, VolumeReport};
pub use pool::{Located, Pool, PoolOptions};
