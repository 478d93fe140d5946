//! What can go wrong with an archive. Whatever concerns an object names it, as it is in the store.

use crate::key::KeyId;
use offshoot_core::id::BackupId;
use std::io;
use std::path::PathBuf;

pub(crate) type Result<T> = std::result::Result<T, ArchiveError>;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the store {url}: {why}")]
    Address { url: String, why: String },
    #[error("the option {key} of the store: {why}")]
    Option { key: String, why: String },
    #[error("the backup key: {0}")]
    Key(String),
    #[error("{object} cannot be {doing}: {cause}")]
    Store {
        object: String,
        doing: &'static str,
        cause: object_store::Error,
    },
    #[error("{object} is not in the store, and a backup needs it")]
    Missing { object: String },
    #[error("{object} is damaged: {why}")]
    Damaged { object: String, why: &'static str },
    #[error(
        "{object} is sealed with the backup key {sealed}, and the key that was given is {given}"
    )]
    OtherKey {
        object: String,
        sealed: KeyId,
        given: KeyId,
    },
    #[error("the store has no backup {0} under this key")]
    NoBackup(BackupId),
    #[error("{name:?} is no name for a sealed object: letters, digits, and . _ - between slashes")]
    Name { name: String },
    #[error("a sealed object takes at most {most} bytes, not {size}")]
    TooLarge { size: u64, most: u64 },
    #[error("{path}: {cause}", path = path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("{path} changed while it was read", path = .0.display())]
    Changed(PathBuf),
    #[error("{path} is not empty", path = .0.display())]
    NotEmpty(PathBuf),
    #[error(
        "the export of {0} was taken for dead, and chunks it counts on may be gone; repeated, it puts what is missing"
    )]
    LeaseLost(BackupId),
    #[error("a task of the archive ended badly: {0}")]
    Task(tokio::task::JoinError),
}

impl ArchiveError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| ArchiveError::File { path, cause }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        use object_store::Error as E;
        match self {
            Self::Store { cause, .. } => !matches!(
                cause,
                E::PermissionDenied { .. }
                    | E::Unauthenticated { .. }
                    | E::NotImplemented { .. }
                    | E::NotSupported { .. }
                    | E::UnknownConfigurationKey { .. }
                    | E::InvalidPath { .. }
            ),
            Self::LeaseLost(_) | Self::Task(_) => true,
            _ => false,
        }
    }
}
