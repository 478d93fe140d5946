//! Keyspaces: schemas of a running engine, which branches take over.

use crate::setup::{App, settings};
use offshoot_control::keyspace;
use offshoot_control::once::Once;
use offshoot_control::{branch, import};
use offshoot_core::branch::BranchState;
use offshoot_core::name::SchemaName;
use offshoot_core::refusal::{Kind, code};
use std::time::Duration;

async fn make(app: &App, branch: &str, name: &str) -> Result<(), offshoot_core::Refusal> {
    let at = app.at(branch).await;
    let name = SchemaName::parse(name).unwrap();
    keyspace::create(&app.control, &at, &name, None, &Once::unnamed())
        .await
        .map(drop)
}

async fn names(app: &App, branch: &str) -> Vec<String> {
    let at = app.at(branch).await;
    let all = keyspace::list(&app.control, &at).await.unwrap();
    all.into_iter().map(|v| v.keyspace.name).collect()
}

#[tokio::test]
async fn a_branch_has_its_parents_keyspaces_and_ids_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    make(&app, "main", "carts").await.unwrap();
    app.create("one", None).await;
    app.settle().await;
    assert_eq!(names(&app, "one").await, ["carts", "shop"]);
    let of = |branch: &'static str| {
        let app = &app;
        async move {
            let at = app.at(branch).await;
            keyspace::show(&app.control, &at, "carts")
                .await
                .unwrap()
                .keyspace
                .id
        }
    };
    assert_ne!(of("main").await, of("one").await);
    // What happens to the child's happens to nobody else's.
    let one = app.at("one").await;
    keyspace::delete(&app.control, &one, "carts").await.unwrap();
    assert_eq!(names(&app, "one").await, ["shop"]);
    assert_eq!(names(&app, "main").await, ["carts", "shop"]);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_sleeping_branch_wakes_for_its_keyspaces() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let one = app.at("one").await;
    let slept = branch::sleep(&app.control, &one).await.unwrap();
    assert_eq!(slept.branch.state, BranchState::Sleeping);
    make(&app, "one", "carts").await.unwrap();
    let shown = branch::show(&app.control, &one).await.unwrap();
    assert_eq!(shown.branch.state, BranchState::Ready);
    assert_eq!(names(&app, "one").await, ["carts", "shop"]);
}

#[tokio::test]
async fn what_would_be_taken_back_or_does_not_fit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    make(&app, "one", "carts").await.unwrap();
    let refused = make(&app, "one", "carts").await.unwrap_err();
    assert_eq!(refused.kind, Kind::Conflict);
    let one = app.at("one").await;
    let refused = keyspace::delete(&app.control, &one, "shop").await;
    assert_eq!(refused.unwrap_err().kind, Kind::Unprocessable);
    let refused = keyspace::delete(&app.control, &one, "nobody").await;
    assert_eq!(refused.unwrap_err().code, code::NOT_FOUND);
    let ttl = Duration::from_secs(600);
    import::open(&app.control, &one, Some(ttl), &Once::unnamed())
        .await
        .unwrap();
    let refused = make(&app, "one", "more").await.unwrap_err();
    assert_eq!(refused.code, code::IMPORT);
    let refused = keyspace::delete(&app.control, &one, "carts").await;
    assert_eq!(refused.unwrap_err().code, code::IMPORT);
}
