//! Out and back.

use crate::{Stand, id, key, open, tree};
use offshoot_archive::{ArchiveError, Sweep};
use offshoot_core::port::Progress;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

#[derive(Default)]
struct Seen(Mutex<Vec<(u64, u64)>>);

impl Progress for Seen {
    fn at(&self, done: u64, total: u64) {
        self.0.lock().unwrap().push((done, total));
    }
}

impl Seen {
    fn check(&self, size: u64) {
        let seen = self.0.lock().unwrap();
        assert!(seen.is_sorted_by_key(|(done, _)| *done));
        assert!(seen.iter().all(|(_, total)| *total == size));
        assert_eq!(seen.last().unwrap().0, size);
    }
}

#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    let stand = Stand::new();
    tree::engine_like(&stand.source());
    // An engine's socket is left out.
    let socket = std::os::unix::net::UnixListener::bind(stand.source().join("mysql.sock")).unwrap();
    let about = json!({"name": "monday", "position": {"gtid_set": "a:1-9"}});
    let archive = stand.archive();
    let (out, back) = (Seen::default(), Seen::default());
    let summary = archive
        .export(id(1), &stand.source(), about.clone(), &out)
        .await
        .unwrap();
    std::fs::remove_file(stand.source().join("mysql.sock")).unwrap();
    drop(socket);
    let size: u64 = tree::files(&stand.source())
        .iter()
        .map(|f| f.metadata().unwrap().len())
        .sum();
    assert_eq!(summary.bytes, size);
    out.check(size);

    let restored = archive.import(id(1), &stand.target(), &back).await.unwrap();
    back.check(size);
    assert_eq!((restored.about, restored.bytes), (about, size));
    assert_eq!(restored.files, tree::files(&stand.source()).len() as u64);
    tree::assert_same(&stand.source(), &stand.target());
    // The holes, those in the middle of a chunk too.
    let sparse = "shop/sparse.ibd";
    let before = tree::allocated(&stand.source().join(sparse));
    let after = tree::allocated(&stand.target().join(sparse));
    assert!(
        after <= before.max(5 * 8192 + 4096),
        "{after} after {before}"
    );

    let verified = archive.verify(id(1), &()).await.unwrap();
    assert_eq!((verified.bytes, verified.files), (size, restored.files));
    // Nothing is left of the export but what it made.
    assert!(stand.objects("/pending/").is_empty());
}

#[tokio::test]
async fn names_and_objects_show_nothing() {
    let stand = Stand::new();
    std::fs::write(stand.source().join("secret-table.ibd"), [b'S'; 4096]).unwrap();
    let about = json!({"name": "secret-backup"});
    let export = |key| {
        let (store, source, about) = (stand.store(), stand.source(), about.clone());
        async move { open(&store, &key).export(id(1), &source, about, &()).await }
    };
    export(key(1)).await.unwrap();
    for path in tree::files(&stand.store()) {
        let bytes = std::fs::read(&path).unwrap();
        let seen = [path.to_str().unwrap().as_bytes(), &bytes].concat();
        for word in [&b"secret"[..], b"SSSSSSSS", b"ibd"] {
            assert!(!seen.windows(word.len()).any(|w| w == word), "{path:?}");
        }
    }
    // The same content has another name under another key.
    let names = |part: &str| -> Vec<_> {
        let found = stand.objects("/chunks/");
        let of_key = found.iter().filter(|p| p.to_str().unwrap().contains(part));
        of_key.map(|p| p.file_name().unwrap().to_owned()).collect()
    };
    export(key(2)).await.unwrap();
    let (one, two) = (
        names(&key(1).id().to_string()),
        names(&key(2).id().to_string()),
    );
    assert_eq!((one.len(), two.len()), (2, 2));
    assert!(one.iter().all(|name| !two.contains(name)));
}

#[tokio::test]
async fn what_did_not_change_is_not_put_again() {
    let stand = Stand::new();
    let file = stand.source().join("orders.ibd");
    std::fs::write(&file, tree::noise(1, 20 * tree::MIB)).unwrap();
    let archive = stand.archive();
    let source = stand.source();
    let export = |n| archive.export(id(n), &source, json!(null), &());
    let first = export(1).await.unwrap();
    assert_eq!((first.chunks_put, first.chunks_reused), (21, 0));

    // Pages of two chunks, and the file has grown.
    for page in [1, 2, 200] {
        tree::touch_page(&file, page, 100 + page);
    }
    let grown = [std::fs::read(&file).unwrap(), tree::noise(9, 32768)].concat();
    std::fs::write(&file, grown).unwrap();
    let second = export(2).await.unwrap();
    // The two, the new one, and the index.
    assert_eq!((second.chunks_put, second.chunks_reused), (4, 18));
    assert!(second.stored < 3 * tree::MIB as u64);

    // The same backup again is the same backup.
    let again = export(2).await.unwrap();
    assert_eq!(
        (again.bytes, again.stored, again.chunks_put),
        (second.bytes, 0, 0)
    );

    // The first is as it was when the second is gone, and the other way round.
    assert!(matches!(
        archive.delete(id(1)).await.unwrap(),
        Sweep::Swept { chunks: 3, .. }
    ));
    archive.import(id(2), &stand.target(), &()).await.unwrap();
    tree::assert_same(&stand.source(), &stand.target());
}

#[tokio::test]
async fn equal_chunks_of_one_backup_are_put_once() {
    let stand = Stand::new();
    let block = tree::noise(1, tree::MIB);
    std::fs::write(stand.source().join("a"), block.repeat(12)).unwrap();
    let archive = stand.archive();
    let summary = archive
        .export(id(1), &stand.source(), json!(null), &())
        .await;
    let summary = summary.unwrap();
    assert_eq!((summary.chunks_put, summary.chunks_reused), (2, 11));
    archive.import(id(1), &stand.target(), &()).await.unwrap();
    tree::assert_same(&stand.source(), &stand.target());
}

