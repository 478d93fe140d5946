//! What the database itself refuses, and that values come back as they went in.

use crate::setup::{add, at, branch, fill, id, open, password};
use offshoot_core::branch::BranchState;
use offshoot_store::StoreError;

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut one = branch("one", Some("main"));
    one.expires_at = Some(at(99));
    let secret = password("ci", "abcdefghijklmnop", "one");
    let mut tx = store.write().await.unwrap();
    add(&mut tx, &one).await;
    tx.insert_password(&secret).await.unwrap();
    tx.commit().await.unwrap();
    let mut session = store.read().await.unwrap();
    let found = session.branch(id("shop"), "one").await.unwrap().unwrap();
    assert_eq!(found, one);
    let found = session.password(one.id, secret.id.as_str()).await.unwrap();
    assert_eq!(found.unwrap().password, secret);
    let credential = session.credential("abcdefghijklmnop").await.unwrap();
    assert_eq!(credential.unwrap().verifier, secret.verifier);
    let instance = session.instance(one.instance).await.unwrap().unwrap();
    assert_eq!(instance.secret.bytes(), &[3; 32]);
    let detail = session.branch_detail(id("main")).await.unwrap().unwrap();
    assert_eq!((detail.children, detail.default), (1, true));
    let tree = session.with_descendants(id("main")).await.unwrap();
    assert_eq!(tree.len(), 2);
}

#[tokio::test]
async fn names_are_unique_among_what_can_be_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut twin = branch("main", None);
    twin.id = id("twin");
    let mut tx = store.write().await.unwrap();
    assert!(matches!(
        tx.insert_branch(&twin).await,
        Err(StoreError::Taken(_))
    ));
    drop(tx);
    let mut tx = store.write().await.unwrap();
    tx.mark_branch_deleting(id("main"), at(2)).await.unwrap();
    twin.volume = id("vtwin");
    twin.instance = id("itwin");
    tx.insert_volume(&crate::setup::volume("vtwin"))
        .await
        .unwrap();
    tx.insert_instance(&crate::setup::instance("itwin", &twin))
        .await
        .unwrap();
    tx.insert_branch(&twin).await.unwrap();
    tx.commit().await.unwrap();
    let mut session = store.read().await.unwrap();
    let found = session.branch(id("shop"), "main").await.unwrap().unwrap();
    assert_eq!(found.id, twin.id);
}

#[tokio::test]
async fn a_username_is_never_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    let first = password("first", "abcdefghijklmnop", "main");
    tx.insert_password(&first).await.unwrap();
    tx.delete_password(first.id).await.unwrap();
    let second = password("second", "abcdefghijklmnop", "main");
    assert!(matches!(
        tx.insert_password(&second).await,
        Err(StoreError::Taken(_))
    ));
}

#[tokio::test]
async fn impossible_states_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    // A production branch never sleeps; stamps belong to sleeping ones.
    let sleeping = tx.set_branch_state(id("main"), BranchState::Sleeping, None);
    assert!(sleeping.await.is_err());
    let stamped = tx.set_branch_state(id("main"), BranchState::Ready, Some("{}"));
    assert!(stamped.await.is_err());
    // A volume stays as long as an instance refers to it.
    assert!(tx.delete_volume(id("vmain")).await.is_err());
    assert!(tx.delete_database(id("shop")).await.is_err());
}

#[tokio::test]
async fn what_is_not_committed_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    add(&mut tx, &branch("one", Some("main"))).await;
    drop(tx);
    let found = store.read().await.unwrap().branch(id("shop"), "one").await;
    assert!(found.unwrap().is_none());
    store.faults().kill_after(1);
    let mut tx = store.write().await.unwrap();
    add(&mut tx, &branch("two", Some("main"))).await;
    assert!(matches!(tx.commit().await, Err(StoreError::Killed)));
    assert!(store.read().await.is_err());
    let again = open(dir.path()).await;
    let found = again.read().await.unwrap().branch(id("shop"), "two").await;
    assert!(found.unwrap().is_some());
}
