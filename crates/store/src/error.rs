//! What can go wrong with the store.

use offshoot_core::Refusal;
use offshoot_core::refusal::{Kind, code};
use std::path::PathBuf;

pub type StoreResult<T> = Result<T, StoreError>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique name or key is taken.
    #[error("already taken: {0}")]
    Taken(String),
    /// The lease of a workflow was lost, or the workflow is gone: another one goes on with it.
    #[error("the workflow's lease is lost")]
    Fenced,
    #[error("the disk is full")]
    DiskFull,
    #[error("column {column} holds an impossible value")]
    Corrupt { column: String },
    #[error("sealed value cannot be opened: wrong master key, or changed")]
    Seal,
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{0}")]
    Key(String),
    #[error("{0}")]
    Archive(String),
    /// The database is of a later version of Offshoot.
    #[error(
        "the metadata were last used by a newer Offshoot (their schema is {found}, this program knows up to {known}): \
         start that version; to go back to this one, put back the copy that it made before its upgrade (directory backups, or `offshoot admin restore`)"
    )]
    Newer { found: i64, known: i64 },
    /// A commit was cut off by the end of the process.
    #[error("the server is stopping")]
    Stopping,
    /// A test ended this process's life.
    #[error("killed by a test")]
    Killed,
    #[error("database: {0}")]
    Database(sqlx::Error),
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        /// Primary result code of SQLite for a full disk.
        const SQLITE_FULL: &str = "13";
        match error.as_database_error() {
            Some(db) if db.is_unique_violation() => Self::Taken(db.message().to_owned()),
            Some(db) if db.code().as_deref() == Some(SQLITE_FULL) => Self::DiskFull,
            _ => Self::Database(error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(_) => {
                Refusal::conflict("another thing has that name already").cause(error)
            }
            StoreError::DiskFull => Refusal::new(
                Kind::Exhausted,
                "the disk with the metadata database is full",
            )
            .code(code::DISK_FULL)
            .hint("free some space in the data directory"),
            other => Refusal::internal(other),
        }
    }
}
