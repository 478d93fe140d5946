//! What can be told of a metadata database from outside, without a server and without changing it.

use crate::archive;
use crate::error::StoreResult;
use crate::row::opt_time;
use crate::upgrade::{self, Standing};
use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub standing: Standing,
    /// Time of the newest audit event: a clock that is behind it is wrong.
    pub newest: Option<Timestamp>,
}

/// Reads the whole database. An error says what is wrong with it: damaged, or of a later version.
pub async fn inspect(database: &Path) -> StoreResult<Inspection> {
    let standing = upgrade::standing(database).await?;
    if standing == Standing::Absent {
        return Ok(Inspection {
            standing,
            newest: None,
        });
    }
    archive::check(database).await?;
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let row = sqlx::query("SELECT MAX(at) AS newest FROM audit_events")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(Inspection {
        standing,
        newest: opt_time(&row, "newest")?,
    })
}
