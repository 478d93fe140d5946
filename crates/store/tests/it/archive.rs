//! Backup and restore of metadata and key.

use crate::setup::{KEY, fill, id, open};
use offshoot_store::archive::{backup, restore};
use offshoot_store::{Durability, MasterKey, Store};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_backup_of_a_running_store_restores_into_an_empty_place_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let database = dir.path().join("offshoot.db");
    let target = dir.path().join("saved");
    let key = MasterKey::from_bytes(KEY);
    backup(&database, &key, &target).await.unwrap();
    assert!(backup(&database, &key, &target).await.is_err());
    let mode = std::fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let new = dir.path().join("new");
    std::fs::create_dir(&new).unwrap();
    let (file, key_file) = (new.join("offshoot.db"), new.join("master.key"));
    restore(&target, &file, &key_file).await.unwrap();
    let key = MasterKey::read(&key_file).unwrap();
    let restored = Store::open(&file, key, Durability::Full).await.unwrap();
    let mut session = restored.read().await.unwrap();
    assert!(session.branch(id("shop"), "main").await.unwrap().is_some());
    assert!(restore(&target, &file, &key_file).await.is_err());
    let names = |d: &std::path::Path| std::fs::read_dir(d).unwrap().count();
    // Database with its log files, and the key: nothing else is left behind.
    assert!(names(&new) <= 4);
    assert!(!dir.path().join("saved.copy").exists());
}

#[tokio::test]
async fn a_damaged_backup_restores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let target = dir.path().join("saved");
    let key = MasterKey::from_bytes(KEY);
    backup(&dir.path().join("offshoot.db"), &key, &target)
        .await
        .unwrap();
    let good = std::fs::read(&target).unwrap();
    let new = dir.path().join("new");
    std::fs::create_dir(&new).unwrap();
    for cut in [0, 10, 60, good.len() / 2, good.len() - 1] {
        std::fs::write(&target, &good[..cut]).unwrap();
        let result = restore(&target, &new.join("offshoot.db"), &new.join("master.key")).await;
        assert!(result.is_err(), "cut at {cut}");
    }
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&target, &flipped).unwrap();
    let result = restore(&target, &new.join("offshoot.db"), &new.join("master.key")).await;
    assert!(result.is_err());
    assert_eq!(std::fs::read_dir(&new).unwrap().count(), 0);
}
