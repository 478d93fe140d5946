//! `admin backup` and `admin restore`: metadata and master key in one file, for the day the
//! machine is gone. The file holds the key, so it is 0600 and has to be kept like one.
//!
//! Format: 16 bytes of magic with a version, the SHA-256 of all that follows, the length of the
//! key part (8 bytes, big endian), the key in base64, the SQLite database.

use crate::error::{StoreError, StoreResult};
use crate::key::MasterKey;
use crate::session::{Durability, Store};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 16] = b"offshoot-meta-1\n";
const DIGEST: usize = 32;

/// Writes a consistent copy of the metadata and the key. `target` must not be there. Works while a
/// server runs on the same database.
pub async fn backup(database: &Path, key: &MasterKey, target: &Path) -> StoreResult<()> {
    if target.exists() {
        return Err(StoreError::Archive(format!(
            "{} is there already; choose another file",
            target.display()
        )));
    }
    let copy = beside(target, "copy");
    remove(&copy)?;
    let result = async {
        vacuum_into(database, &copy).await?;
        check(&copy).await?;
        let data = std::fs::read(&copy).map_err(at(&copy))?;
        write(target, key, &data)
    }
    .await;
    remove(&copy)?;
    result
}

/// Restores metadata and key into places that must both be empty, and proves that they fit
/// together before anything is in its place.
pub async fn restore(archive: &Path, database: &Path, key_file: &Path) -> StoreResult<()> {
    for path in [database, key_file] {
        if path.exists() {
            return Err(StoreError::Archive(format!(
                "{} is there already; restore into an empty data directory",
                path.display()
            )));
        }
    }
    let bytes = std::fs::read(archive).map_err(at(archive))?;
    let (key, data) = parse(&bytes).ok_or_else(|| {
        StoreError::Archive(format!(
            "{} is not a whole backup of Offshoot's metadata",
            archive.display()
        ))
    })?;
    let key = MasterKey::from_base64(&SecretString::from(key))?;
    let part = beside(database, "restore");
    remove(&part)?;
    let result = async {
        let mut file = create(&part)?;
        file.write_all(data).map_err(at(&part))?;
        file.sync_all().map_err(at(&part))?;
        check(&part).await?;
        Store::open(
            &part,
            MasterKey::from_base64(&key.to_base64())?,
            Durability::Full,
        )
        .await?
        .close()
        .await;
        key.write_new(key_file)?;
        std::fs::rename(&part, database).map_err(at(database))
    }
    .await;
    remove(&part)?;
    result
}

pub(crate) async fn vacuum_into(database: &Path, copy: &Path) -> StoreResult<()> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let path = copy
        .to_str()
        .ok_or_else(|| StoreError::Archive("the target's path is not UTF-8".to_owned()))?;
    drop(create(copy)?);
    sqlx::query("VACUUM INTO $1")
        .bind(path)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

/// Reads the whole database and says whether it is sound. Works while a server runs on it.
pub async fn check(database: &Path) -> StoreResult<()> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let verdict: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await?;
    let broken = sqlx::query("PRAGMA foreign_key_check")
        .fetch_all(&mut connection)
        .await?
        .len();
    connection.close().await?;
    if verdict == "ok" && broken == 0 {
        Ok(())
    } else {
        Err(StoreError::Archive(format!(
            "the metadata database is damaged: {verdict}, {broken} broken references"
        )))
    }
}

fn write(target: &Path, key: &MasterKey, data: &[u8]) -> StoreResult<()> {
    let key = key.to_base64();
    let key = key.expose_secret().as_bytes();
    let length = (key.len() as u64).to_be_bytes();
    let mut digest = Sha256::new();
    for part in [&length[..], key, data] {
        digest.update(part);
    }
    let part = beside(target, "part");
    remove(&part)?;
    let result = (|| {
        let mut file = create(&part)?;
        for piece in [&MAGIC[..], &digest.finalize(), &length, key, data] {
            file.write_all(piece).map_err(at(&part))?;
        }
        file.sync_all().map_err(at(&part))?;
        // A link, unlike a rename, never takes the place of a file that came meanwhile.
        std::fs::hard_link(&part, target).map_err(at(target))
    })();
    remove(&part)?;
    result
}

/// Key text and database of an archive, if it is whole.
fn parse(bytes: &[u8]) -> Option<(String, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (digest, rest) = rest.split_at_checked(DIGEST)?;
    if Sha256::digest(rest).as_slice() != digest {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (key, data) = rest.split_at_checked(length)?;
    Some((String::from_utf8(key.to_vec()).ok()?, data))
}

fn create(path: &Path) -> StoreResult<std::fs::File> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(at(path))
}

/// Removes a file of ours, with what SQLite may have left beside it.
pub(crate) fn remove(path: &Path) -> StoreResult<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(at(&file)(e)),
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + '_ {
    move |source| StoreError::File {
        path: path.to_owned(),
        source,
    }
}
