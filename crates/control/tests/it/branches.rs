//! Branches: made, listed, changed, deleted.

use crate::setup::{App, new_branch, settings};
use offshoot_control::branch::{self, BranchChange, BranchFilter};
use offshoot_control::once::Once;
use offshoot_control::page::Page;
use offshoot_control::revision::Expected;
use offshoot_control::{database, locate};
use offshoot_core::branch::BranchState;
use offshoot_core::name::BranchName;
use offshoot_core::refusal::code;
use std::time::Duration;

#[tokio::test]
async fn a_branch_has_its_parents_schema_and_none_of_its_changes_reach_the_parent() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("sprint", None).await;
    app.settle().await;
    assert_eq!(app.tables("sprint").await, ["orders"]);
    let sprint = app.at("sprint").await;
    assert_eq!(sprint.branch().state, BranchState::Ready);
    app.world.put_table(
        sprint.branch().instance,
        "shop",
        "extra",
        "CREATE TABLE extra",
    );
    assert_eq!(app.tables("main").await, ["orders"]);
    let diff = branch::diff(&app.control, &sprint).await.unwrap();
    assert_eq!(diff.len(), 1);
    assert_eq!(diff[0].name, "extra");
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_branch_of_a_changed_parent_has_the_changes() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let main = app.at("main").await.branch().instance;
    app.world
        .put_table(main, "shop", "orders", "CREATE TABLE orders (id BIGINT)");
    app.world
        .put_table(main, "shop", "users", "CREATE TABLE users");
    app.create("two", None).await;
    app.settle().await;
    assert_eq!(app.tables("two").await, ["orders", "users"]);
    let two = app.at("two").await.branch().instance;
    assert_eq!(
        app.world.definition(two, "shop", "orders").unwrap(),
        "CREATE TABLE orders (id BIGINT)"
    );
    app.world.drop_table(main, "shop", "users");
    app.create("three", None).await;
    app.settle().await;
    assert_eq!(app.tables("three").await, ["orders"]);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_branch_of_a_branch_follows_its_own_parent() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let one = app.at("one").await.branch().instance;
    app.world
        .put_table(one, "shop", "mine", "CREATE TABLE mine");
    app.create("two", Some("one")).await;
    app.settle().await;
    assert_eq!(app.tables("two").await, ["mine", "orders"]);
}

#[tokio::test]
async fn deletion_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.create("two", Some("one")).await;
    app.settle().await;
    let refused = branch::delete(&app.control, &app.at("main").await, true, &Expected::any()).await;
    assert_eq!(refused.unwrap_err().code, code::DEFAULT_BRANCH);
    let refused = branch::delete(&app.control, &app.at("one").await, false, &Expected::any()).await;
    assert_eq!(refused.unwrap_err().code, code::HAS_DESCENDANTS);
    let protect = BranchChange {
        deletion_protected: Some(true),
        ..BranchChange::default()
    };
    let two = app.at("two").await;
    branch::update(&app.control, &two, protect).await.unwrap();
    let refused = branch::delete(&app.control, &app.at("one").await, true, &Expected::any()).await;
    assert_eq!(refused.unwrap_err().code, code::PROTECTED);
    let free = BranchChange {
        deletion_protected: Some(false),
        ..BranchChange::default()
    };
    branch::update(&app.control, &two, free).await.unwrap();
    branch::delete(&app.control, &app.at("one").await, true, &Expected::any())
        .await
        .unwrap();
    let gone = locate::branch(&app.control, app.caller(), "default", "shop", "two", &[]).await;
    assert_eq!(gone.unwrap_err().code, code::NOT_FOUND);
    app.create("one", None).await;
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn lists_are_paged_filtered_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    for name in ["alpha", "beta", "gamma"] {
        app.create(name, None).await;
    }
    let at = app.database().await;
    let page = Page::new(2, 2).unwrap();
    let filter = BranchFilter::default();
    let list = branch::list(&app.control, &at, &filter, page)
        .await
        .unwrap();
    let names: Vec<_> = list.items.iter().map(|b| b.branch.name.as_str()).collect();
    assert_eq!((names, list.total), (vec!["beta", "gamma"], 4));
    let filter = BranchFilter {
        q: Some("a_".to_owned()),
        ..BranchFilter::default()
    };
    let list = branch::list(&app.control, &at, &filter, Page::default()).await;
    assert_eq!(list.unwrap().total, 0);
    let filter = BranchFilter {
        production: Some(true),
        ..BranchFilter::default()
    };
    let list = branch::list(&app.control, &at, &filter, Page::default())
        .await
        .unwrap();
    assert!(list.items[0].default);
    let view = database::show(&app.control, &at).await.unwrap();
    assert_eq!((view.branches, view.production_branches), (4, 1));
}

