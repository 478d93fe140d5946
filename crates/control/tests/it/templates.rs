//! What is prepared ahead.

use crate::setup::{App, settings};
use std::time::Duration;

#[tokio::test]
async fn a_branch_takes_over_a_warm_engine_and_another_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("first", None).await;
    app.settle().await;
    let before = app.world.running();
    // main, first, and one that is warm.
    assert_eq!(before.len(), 3);
    app.create("second", None).await;
    let second = app.at("second").await.branch().instance;
    assert!(before.contains(&second));
    app.settle().await;
    assert_eq!(app.tables("second").await, ["orders"]);
    assert_eq!(app.world.running().len(), 4);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_template_follows_its_parent_and_the_old_one_goes() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("first", None).await;
    app.settle().await;
    assert_eq!(app.world.snapshots().len(), 2);
    let main = app.at("main").await.branch().instance;
    app.world
        .put_table(main, "shop", "users", "CREATE TABLE users");
    app.create("second", None).await;
    app.settle().await;
    assert_eq!(app.world.snapshots().len(), 2);
    app.create("third", None).await;
    let third = app.at("third").await.branch().instance;
    // Up to date before anything was applied to it.
    assert_eq!(app.world.tables(third), ["orders", "users"]);
    app.settle().await;
    app.whole().await.unwrap();
    assert!(app.world.violations().is_empty());
}

#[tokio::test]
async fn a_template_waits_until_stamps_can_be_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.limits.stamps_settle = Duration::from_millis(1);
    let app = App::fresh(dir.path(), settings).await;
    // The branch's and the template's first one.
    app.world.young(2);
    app.create("first", None).await;
    app.settle().await;
    let before = app.world.calls();
    app.create("second", None).await;
    app.settle().await;
    let applied = (before + 1..=app.world.calls()).any(|n| app.world.call(n) == "schemas.apply");
    assert!(!applied, "objects were re-created for a branch");
    assert_eq!(app.tables("second").await, ["orders"]);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn what_a_copy_lacks_is_in_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let main = app.at("main").await.branch().instance;
    app.world.put_table(main, "shop", "old", "BROKEN");
    app.create("first", None).await;
    app.settle().await;
    let mut session = app.store.read().await.unwrap();
    for branch in ["first", "main"] {
        let id = app.at(branch).await.branch().id;
        let event = session
            .last_audit_event(id.as_str(), "branch.objects_left_out")
            .await
            .unwrap();
        let objects = event.unwrap().metadata["objects"].clone();
        assert!(objects.contains("old"), "{objects}");
    }
}
