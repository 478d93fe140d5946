//! Off-site copies: backups in an object store, encrypted, and back.
//!
//! An [`Archive`] is one store with one backup key. A backup becomes chunks, which all backups of
//! the key share, and a manifest, which is written last and vouches for everything. Beside them
//! lie sealed objects of other makers, under names of their own. `docs/design/0009` has the
//! reasons.
//!
//! It knows neither engines nor branches nor pools: it is given a directory and what to keep with it.

mod archive;
mod chunk;
mod delete;
mod error;
mod export;
mod import;
mod index;
mod key;
mod known;
mod lease;
mod manifest;
mod name;
mod open;
mod seal;
mod sealed;
mod store;
mod tree;

pub use archive::{Archive, Options};
pub use delete::Sweep;
pub use error::ArchiveError;
pub use export::Summary;
pub use import::Restored;
pub use key::{BackupKey, KeyId};
pub use manifest::{About, Listing};
pub use sealed::SealedObject;

/// The store itself: tests put their own between an archive and what it writes.
pub use object_store;
