//! Restore drills at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::backup::{Backup, BackupState, Copied, Examined, Method, Position};
use offshoot_core::drill::{Drill, DrillState, Drilled, Outcome};
use offshoot_store::drill::DrillQuery;
use offshoot_store::{Store, Tx};
use std::time::Duration;

fn examined(rows: u64) -> Examined {
    Examined {
        tables: 1,
        rows,
        digest: format!("{rows:064x}"),
    }
}

fn drill(name: &str, backup: &str, made: i64) -> Drill {
    Drill {
        id: id(name),
        database_id: id("shop"),
        branch_id: id("main"),
        branch_name: "main".to_owned(),
        backup_id: id(backup),
        backup_name: backup.to_owned(),
        policy: Some(id("policy")),
        state: DrillState::Pending,
        expected: examined(7),
        outcome: Outcome::default(),
        actor: "me".to_owned(),
        created_at: at(made),
        started_at: None,
        completed_at: None,
    }
}

fn backup(name: &str, made: i64) -> Backup {
    Backup {
        id: id(name),
        database_id: id("shop"),
        branch_id: id("main"),
        branch_name: "main".to_owned(),
        production: true,
        name: name.to_owned(),
        state: BackupState::Pending,
        engine: "mysql-9.7.4".parse().unwrap(),
        snapshot: id(name),
        copied: None,
        position: None,
        examined: None,
        verified_at: None,
        drilled: None,
        failure: None,
        size: 0,
        protected: false,
        required: false,
        policy: None,
        imported_from: None,
        actor: "me".to_owned(),
        created_at: at(made),
        updated_at: at(made),
        started_at: None,
        completed_at: None,
        expires_at: None,
    }
}

async fn good(tx: &mut Tx, name: &str, made: i64) {
    tx.insert_backup(&backup(name, made)).await.unwrap();
    let copied = Copied {
        method: Method::Asleep,
        pause: Duration::ZERO,
        at: at(made),
    };
    tx.backup_copied(id(name), &copied, at(made)).await.unwrap();
    let position = Position::default();
    tx.backup_succeeded(id(name), &position, &examined(7), 9, at(made))
        .await
        .unwrap();
}

async fn filled(dir: &std::path::Path) -> Store {
    let store = open(dir).await;
    fill(&store).await;
    store
}

#[tokio::test]
async fn drills_come_back_as_they_went_in_and_end_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let mut tx = store.write().await.unwrap();
    let planned = drill("one", "first", 10);
    tx.insert_drill(&planned).await.unwrap();
    assert_eq!(tx.drill(planned.id).await.unwrap(), Some(planned.clone()));
    assert_eq!(
        tx.drill_under_way(id("first")).await.unwrap(),
        Some(planned.clone())
    );
    assert_eq!(tx.policy_drills_under_way().await.unwrap(), 1);
    tx.drill_started(planned.id, at(11)).await.unwrap();
    tx.drill_started(planned.id, at(12)).await.unwrap();
    let outcome = Outcome {
        found: Some(examined(6)),
        differences: vec!["6 rows, 7 when it was backed up".to_owned()],
        failure: Some("not what was backed up".to_owned()),
        restored_in: Some(Duration::from_millis(1_234)),
    };
    tx.drill_ended(planned.id, DrillState::Failed, &outcome, at(20))
        .await
        .unwrap();
    let ended = Drill {
        state: DrillState::Failed,
        outcome,
        started_at: Some(at(11)),
        completed_at: Some(at(20)),
        ..planned
    };
    assert_eq!(tx.drill(ended.id).await.unwrap(), Some(ended.clone()));
    assert!(tx.backups_being_drilled().await.unwrap().is_empty());
    assert_eq!(tx.last_good_drill().await.unwrap(), None);
    let since = async |tx: &mut Tx, second| {
        tx.drilled_since(id("policy"), at(second))
            .await
            .unwrap()
            .len()
    };
    assert_eq!((since(&mut tx, 10).await, since(&mut tx, 11).await), (1, 0));

    tx.insert_drill(&drill("two", "second", 30)).await.unwrap();
    tx.drill_ended(id("two"), DrillState::Success, &Outcome::default(), at(40))
        .await
        .unwrap();
    assert_eq!(tx.last_good_drill().await.unwrap(), Some(at(40)));
    for (query, ids) in [
        (DrillQuery::default(), "two one"),
        (
            DrillQuery {
                backup: Some(id("first")),
                ..DrillQuery::default()
            },
            "one",
        ),
        (
            DrillQuery {
                state: Some(DrillState::Success),
                ..DrillQuery::default()
            },
            "two",
        ),
    ] {
        let query = DrillQuery { limit: 9, ..query };
        let (found, total) = tx.drills(id("shop"), &query).await.unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|d| d.id.as_str().trim_end_matches('x'))
            .collect();
        assert_eq!(
            (names.join(" "), total),
            (ids.to_owned(), names.len() as u64)
        );
    }
}

