//! What can be told of a metadata database from outside, without a server and without changing it.

use crate::archive;
use crate::error::StoreResult;
use crate::row::{opt_time, text};
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
    /// Branches whose shadows are broken, each with the reason.
    pub broken_shadows: Vec<(String, String)>,
}

/// Reads the whole database. An error says what is wrong with it: damaged, or of a later version.
pub async fn inspect(database: &Path) -> StoreResult<Inspection> {
    let standing = upgrade::standing(database).await?;
    if standing == Standing::Absent {
        return Ok(Inspection {
            standing,
            newest: None,
            broken_shadows: Vec::new(),
        });
    }
    archive::check(database).await?;
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let row = sqlx::query("SELECT MAX(at) AS newest FROM audit_events")
        .fetch_one(&mut connection)
        .await?;
    let broken = match standing {
        // Older ones have none.
        Standing::Current => {
            sqlx::query(
                "SELECT b.name, s.reason FROM shadows s JOIN branches b ON b.id = s.branch_id \
                 WHERE s.state = 'broken' ORDER BY b.name",
            )
            .fetch_all(&mut connection)
            .await?
        }
        Standing::Absent | Standing::Older(_) => Vec::new(),
    };
    connection.close().await?;
    Ok(Inspection {
        standing,
        newest: opt_time(&row, "newest")?,
        broken_shadows: broken
            .iter()
            .map(|row| Ok((text(row, "name")?, text(row, "reason")?)))
            .collect::<StoreResult<_>>()?,
    })
}
