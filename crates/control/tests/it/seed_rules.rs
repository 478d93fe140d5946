//! Seed rules: their versions, what they do to branches with data, and tests of them.

use crate::setup::{App, new_branch, settings};
use offshoot_control::branch::{self, BranchView, SeedRequest};
use offshoot_control::database::{self, DatabaseChange};
use offshoot_control::once::{Asked, Once};
use offshoot_control::page::Page;
use offshoot_control::revision::Expected;
use offshoot_control::seed_rules;
use offshoot_core::Refusal;
use offshoot_core::branch::BranchState;
use offshoot_core::refusal::code;
use offshoot_core::seed_rules::{Rules, RulesTest, Seeded, TestState};
use std::time::Duration;

const MASK: &str = r#"{"tables": {"orders": {"where": "id < 3", "columns": {"email": "hash"}}}}"#;
const EMPTY: &str = r#"{"tables": {"orders": "empty"}}"#;
/// The fake engine fails half-way.
const FAILS: &str = r#"{"tables": {"orders": {"where": "FAILS"}}}"#;
const REFUSED: &str = r#"{"tables": {"orders": {"where": "REFUSED"}}}"#;

pub(crate) fn rules(json: &str) -> Rules {
    serde_json::from_str(json).unwrap()
}

pub(crate) async fn set(app: &App, json: &str) -> u32 {
    let at = app.database().await;
    let view = seed_rules::set(&app.control, &at, rules(json), &Expected::any())
        .await
        .unwrap();
    view.version.unwrap().version
}

async fn make(app: &App, name: &str, seed: SeedRequest) -> Result<(), Refusal> {
    app.clock.advance(Duration::from_millis(1));
    let mut new = new_branch(name, None);
    new.seed = seed;
    let at = app.database().await;
    branch::create(&app.control, &at, new, &Once::unnamed()).await?;
    app.settle().await;
    Ok(())
}

async fn shown(app: &App, name: &str) -> BranchView {
    branch::show(&app.control, &app.at(name).await)
        .await
        .unwrap()
}

/// What the rules did to a branch, as it says and as its volume tells.
async fn seeded(app: &App, name: &str) -> Option<Seeded> {
    let view = shown(app, name).await;
    assert_eq!(view.seeded.is_some(), app.world.seeded(view.branch.volume));
    view.seeded
}

fn did(version: u32, removed: u64, masked: u64) -> Option<Seeded> {
    Some(Seeded {
        version,
        removed,
        masked,
    })
}

#[tokio::test]
async fn every_change_makes_a_version_and_old_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let (control, at) = (&app.control, app.database().await);
    let none = seed_rules::show(control, &at, None).await.unwrap();
    assert!(none.version.is_none() && !none.required);
    let read = Expected::one_of(vec![none.revision.to_string()]);
    let first = seed_rules::set(control, &at, rules(MASK), &read)
        .await
        .unwrap();
    assert_eq!(first.version.as_ref().unwrap().version, 1);
    let late = seed_rules::set(control, &at, rules(EMPTY), &read).await;
    assert_eq!(late.unwrap_err().code, code::CHANGED);
    assert_eq!(set(&app, MASK).await, 1, "the same again is no change");
    assert_eq!(set(&app, EMPTY).await, 2);
    let read = Expected::one_of(vec![first.revision.to_string()]);
    let late = seed_rules::remove(control, &at, &read).await;
    assert_eq!(late.unwrap_err().code, code::CHANGED);
    for _ in 0..2 {
        seed_rules::remove(control, &at, &Expected::any())
            .await
            .unwrap();
    }
    let listed = seed_rules::versions(control, &at, Page::new(1, 2).unwrap())
        .await
        .unwrap();
    let all: Vec<(u32, bool)> = listed
        .items
        .iter()
        .map(|v| (v.version, v.rules.is_some()))
        .collect();
    assert_eq!((all, listed.total), (vec![(3, false), (2, true)], 3));
    let old = seed_rules::show(control, &at, Some(1)).await.unwrap();
    assert_eq!(old.version.unwrap().rules, Some(rules(MASK)));
    let unknown = seed_rules::show(control, &at, Some(4)).await;
    assert_eq!(unknown.unwrap_err().code, code::NOT_FOUND);
    // Another database has none of it, and this one goes with all of them.
    database::delete(control, &at, &Expected::any())
        .await
        .unwrap();
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn rules_that_do_not_fit_are_refused_with_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let document = r#"{"tables": {
        "users": "empty",
        "orders": {"columns": {"emial": "hash", "id": "fake_email"}}}}"#;
    let at = app.database().await;
    let refused = seed_rules::set(&app.control, &at, rules(document), &Expected::any()).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.code, refused.field),
        (code::SEED_RULES, Some("rules"))
    );
    for part in [
        "tables.users: table shop.users is not there",
        "tables.orders.columns.emial: table shop.orders has no column",
        "tables.orders.columns.id: column shop.orders.id cannot be masked by fake_email",
    ] {
        assert!(refused.public.contains(part), "{part}: {refused}");
    }
    let view = seed_rules::show(&app.control, &at, None).await.unwrap();
    assert!(view.version.is_none());
}

