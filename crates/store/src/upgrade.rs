//! The metadata's schema across versions: forward only. Before it changes, a copy is kept; a
//! database of a later version is not touched.

use crate::archive::{at, beside, remove, vacuum_into};
use crate::error::{StoreError, StoreResult};
use crate::session::MIGRATIONS;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How a database's schema stands to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none yet.
    Absent,
    Current,
    /// It is going to be brought up to date; so far it is this version's.
    Older(i64),
}

/// Refuses a database of a later version.
pub async fn standing(database: &Path) -> StoreResult<Standing> {
    let Some(applied) = applied(database).await? else {
        return Ok(Standing::Absent);
    };
    let known: BTreeSet<i64> = MIGRATIONS.iter().map(|m| m.version).collect();
    let latest = applied.last().copied().unwrap_or(0);
    if !applied.is_subset(&known) {
        return Err(StoreError::Newer {
            found: latest,
            known: known.last().copied().unwrap_or(0),
        });
    }
    Ok(match applied.is_empty() {
        true => Standing::Absent,
        false if applied == known => Standing::Current,
        false => Standing::Older(latest),
    })
}

/// Makes ready for [`crate::Store::open`]: refuses a database of a later version, and copies one
/// whose schema is going to change into `backups` (made with mode 0700). Returns the copy, a plain
/// database file named after the schema it has. No server may run on the database.
pub async fn prepare(database: &Path, backups: &Path) -> StoreResult<Option<PathBuf>> {
    let Standing::Older(latest) = standing(database).await? else {
        return Ok(None);
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(backups)
        .map_err(at(backups))?;
    let copy = backups.join(format!("metadata-{latest:04}.db"));
    let part = beside(&copy, "part");
    remove(&part)?;
    vacuum_into(database, &part).await?;
    std::fs::File::open(&part)
        .and_then(|file| file.sync_all())
        .map_err(at(&part))?;
    std::fs::rename(&part, &copy).map_err(at(&copy))?;
    Ok(Some(copy))
}

/// Versions of the schema that the database went through; `None` when it is not there, or empty.
async fn applied(database: &Path) -> StoreResult<Option<BTreeSet<i64>>> {
    if !std::fs::metadata(database).is_ok_and(|file| file.len() > 0) {
        return Ok(None);
    }
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let table: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'")
            .fetch_optional(&mut connection)
            .await?;
    let versions: Vec<i64> = match table {
        Some(_) => {
            sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
                .fetch_all(&mut connection)
                .await?
        }
        None => Vec::new(),
    };
    connection.close().await?;
    Ok(Some(versions.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, MasterKey, Store};
    use std::os::unix::fs::PermissionsExt;

    async fn open(file: &Path) -> StoreResult<Store> {
        Store::open(file, MasterKey::from_bytes([1; 32]), Durability::Process).await
    }

    async fn execute(file: &Path, sql: &str) {
        let options = SqliteConnectOptions::new().filename(file);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        for sql in sql.split(';') {
            sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_copy_is_kept_before_the_schema_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (file, backups) = (dir.path().join("offshoot.db"), dir.path().join("backups"));
        assert_eq!(prepare(&file, &backups).await.unwrap(), None);
        open(&file).await.unwrap().close().await;
        assert_eq!(
            prepare(&file, &backups).await.unwrap(),
            None,
            "it is up to date"
        );
        assert!(!backups.exists());
        // As the version before the limits left it.
        execute(
            &file,
            "ALTER TABLE branches DROP COLUMN max_connections;\
             ALTER TABLE branches DROP COLUMN disk_quota;\
             ALTER TABLE branches DROP COLUMN quota_state;\
             DELETE FROM _sqlx_migrations WHERE version = 6;\
             INSERT INTO nodes (id, pool_id, created_at) VALUES ('nnnnnnnnnnnn', 'pppppppppppp', 1)",
        )
        .await;
        // Twice: the first was killed before the schema changed.
        let first = prepare(&file, &backups).await.unwrap().unwrap();
        let copy = prepare(&file, &backups).await.unwrap().unwrap();
        assert_eq!(first, copy);
        let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let store = open(&file).await.unwrap();
        assert!(store.read().await.unwrap().node().await.unwrap().is_some());
        store.close().await;
        assert_eq!(prepare(&file, &backups).await.unwrap(), None);
        // The way back: the copy is a database of the old schema with all that was in it.
        let old = applied(&copy).await.unwrap().unwrap();
        assert!(!old.contains(&6));
        let store = open(&copy).await.unwrap();
        assert!(store.read().await.unwrap().node().await.unwrap().is_some());
        store.close().await;
    }

    #[tokio::test]
    async fn a_later_database_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, backups) = (dir.path().join("offshoot.db"), dir.path().join("backups"));
        open(&file).await.unwrap().close().await;
        execute(
            &file,
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9000, 'later', TRUE, x'00', 0)",
        )
        .await;
        let before = std::fs::read(&file).unwrap();
        let said = prepare(&file, &backups).await.unwrap_err().to_string();
        assert!(said.contains("9000") && said.contains("backups"), "{said}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
        assert!(!backups.exists());
    }
}
