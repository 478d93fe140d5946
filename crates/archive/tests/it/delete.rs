//! Deletions beside exports.

use crate::watched::Watched;
use crate::{Stand, id, key, tree};
use offshoot_archive::{Archive, ArchiveError, Sweep};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Two handles, as two machines would have them, on one watched store.
fn two(stand: &Stand) -> (Arc<Watched>, Archive, Archive) {
    let store = Watched::new(&stand.store());
    let [one, other] = [(); 2].map(|()| Archive::with_store(store.clone(), 4, &key(1)));
    (store, one, other)
}

fn export(
    archive: &Archive,
    n: u32,
    source: &Path,
) -> tokio::task::JoinHandle<Result<(), ArchiveError>> {
    let (archive, source) = (archive.clone(), source.to_owned());
    tokio::spawn(async move {
        let done = archive.export(id(n), &source, json!(null), &()).await;
        done.map(drop)
    })
}

/// A source that shares all but one chunk with every other.
fn source(stand: &Stand, n: u32) -> PathBuf {
    let dir = stand.dir.path().join(format!("source-{n}"));
    std::fs::create_dir(&dir).unwrap();
    let content = [
        tree::noise(1, 8 * tree::MIB),
        tree::noise(100 + u64::from(n), tree::MIB),
    ];
    std::fs::write(dir.join("a.ibd"), content.concat()).unwrap();
    dir
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} does not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_an_export_counts_on_stay() {
    let stand = Stand::new();
    let (store, one, other) = two(&stand);
    let (first, second) = (source(&stand, 1), source(&stand, 2));
    export(&one, 1, &first).await.unwrap().unwrap();
    let chunks = stand.objects("/chunks/").len();
    // The second has looked what is there, and waits at what is not.
    Watched::close(&store.puts_gate, 0);
    let under_way = export(&one, 2, &second);
    until("the lease", || stand.objects("/pending/").len() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The only backup that refers to the shared chunks goes.
    assert_eq!(other.delete(id(1)).await.unwrap(), Sweep::Deferred);
    assert_eq!(stand.objects("/chunks/").len(), chunks);
    assert!(stand.objects("/sweeping/").is_empty());
    Watched::open(&store.puts_gate);
    under_way.await.unwrap().unwrap();
    one.verify(id(2), &()).await.unwrap();
    // Now what only the first had goes: its last chunk and its index.
    assert!(matches!(
        other.sweep().await.unwrap(),
        Sweep::Swept { chunks: 2, .. }
    ));
    one.verify(id(2), &()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_waits_until_chunks_are_removed() {
    let stand = Stand::new();
    let (store, one, other) = two(&stand);
    let (first, second) = (source(&stand, 1), source(&stand, 2));
    export(&one, 1, &first).await.unwrap().unwrap();
    let chunks = stand.objects("/chunks/").len();
    Watched::close(&store.deletes_gate, 3);
    let removal = tokio::spawn(async move { other.delete(id(1)).await });
    until("the lock", || stand.objects("/sweeping/").len() == 1).await;
    until("the removal", || {
        stand.objects("/chunks/").len() == chunks - 3
    })
    .await;
    let under_way = export(&one, 2, &second);
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Had it looked now, it would count on chunks that go.
    assert_eq!(store.puts("/chunks/").len(), chunks);
    Watched::open(&store.deletes_gate);
    removal.await.unwrap().unwrap();
    under_way.await.unwrap().unwrap();
    one.verify(id(2), &()).await.unwrap();
    assert_eq!(stand.objects("/chunks/").len(), chunks);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_taken_for_dead_makes_no_backup() {
    let stand = Stand::new();
    let (store, one, other) = two(&stand);
    let (first, second) = (source(&stand, 1), source(&stand, 2));
    export(&one, 1, &first).await.unwrap().unwrap();
    Watched::close(&store.puts_gate, 0);
    let under_way = export(&one, 2, &second);
    until("the lease", || stand.objects("/pending/").len() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Its machine stood still for more than a day.
    let lease = &stand.objects("/pending/")[0];
    age(lease, Duration::from_secs(25 * 3600));
    assert!(matches!(
        other.delete(id(1)).await.unwrap(),
        Sweep::Swept { .. }
    ));
    Watched::open(&store.puts_gate);
    let lost = under_way.await.unwrap().unwrap_err();
    assert!(
        matches!(lost, ArchiveError::LeaseLost(_)) && lost.is_transient(),
        "{lost}"
    );
    assert_eq!(one.list().await.unwrap().backups, []);
    // Once more, and it is whole.
    export(&one, 2, &second).await.unwrap().unwrap();
    one.verify(id(2), &()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_killed_processes_left_does_not_hold_for_ever() {
    let stand = Stand::new();
    let (_, one, other) = two(&stand);
    let source = source(&stand, 1);
    export(&one, 1, &source).await.unwrap().unwrap();
    let manifest = stand.objects("/backups/")[0].clone();
    let key = manifest.parent().unwrap().parent().unwrap();
    let lock = key.join("sweeping/0011223344556677");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, b"").unwrap();
    age(&lock, Duration::from_secs(3600));
    export(&one, 2, &source).await.unwrap().unwrap();
    assert!(!lock.exists());
    // An export that was killed, and whose backup is given up, holds nothing.
    let lease = key.join("pending").join(id(3).as_str());
    std::fs::write(&lease, b"").unwrap();
    assert_eq!(other.delete(id(1)).await.unwrap(), Sweep::Deferred);
    assert!(matches!(
        other.delete(id(3)).await.unwrap(),
        Sweep::Swept { .. }
    ));
    one.verify(id(2), &()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exports_and_deletions_in_any_order_leave_every_backup_whole() {
    let stand = Stand::new();
    let (_, one, other) = two(&stand);
    let sources: Vec<_> = (0..4).map(|n| source(&stand, n)).collect();
    let makers = tokio::spawn({
        let one = one.clone();
        async move {
            for round in 0..3 {
                let exports = sources
                    .iter()
                    .zip(0..)
                    .map(|(s, n)| export(&one, round * 10 + n, s));
                for export in exports.collect::<Vec<_>>() {
                    export.await.unwrap().unwrap();
                }
            }
        }
    });
    let mut seed = 0;
    while !makers.is_finished() {
        seed += 1;
        for backup in other.list().await.unwrap().backups {
            if tree::noise(seed, 8)[3].is_multiple_of(3) {
                other.delete(backup.id).await.unwrap();
            } else {
                match other.verify(backup.id, &()).await {
                    Ok(_) | Err(ArchiveError::NoBackup(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            seed += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    makers.await.unwrap();
    for backup in one.list().await.unwrap().backups {
        one.verify(backup.id, &()).await.unwrap();
    }
    for backup in one.list().await.unwrap().backups {
        other.delete(backup.id).await.unwrap();
    }
    other.sweep().await.unwrap();
    assert_eq!(stand.objects(""), Vec::<PathBuf>::new());
}

fn age(path: &Path, by: Duration) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the age of a file is by this clock"
    )]
    let now = SystemTime::now();
    file.set_modified(now - by).unwrap();
}