#[tokio::test]
async fn one_whose_drill_failed_is_not_the_last_good_backup_until_a_drill_finds_it_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let mut tx = store.write().await.unwrap();
    good(&mut tx, "old", 10).await;
    good(&mut tx, "new", 20).await;
    let mut said = Drilled {
        drill: id("drill"),
        backup: id("new"),
        state: DrillState::Failed,
        at: at(30),
        failure: Some("table t is damaged".to_owned()),
    };
    let last = async |tx: &mut Tx| tx.last_good_backup(id("main")).await.unwrap().unwrap().id;
    assert_eq!(last(&mut tx).await, id("new"));
    tx.set_drilled(id("main"), &said).await.unwrap();
    assert_eq!(last(&mut tx).await, id("old"));
    assert_eq!(tx.good_backups(id("main")).await.unwrap(), 1);
    assert_eq!(tx.damaged_backups().await.unwrap(), 1);
    let row = tx.backup(id("new")).await.unwrap().unwrap();
    assert!(row.damaged() && !row.good());
    assert_eq!(row.drilled, Some(said.clone()));
    let branch = tx.branch_detail(id("main")).await.unwrap().unwrap();
    assert_eq!(branch.drilled, Some(said.clone()));
    (said.state, said.failure) = (DrillState::Success, None);
    tx.set_drilled(id("main"), &said).await.unwrap();
    assert_eq!(last(&mut tx).await, id("new"));
    assert_eq!(tx.damaged_backups().await.unwrap(), 0);
}

#[tokio::test]
async fn a_branch_is_drilled_when_its_newest_backup_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let mut tx = store.write().await.unwrap();
    let ready = async |tx: &mut Tx| tx.branches_to_drill(id("shop"), true).await.unwrap();
    assert_eq!(ready(&mut tx).await, []);
    tx.insert_backup(&backup("first", 10)).await.unwrap();
    assert_eq!(ready(&mut tx).await, [(id("main"), false)]);
    tx.backup_failed(id("first"), "no", at(11)).await.unwrap();
    assert_eq!(ready(&mut tx).await, []);
    good(&mut tx, "second", 20).await;
    assert_eq!(ready(&mut tx).await, [(id("main"), true)]);
    tx.insert_drill(&drill("one", "second", 30)).await.unwrap();
    assert_eq!(ready(&mut tx).await, [(id("main"), false)]);
    assert!(
        tx.branches_to_drill(id("shop"), false)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn only_so_many_are_kept_and_none_that_is_under_way_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let mut tx = store.write().await.unwrap();
    for n in 0..5 {
        let name = format!("d{n}");
        tx.insert_drill(&drill(&name, "first", n)).await.unwrap();
        if n > 0 {
            tx.drill_ended(id(&name), DrillState::Success, &Outcome::default(), at(n))
                .await
                .unwrap();
        }
    }
    let left = async |tx: &mut Tx| {
        let query = DrillQuery {
            limit: 9,
            ..DrillQuery::default()
        };
        tx.drills(id("shop"), &query).await.unwrap().1
    };
    tx.forget_old_drills(id("shop"), 5).await.unwrap();
    assert_eq!(left(&mut tx).await, 5);
    tx.forget_old_drills(id("shop"), 2).await.unwrap();
    assert_eq!(left(&mut tx).await, 3);
    assert!(tx.drill(id("d0")).await.unwrap().is_some());
    tx.delete_drills(id("shop")).await.unwrap();
    assert_eq!(left(&mut tx).await, 0);
}
