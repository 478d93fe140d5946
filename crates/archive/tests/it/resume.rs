//! Exports that are cut off, and go on.

use crate::watched::Watched;
use crate::{Stand, child, child_dir, id, key, open, tree};
use offshoot_archive::{Archive, ArchiveError};
use serde_json::json;
use std::collections::HashSet;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

const MIB: usize = 40;

fn source(stand: &Stand) {
    std::fs::write(
        stand.source().join("a.ibd"),
        tree::noise(1, MIB * tree::MIB),
    )
    .unwrap();
}

#[tokio::test]
async fn what_was_put_before_a_failure_is_not_put_again() {
    let stand = Stand::new();
    source(&stand);
    let store = Watched::new(&stand.store());
    let archive = Archive::with_store(store.clone(), 4, &key(1));
    let mut before = HashSet::new();
    for chunks in [0, 1, 10, 15] {
        store.left.store(chunks, SeqCst);
        let failed = archive
            .export(id(1), &stand.source(), json!(null), &())
            .await;
        let failed = failed.unwrap_err();
        assert!(failed.is_transient(), "{failed}");
        assert!(failed.to_string().contains("/chunks/"), "{failed}");
        // No half backup is offered.
        assert_eq!(archive.list().await.unwrap().backups, []);
        let chunks = store.puts("/chunks/");
        assert!(chunks.len() > before.len() || before.is_empty());
        before = chunks.iter().cloned().collect();
        assert_eq!(before.len(), chunks.len(), "a chunk was put twice");
    }
    store.left.store(usize::MAX, SeqCst);
    let summary = archive
        .export(id(1), &stand.source(), json!(null), &())
        .await;
    let summary = summary.unwrap();
    // One that was under way when another failed may have come to be there, too.
    let reused = usize::try_from(summary.chunks_reused).unwrap();
    assert!(reused >= before.len(), "{reused} {}", before.len());
    let chunks = store.puts("/chunks/");
    assert_eq!(chunks.len() - before.len() + reused, MIB + 1);
    assert_eq!(chunks.iter().collect::<HashSet<_>>().len(), chunks.len());
    // The manifest comes last.
    assert!(store.puts("").last().unwrap().contains("/backups/"));
    archive.verify(id(1), &()).await.unwrap();
}

#[tokio::test]
async fn a_killed_export_goes_on_where_it_was() {
    let stand = Stand::new();
    source(&stand);
    for wanted in [5, 25] {
        let mut process = child("resume::killed_child", stand.dir.path())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while stand.objects("/chunks/").len() < wanted {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is put");
            let ended = process.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the export ended before it was killed: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(stand.objects("/backups/").is_empty());
    }
    let mut there = stand.objects("/chunks/");
    there.retain(|path| !path.to_str().unwrap().contains('#'));
    assert!((15..MIB).contains(&there.len()));

    let store = Watched::new(&stand.store());
    let archive = Archive::with_store(store.clone(), 4, &key(1));
    let summary = archive
        .export(id(1), &stand.source(), json!(null), &())
        .await;
    assert_eq!(summary.unwrap().chunks_reused, there.len() as u64);
    assert_eq!(store.puts("/chunks/").len(), MIB + 1 - there.len());
    archive.import(id(1), &stand.target(), &()).await.unwrap();
    tree::assert_same(&stand.source(), &stand.target());
    // Nothing half-written stays.
    stand.archive().delete(id(1)).await.unwrap();
    assert_eq!(stand.objects(""), Vec::<std::path::PathBuf>::new());
}

/// An import that is cut off leaves no directory that passes for whole: its caller has not named it.
#[tokio::test]
async fn an_import_does_not_go_on_in_what_another_left() {
    let stand = Stand::new();
    source(&stand);
    let archive = stand.archive();
    archive
        .export(id(1), &stand.source(), json!(null), &())
        .await
        .unwrap();
    let chunk = &stand.objects("/chunks/")[20];
    let hidden = chunk.with_extension("hidden");
    std::fs::rename(chunk, &hidden).unwrap();
    archive
        .import(id(1), &stand.target(), &())
        .await
        .unwrap_err();
    std::fs::rename(&hidden, chunk).unwrap();
    let refused = archive
        .import(id(1), &stand.target(), &())
        .await
        .unwrap_err();
    assert!(matches!(refused, ArchiveError::NotEmpty(_)), "{refused}");
    std::fs::remove_dir_all(stand.target()).unwrap();
    archive.import(id(1), &stand.target(), &()).await.unwrap();
    tree::assert_same(&stand.source(), &stand.target());
}

#[tokio::test]
#[ignore = "the process that is killed"]
async fn killed_child() {
    let Some(dir) = child_dir() else { return };
    let archive = open(&dir.join("store"), &key(1));
    let exported = archive
        .export(id(1), &dir.join("source"), json!(null), &())
        .await;
    exported.unwrap();
}