#[tokio::test]
async fn names_are_unique_and_free_again_after_a_deletion_began() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    let at = app.database().await;
    let taken = branch::create(&app.control, &at, new_branch("one", None), &Once::unnamed()).await;
    assert_eq!(taken.unwrap_err().code, code::CONFLICT);
    let missing = branch::create(
        &app.control,
        &at,
        new_branch("x", Some("nowhere")),
        &Once::unnamed(),
    )
    .await;
    assert_eq!(missing.unwrap_err().field, Some("parent_branch"));
    let rename = BranchChange {
        new_name: Some(BranchName::parse("main").unwrap()),
        ..BranchChange::default()
    };
    let clash = branch::update(&app.control, &app.at("one").await, rename).await;
    assert_eq!(clash.unwrap_err().code, code::CONFLICT);
}

#[tokio::test]
async fn an_expired_branch_goes_and_a_protected_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let at = app.database().await;
    for (name, protected) in [("short", false), ("kept", true)] {
        let mut new = new_branch(name, None);
        new.ttl = Some(Duration::from_secs(3600));
        new.deletion_protected = protected;
        branch::create(&app.control, &at, new, &Once::unnamed())
            .await
            .unwrap();
    }
    app.settle().await;
    assert_eq!(app.tables("short").await, ["orders"]);
    app.clock.advance(Duration::from_secs(3600));
    app.settle().await;
    let gone = locate::branch(&app.control, app.caller(), "default", "shop", "short", &[]).await;
    assert!(gone.is_err());
    app.at("kept").await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn promotion_restarts_with_other_settings_and_demotion_back() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("next", None).await;
    app.settle().await;
    let starts = app.world.starts();
    let view = branch::promote(&app.control, &app.at("next").await)
        .await
        .unwrap();
    assert!(view.branch.production);
    app.settle().await;
    assert!(app.world.starts() > starts);
    assert!(app.at("next").await.branch().production);
    let refused = branch::reset(&app.control, &app.at("next").await, None).await;
    assert_eq!(refused.unwrap_err().code, code::PRODUCTION);
    branch::demote(&app.control, &app.at("next").await)
        .await
        .unwrap();
    app.settle().await;
    assert!(!app.at("next").await.branch().production);
    let refused = branch::demote(&app.control, &app.at("main").await).await;
    assert_eq!(refused.unwrap_err().code, code::DEFAULT_BRANCH);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_branch_that_cannot_be_made_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.world.breaks("instances.start");
    let id = app.create("doomed", None).await;
    app.settle().await;
    app.world.mend();
    let failed = branch::wait_ready(&app.control, id, Duration::from_secs(1)).await;
    let refusal = failed.unwrap_err();
    assert_eq!(refusal.code, code::BRANCH_FAILED);
    assert!(refusal.public.contains("instances.start"), "{refusal}");
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_database_goes_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    database::delete(&app.control, &app.database().await, &Expected::any())
        .await
        .unwrap();
    app.settle().await;
    app.whole().await.unwrap();
    // The engine's own image is all that is left.
    assert_eq!(app.world.volumes().len(), 0);
    assert_eq!(app.world.snapshots().len(), 1);
    assert_eq!(app.world.remains().len(), 0);
    app.shop().await;
}