#[tokio::test]
async fn branches_with_data_pass_the_rules_that_hold() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    make(&app, "before", SeedRequest::Live).await.unwrap();
    set(&app, MASK).await;
    app.back_up("main").await;
    app.settle().await;
    make(&app, "live", SeedRequest::Live).await.unwrap();
    make(&app, "restored", SeedRequest::LastBackup)
        .await
        .unwrap();
    make(&app, "schema", SeedRequest::Schema).await.unwrap();
    assert_eq!(seeded(&app, "before").await, None);
    assert_eq!(seeded(&app, "live").await, did(1, 1, 2));
    assert_eq!(seeded(&app, "restored").await, did(1, 1, 2));
    assert_eq!(seeded(&app, "schema").await, None);
    assert_eq!(seeded(&app, "main").await, None);

    // A reset passes those that hold by then; one to the schema has nothing to pass.
    set(&app, EMPTY).await;
    branch::reset(&app.control, &app.at("live").await, None)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(seeded(&app, "live").await, did(2, 0, 0));
    let schema = Some(SeedRequest::Schema);
    branch::reset(&app.control, &app.at("live").await, schema)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(seeded(&app, "live").await, None);
    assert!(app.world.violations().is_empty());
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_rule_that_fails_leaves_no_branch() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    set(&app, FAILS).await;
    let mut new = new_branch("doomed", None);
    new.seed = SeedRequest::Live;
    let at = app.database().await;
    let made = branch::create(&app.control, &at, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    let id = made.branch.branch.id;
    let failed = branch::wait_ready(&app.control, id, Duration::from_secs(1)).await;
    let refusal = failed.unwrap_err();
    assert_eq!(refusal.code, code::SEED_RULES);
    assert!(refusal.public.contains("table shop.orders"), "{refusal}");
    assert!(!app.world.running().contains(&made.branch.branch.instance));
    app.whole().await.unwrap();
    make(&app, "doomed", SeedRequest::Schema).await.unwrap();
}

#[tokio::test]
async fn a_reset_that_failed_by_rules_goes_on_with_better_ones() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    make(&app, "one", SeedRequest::Live).await.unwrap();
    set(&app, FAILS).await;
    branch::reset(&app.control, &app.at("one").await, None)
        .await
        .unwrap();
    for _ in 0..10 {
        app.control.settle(1).await;
        app.clock.advance(Duration::from_secs(10));
    }
    let view = shown(&app, "one").await;
    assert_eq!(
        (view.branch.state, view.ready),
        (BranchState::Pending, false)
    );
    let failure = view.failure.unwrap();
    assert!(failure.contains("table shop.orders"), "{failure}");
    assert!(!app.world.running().contains(&view.branch.instance));
    set(&app, MASK).await;
    app.settle().await;
    assert!(shown(&app, "one").await.ready);
    assert_eq!(seeded(&app, "one").await, did(2, 1, 2));
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_database_can_demand_rules() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let demand = DatabaseChange {
        require_seed_rules: Some(true),
        ..DatabaseChange::default()
    };
    let view = database::update(&app.control, &app.database().await, demand)
        .await
        .unwrap();
    assert!(view.database.require_seed_rules);
    app.back_up("main").await;
    app.settle().await;
    for seed in [SeedRequest::Live, SeedRequest::LastBackup] {
        let refused = make(&app, "refused", seed).await.unwrap_err();
        assert_eq!(refused.code, code::SEED_RULES_REQUIRED);
    }
    make(&app, "schema", SeedRequest::Schema).await.unwrap();
    let live = Some(SeedRequest::Live);
    let refused = branch::reset(&app.control, &app.at("schema").await, live.clone()).await;
    assert_eq!(refused.unwrap_err().code, code::SEED_RULES_REQUIRED);
    set(&app, MASK).await;
    branch::reset(&app.control, &app.at("schema").await, live)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(seeded(&app, "schema").await, did(1, 1, 2));
    seed_rules::remove(&app.control, &app.database().await, &Expected::any())
        .await
        .unwrap();
    let refused = make(&app, "refused", SeedRequest::Live).await;
    assert_eq!(refused.unwrap_err().code, code::SEED_RULES_REQUIRED);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn events_wait_until_the_rows_are_masked() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    set(&app, MASK).await;
    let mut new = new_branch("busy", None);
    new.seed = SeedRequest::Live;
    new.event_scheduler = true;
    let at = app.database().await;
    branch::create(&app.control, &at, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    let view = shown(&app, "busy").await;
    assert!(view.ready && app.world.events_run(view.branch.instance));
    assert_eq!(app.world.violations(), Vec::<String>::new());
    assert_eq!(seeded(&app, "busy").await, did(1, 1, 2));
    app.whole().await.unwrap();
}

