//! What a commit promises.

use crate::setup::{at, fill, id, open};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// What is kept in memory is kept for a version: a commit without a new one would leave a deleted credential at work.
#[tokio::test]
async fn a_commit_whose_caller_went_away_moves_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let before = store.version();
    let mut tx = store.write().await.unwrap();
    tx.mark_database_deleting(id("shop"), at(5)).await.unwrap();
    {
        let mut commit = pin!(tx.commit());
        let poll = poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx))).await;
        assert!(poll.is_pending());
    }
    let end = Instant::now() + Duration::from_secs(20);
    while store.version() == before {
        assert!(Instant::now() < end, "no new version");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut session = store.read().await.unwrap();
    let shop = session.database_by_id(id("shop")).await.unwrap();
    assert!(shop.unwrap().deleting);
}
