//! The master key's file.

use crate::setup::{KEY, fill, open};
use offshoot_store::{Durability, MasterKey, Store, StoreError};
use secrecy::ExposeSecret;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_key_file_is_made_once_and_only_its_owner_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let made = MasterKey::read_or_create(&path).unwrap();
    let read = MasterKey::read_or_create(&path).unwrap();
    assert_eq!(
        made.to_base64().expose_secret(),
        read.to_base64().expose_secret()
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(made.write_new(&path).is_err());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = MasterKey::read(&path).unwrap_err().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
}

#[tokio::test]
async fn a_store_does_not_open_under_another_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    store.close().await;
    let file = dir.path().join("offshoot.db");
    let wrong = Store::open(&file, MasterKey::from_bytes([6; 32]), Durability::Full).await;
    assert!(matches!(wrong.err(), Some(StoreError::Seal)));
    let right = Store::open(&file, MasterKey::from_bytes(KEY), Durability::Full).await;
    right.unwrap();
}
