//! Whatever happens to an object is found, and the object is named.

use crate::{Stand, id, tree};
use offshoot_archive::{Archive, ArchiveError};
use serde_json::json;
use std::path::Path;

async fn exported() -> (Stand, Archive) {
    let stand = Stand::new();
    // Not more than one chunk of content: the other is the index.
    std::fs::write(stand.source().join("orders.ibd"), tree::noise(1, 65536)).unwrap();
    let archive = stand.archive();
    archive
        .export(id(1), &stand.source(), json!({"a": 1}), &())
        .await
        .unwrap();
    archive
        .export(id(2), &stand.source(), json!({"b": 1}), &())
        .await
        .unwrap();
    (stand, archive)
}

/// Both ways of reading fail, name `object`, and leave no whole tree behind.
async fn refuse(stand: &Stand, archive: &Archive, object: &Path) -> ArchiveError {
    let name = object.strip_prefix(stand.store()).unwrap();
    let name = name.to_str().unwrap();
    let imported = archive
        .import(id(1), &stand.target(), &())
        .await
        .unwrap_err();
    assert!(imported.to_string().contains(name), "{imported}");
    let restored = std::fs::read(stand.target().join("orders.ibd")).unwrap_or_default();
    assert!(restored != tree::noise(1, 65536) || name.contains("backups"));
    std::fs::remove_dir_all(stand.target()).ok();
    let verified = archive.verify(id(1), &()).await.unwrap_err();
    assert_eq!(verified.to_string(), imported.to_string());
    verified
}

#[tokio::test]
async fn a_flipped_byte_is_found_in_every_object() {
    let (stand, archive) = exported().await;
    let mut objects = stand.objects("/chunks/");
    assert_eq!(objects.len(), 2);
    objects.extend(stand.objects(&format!("/backups/{}", id(1))));
    for object in objects {
        let whole = std::fs::read(&object).unwrap();
        for at in [0, 5, 6, 20, 40, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&object, bytes).unwrap();
            refuse(&stand, &archive, &object).await;
        }
        std::fs::write(&object, &whole).unwrap();
        archive.verify(id(1), &()).await.unwrap();
    }
}

#[tokio::test]
async fn a_truncated_or_lengthened_object_is_found() {
    let (stand, archive) = exported().await;
    let objects = [stand.objects("/chunks/"), stand.objects("/backups/")].concat();
    for object in objects.iter().filter(|o| !o.ends_with(id(2).as_str())) {
        let whole = std::fs::read(object).unwrap();
        let longer = [&whole[..], &[0; 3 * tree::MIB]].concat();
        for bytes in [&[][..], &whole[..30], &whole[..whole.len() - 1], &longer] {
            std::fs::write(object, bytes).unwrap();
            refuse(&stand, &archive, object).await;
        }
        std::fs::write(object, &whole).unwrap();
    }
}

#[tokio::test]
async fn a_missing_or_swapped_object_is_found() {
    let (stand, archive) = exported().await;
    let chunks = stand.objects("/chunks/");
    let contents: Vec<_> = chunks.iter().map(|c| std::fs::read(c).unwrap()).collect();
    for (object, content) in chunks.iter().zip(&contents) {
        std::fs::remove_file(object).unwrap();
        let missing = refuse(&stand, &archive, object).await;
        assert!(matches!(missing, ArchiveError::Missing { .. }), "{missing}");
        std::fs::write(object, content).unwrap();
    }
    for (object, content) in chunks.iter().zip(contents.iter().rev()) {
        let own = std::fs::read(object).unwrap();
        std::fs::write(object, content).unwrap();
        refuse(&stand, &archive, object).await;
        std::fs::write(object, own).unwrap();
    }
    // One backup does not pass for another.
    let backups = stand.objects("/backups/");
    std::fs::copy(&backups[1], &backups[0]).unwrap();
    refuse(&stand, &archive, &backups[0]).await;
}

#[tokio::test]
async fn a_damaged_manifest_hides_no_other_and_keeps_every_chunk() {
    let (stand, archive) = exported().await;
    let chunks = stand.objects("/chunks/");
    let object = &stand.objects("/backups/")[0];
    std::fs::write(object, b"garbage").unwrap();
    let listing = archive.list().await.unwrap();
    assert_eq!(listing.backups.len(), 1);
    assert_eq!(listing.backups[0].id, id(2));
    assert!(listing.unreadable[0].to_string().contains(id(1).as_str()));

    // What it referred to is unknown, so nothing is removed until it is deleted.
    assert!(archive.sweep().await.is_err());
    archive.delete(id(2)).await.unwrap();
    assert_eq!(stand.objects("/chunks/"), chunks);
    archive.delete(id(1)).await.unwrap();
    assert!(stand.objects("").is_empty());
}
