//! Reading an engine's data in full: whether it is whole, and what it is.

use super::session::{AdminError, Session, identifier};
use crate::schema::users_only;
use offshoot_core::backup::Examined;
use offshoot_core::engine::EngineKind;
use offshoot_core::port::{PortError, PortResult, Progress};
use offshoot_core::refusal::Refusal;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Checks every user table, counts its rows, and takes its checksum. Three reads of all data: a table
/// counts for a third of its bytes with each of them.
///
/// # Errors
/// Fatal, with the table's name and the engine's words, when a table is damaged.
pub async fn examine(
    session: &mut Session,
    kind: EngineKind,
    progress: &dyn Progress,
) -> PortResult<Examined> {
    let tables = tables(session, kind).await?;
    let mut walk = Walk {
        total: tables.iter().map(|(_, _, bytes)| bytes).sum(),
        done: 0,
        progress,
    };
    walk.past(0);
    let mut digest = Sha256::new();
    let mut examined = Examined {
        tables: tables.len() as u64,
        rows: 0,
        digest: String::with_capacity(64),
    };
    for (schema, table, bytes) in tables {
        let name = format!("{}.{}", identifier(&schema), identifier(&table));
        let found = read(session, &name, bytes, &mut walk).await;
        let (rows, checksum) = found.map_err(|error| match error {
            // It answered, and not with what the table holds.
            Found::Admin(AdminError::Server { code, message, .. }) if !PASSING.contains(&code) => {
                damaged(&schema, &table, &message)
            }
            // Reading a damaged page can end an engine.
            Found::Admin(other) => PortError::retry(
                Refusal::unavailable(format!(
                    "the engine gave no answer while table {schema}.{table} was read"
                ))
                .cause(other),
            ),
            Found::Damage(words) => damaged(&schema, &table, &words),
        })?;
        examined.rows += rows;
        digest.update(format!("{schema}\0{table}\0{rows}\0{checksum}\n"));
    }
    for byte in digest.finalize() {
        write!(examined.digest, "{byte:02x}").expect("writing to a string");
    }
    Ok(examined)
}

/// Schema, name and bytes of every user table.
async fn tables(session: &mut Session, kind: EngineKind) -> PortResult<Vec<(String, String, u64)>> {
    if kind == EngineKind::Mysql {
        // Sizes as they are, not as they were a day ago.
        let fresh = "SET SESSION information_schema_stats_expiry = 0";
        session.execute(fresh).await?;
    }
    let users = users_only("TABLE_SCHEMA");
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, \
                CAST(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS UNSIGNED) \
         FROM information_schema.TABLES \
         WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND {users} ORDER BY 1, 2"
    );
    let rows = session.query(&sql).await?.into_iter();
    rows.map(mysql_async::from_row_opt)
        .collect::<Result<_, _>>()
        .map_err(|error| PortError::fatal(Refusal::internal(error)))
}

/// How far the reading is.
struct Walk<'a> {
    total: u64,
    done: u64,
    progress: &'a dyn Progress,
}

impl Walk<'_> {
    fn past(&mut self, bytes: u64) {
        self.done += bytes;
        self.progress.at(self.done, self.total);
    }
}

/// Errors that say nothing about the table: disk or memory is full, a lock is held, the engine shuts
/// down, the statement was killed.
const PASSING: [u16; 8] = [1021, 1037, 1038, 1041, 1053, 1205, 1317, 3024];

enum Found {
    Admin(AdminError),
    Damage(String),
}

impl From<AdminError> for Found {
    fn from(error: AdminError) -> Self {
        Found::Admin(error)
    }
}

/// Rows and checksum of a table that is whole.
async fn read(
    session: &mut Session,
    name: &str,
    bytes: u64,
    walk: &mut Walk<'_>,
) -> Result<(u64, String), Found> {
    type Checked = (String, String, String, String);
    for row in session.query(&format!("CHECK TABLE {name}")).await? {
        if let Ok((_, _, kind, words)) = mysql_async::from_row_opt::<Checked>(row)
            && (kind.eq_ignore_ascii_case("error")
                || (kind == "status" && words != "OK" && words != "Table is already up to date"))
        {
            return Err(Found::Damage(words));
        }
    }
    walk.past(bytes / 3);
    let sql = format!("SELECT COUNT(*) FROM {name}");
    let rows = session.query(&sql).await?;
    let count = rows.into_iter().next().and_then(|mut row| row.take(0));
    walk.past(bytes / 3);
    let sql = format!("CHECKSUM TABLE {name} EXTENDED");
    let rows = session.query(&sql).await?;
    walk.past(bytes - bytes / 3 * 2);
    let checksum = rows.into_iter().next().and_then(|mut row| row.take(1));
    match (count, checksum) {
        (Some(count), Some(Some(checksum))) => Ok((count, checksum)),
        _ => Err(Found::Damage("it has no checksum".to_owned())),
    }
}

fn damaged(schema: &str, table: &str, words: &str) -> PortError {
    PortError::fatal(
        Refusal::unprocessable(format!("table {schema}.{table} is damaged: {words}"))
            .hint("the branch itself may be damaged as well: check the table there"),
    )
}
