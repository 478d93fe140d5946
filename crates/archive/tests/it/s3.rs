//! The same, behind a real S3-compatible server.

use crate::{Stand, id, key, tree};
use futures_util::StreamExt;
use offshoot_archive::{Archive, ArchiveError, Options, Sweep};
use offshoot_testkit::s3::S3Server;
use serde_json::json;

fn open(server: &S3Server, prefix: &str, other: &[(&str, &str)]) -> Archive {
    let mut options = Options::default();
    options
        .store
        .extend(server.options().map(|(k, v)| (k.to_owned(), v)));
    let other = other.iter().map(|(k, v)| (k.to_string(), v.to_string()));
    options.store.extend(other);
    let url = format!("{}/{prefix}", server.url()).parse().unwrap();
    Archive::open(&url, &options, &key(1)).unwrap()
}

#[tokio::test]
async fn backups_go_into_a_bucket_and_come_back() {
    let Some(server) = S3Server::start() else {
        return;
    };
    let stand = Stand::new();
    tree::engine_like(&stand.source());
    let archive = open(&server, "team/db", &[]);
    assert_eq!(archive.list().await.unwrap().backups, []);
    let about = json!({"name": "monday"});
    let source = stand.source();
    let export = |n, about| archive.export(id(n), &source, about, &());
    let first = export(1, about.clone()).await.unwrap();
    assert!(first.chunks_put > 5);
    tree::touch_page(&stand.source().join("shop/orders.ibd"), 3, 99);
    let second = export(2, json!(2)).await.unwrap();
    assert_eq!(second.chunks_put, 2);

    // Another machine, with nothing but the address and the key.
    let elsewhere = open(&server, "team/db", &[]);
    let listing = elsewhere.list().await.unwrap();
    assert_eq!(listing.backups[0].about, about);
    assert_eq!(listing.backups.len(), 2);
    elsewhere.import(id(2), &stand.target(), &()).await.unwrap();
    tree::assert_same(&stand.source(), &stand.target());
    // Another prefix is another store.
    let other = open(&server, "team", &[]);
    assert_eq!(other.list().await.unwrap().backups, []);

    let swept = archive.delete(id(2)).await.unwrap();
    assert!(matches!(swept, Sweep::Swept { chunks: 2, .. }));
    elsewhere.verify(id(1), &()).await.unwrap();
    let mut files = tree::files(&server.files().join("team/db")).into_iter();
    let chunk = files.find(|path| path.to_str().unwrap().contains("/chunks/"));
    let chunk = chunk.unwrap();
    let mut bytes = std::fs::read(&chunk).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&chunk, bytes).unwrap();
    let damaged = elsewhere.verify(id(1), &()).await.unwrap_err();
    let name = chunk.strip_prefix(server.files()).unwrap();
    let name = name.to_str().unwrap();
    assert!(damaged.to_string().contains(name), "{damaged}");

    std::fs::remove_file(&chunk).unwrap();
    let missing = elsewhere.verify(id(1), &()).await.unwrap_err();
    assert!(
        matches!(&missing, ArchiveError::Missing { object } if object == name),
        "{missing}"
    );
    archive.delete(id(1)).await.unwrap();
    assert_eq!(
        tree::files(&server.files()),
        Vec::<std::path::PathBuf>::new()
    );
}

#[tokio::test]
async fn more_objects_than_one_answer_lists_are_listed() {
    let Some(server) = S3Server::start() else {
        return;
    };
    let archive = open(&server, "", &[]);
    let put = |n| {
        let archive = archive.clone();
        async move {
            archive
                .put_sealed(&format!("log/{n:04}"), vec![1; 10])
                .await
        }
    };
    let all = futures_util::stream::iter(0..1050)
        .map(put)
        .buffer_unordered(16);
    all.for_each(|done| async { done.unwrap() }).await;
    let listed = archive.list_sealed("log").await.unwrap();
    assert_eq!(listed.len(), 1050);
    assert_eq!(listed[1049].name, "log/1049");
    assert_eq!(archive.get_sealed("log/0007").await.unwrap(), [1; 10]);
    archive.delete_sealed("log/0007").await.unwrap();
    archive.delete_sealed("log/0007").await.unwrap();
    assert_eq!(archive.list_sealed("log").await.unwrap().len(), 1049);
}

#[tokio::test]
async fn refusals_name_the_object_and_no_secret() {
    let Some(server) = S3Server::start() else {
        return;
    };
    let wrong = [("aws_secret_access_key", "hidden-and-wrong")];
    let archive = open(&server, "", &wrong);
    let refused = archive.put_sealed("a", vec![1]).await.unwrap_err();
    let said = format!("{refused} {refused:?}");
    assert!(said.contains("sealed/a"), "{said}");
    assert!(!said.contains("hidden"), "{said}");
    assert!(!refused.is_transient(), "{refused:?}");
}