#[tokio::test]
async fn a_store_is_listed_and_another_key_is_named() {
    let stand = Stand::new();
    std::fs::write(stand.source().join("a"), b"content").unwrap();
    let archive = stand.archive();
    assert_eq!(archive.list().await.unwrap().backups, []);
    for n in [2, 1] {
        let about = json!({ "n": n });
        archive
            .export(id(n), &stand.source(), about, &())
            .await
            .unwrap();
    }
    let listing = archive.list().await.unwrap();
    let ids: Vec<_> = listing.backups.iter().map(|b| b.id).collect();
    assert_eq!(ids, [id(1), id(2)]);
    assert_eq!(listing.backups[1].about, json!({"n": 2}));
    assert_eq!((listing.backups[1].files, listing.backups[1].bytes), (1, 7));
    assert!(listing.unreadable.is_empty() && listing.other_keys.is_empty());

    let stranger = open(&stand.store(), &key(2));
    let listing = stranger.list().await.unwrap();
    assert_eq!(listing.backups, []);
    assert_eq!(listing.other_keys, [key(1).id()]);
    let refused = stranger
        .import(id(1), &stand.target(), &())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, ArchiveError::OtherKey { sealed, given, .. }
        if *sealed == key(1).id() && *given == key(2).id())
    );
    assert!(!stand.target().exists());
    let nothing = stranger.verify(id(7), &()).await.unwrap_err();
    assert!(matches!(nothing, ArchiveError::NoBackup(_)), "{nothing}");
    // Who has another key removes nothing of this one's.
    assert_eq!(
        stranger.delete(id(1)).await.unwrap(),
        Sweep::Swept {
            chunks: 0,
            bytes: 0
        }
    );
    archive.verify(id(1), &()).await.unwrap();
}

#[tokio::test]
async fn a_backup_goes_into_an_empty_directory_only() {
    let stand = Stand::new();
    std::fs::write(stand.source().join("a"), b"content").unwrap();
    let archive = stand.archive();
    archive
        .export(id(1), &stand.source(), json!(null), &())
        .await
        .unwrap();
    let refused = archive
        .import(id(1), &stand.source(), &())
        .await
        .unwrap_err();
    assert!(matches!(refused, ArchiveError::NotEmpty(_)), "{refused}");
    assert_eq!(std::fs::read(stand.source().join("a")).unwrap(), b"content");
}

#[tokio::test]
async fn what_cannot_be_read_fails_the_export_and_is_named() {
    let stand = Stand::new();
    let archive = stand.archive();
    let missing = archive
        .export(id(1), &stand.target(), json!(null), &())
        .await;
    assert!(missing.unwrap_err().to_string().contains("target"));
    std::fs::create_dir(stand.source().join("deep")).unwrap();
    let mut deep = stand.source().join("deep");
    for _ in 0..70 {
        deep.push("d");
        std::fs::create_dir(&deep).unwrap();
    }
    let refused = archive
        .export(id(1), &stand.source(), json!(null), &())
        .await;
    assert!(refused.unwrap_err().to_string().contains("deep/d/d"));
    assert_eq!(archive.list().await.unwrap().backups, []);
}

#[tokio::test]
async fn other_makers_seal_objects_under_their_names() {
    let stand = Stand::new();
    let archive = stand.archive();
    let name = "binlog/abcdefghij09/binlog.000001/0";
    archive
        .put_sealed(name, b"events".repeat(1000))
        .await
        .unwrap();
    archive
        .put_sealed("binlog/other/1", Vec::new())
        .await
        .unwrap();
    assert_eq!(
        archive.get_sealed(name).await.unwrap(),
        b"events".repeat(1000)
    );
    let listed = archive.list_sealed("binlog/abcdefghij09").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, name);
    assert!(listed[0].stored < 200);
    assert_eq!(archive.list_sealed("").await.unwrap().len(), 2);
    assert_eq!(archive.list_sealed("none").await.unwrap(), []);

    // Replaced, moved, removed.
    archive.put_sealed(name, b"others".to_vec()).await.unwrap();
    assert_eq!(archive.get_sealed(name).await.unwrap(), b"others");
    let [from, to] = ["0", "1"].map(|last| stand.objects("binlog.000001")[0].with_file_name(last));
    std::fs::rename(from, to).unwrap();
    let moved = archive
        .get_sealed("binlog/abcdefghij09/binlog.000001/1")
        .await;
    assert!(matches!(moved, Err(ArchiveError::Damaged { .. })));
    assert!(
        matches!(archive.get_sealed(name).await, Err(ArchiveError::Missing { object })
        if object.ends_with(name))
    );
    archive.delete_sealed(name).await.unwrap();
    archive.delete_sealed("binlog/other/1").await.unwrap();
    assert_eq!(archive.list_sealed("binlog/other").await.unwrap(), []);
    let refused = archive.put_sealed("../chunks/x", Vec::new()).await;
    assert!(matches!(refused, Err(ArchiveError::Name { .. })));
}

#[tokio::test]
async fn modes_do_not_depend_on_the_umask() {
    let stand = Stand::new();
    let file = stand.source().join("a");
    std::fs::write(&file, b"x").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let archive = stand.archive();
    archive
        .export(id(1), &stand.source(), json!(null), &())
        .await
        .unwrap();
    archive.import(id(1), &stand.target(), &()).await.unwrap();
    tree::assert_same(&stand.source(), &stand.target());
}