/// Tests rules on `main` to the end.
async fn tested(app: &App, draft: Option<&str>) -> Result<RulesTest, Refusal> {
    let at = app.at("main").await;
    let draft = draft.map(rules);
    let test = seed_rules::test(&app.control, &at, draft, &Once::unnamed()).await?;
    assert_eq!(test.state, TestState::Running);
    app.settle().await;
    let over = seed_rules::show_test(&app.control, &at, test.id.as_str()).await?;
    assert!(over.completed_at.is_some());
    app.whole().await.map_err(Refusal::unprocessable)?;
    Ok(over)
}

#[tokio::test]
async fn rules_are_tested_on_a_copy_that_is_thrown_away() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let none = tested(&app, None).await.unwrap_err();
    assert_eq!(none.code, code::UNPROCESSABLE);
    let draft = tested(&app, Some(MASK)).await.unwrap();
    assert_eq!((draft.state, draft.version), (TestState::Passed, None));
    let [table] = draft.tables.as_slice() else {
        panic!("{draft:?}");
    };
    assert_eq!(
        (&*table.table, table.rows, table.removed, table.masked),
        ("shop.orders", Some(3), 1, 2)
    );
    assert_eq!(table.columns, [("email".to_owned(), "hash".to_owned())]);
    let view = seed_rules::show(&app.control, &app.database().await, None).await;
    assert!(view.unwrap().version.is_none(), "a draft sets nothing");
    set(&app, EMPTY).await;
    let test = tested(&app, None).await.unwrap();
    assert_eq!((test.state, test.version), (TestState::Passed, Some(1)));
    assert_eq!((test.tables[0].rows, test.tables[0].removed), (Some(3), 3));
    assert_eq!(seeded(&app, "main").await, None);
    assert!(app.world.violations().is_empty());
}

#[tokio::test]
async fn a_test_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let unfit = tested(&app, Some(r#"{"tables": {"users": "empty"}}"#)).await;
    let unfit = unfit.unwrap();
    assert_eq!(unfit.state, TestState::Failed);
    assert_eq!(unfit.unfit[0].place(), "tables.users");
    let refused = tested(&app, Some(REFUSED)).await.unwrap();
    assert_eq!(refused.state, TestState::Failed);
    let why = &refused.unfit[0].why;
    assert!(
        why.contains("shop.orders") && why.contains("REFUSED"),
        "{why}"
    );
    let failed = tested(&app, Some(FAILS)).await.unwrap();
    assert_eq!(failed.state, TestState::Failed);
    assert!(failed.failure.unwrap().contains("table shop.orders"));
    assert!(failed.tables.is_empty() && failed.unfit.is_empty());
}

#[tokio::test]
async fn a_database_has_one_test_at_a_time_and_keeps_the_last_ones() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let at = app.at("main").await;
    let asked = Asked {
        method: "POST",
        path: "/tests",
        key: "k",
        body: b"body",
    };
    let begin = async || {
        let once = Once::begin(&app.control, app.caller(), asked)
            .await
            .unwrap();
        seed_rules::test(&app.control, &at, Some(rules(MASK)), &once).await
    };
    let first = begin().await.unwrap();
    assert_eq!(begin().await.unwrap().id, first.id, "the same key");
    let second = seed_rules::test(&app.control, &at, Some(rules(MASK)), &Once::unnamed()).await;
    assert_eq!(second.unwrap_err().code, code::CONFLICT);
    app.settle().await;
    for _ in 0..20 {
        tested(&app, Some(MASK)).await.unwrap();
    }
    let mut session = app.store.read().await.unwrap();
    let kept = session
        .seed_rules_tests(at.database().id)
        .await
        .unwrap()
        .len();
    assert_eq!(kept, 20);
    let gone = session.seed_rules_test(first.id).await.unwrap();
    assert_eq!(gone, None);
    drop(session);

    // What runs goes with the database.
    seed_rules::test(&app.control, &at, Some(rules(MASK)), &Once::unnamed())
        .await
        .unwrap();
    database::delete(&app.control, &app.database().await, &Expected::any())
        .await
        .unwrap();
    app.settle().await;
    app.whole().await.unwrap();
    assert_eq!(app.world.volumes().len(), 0);
}
