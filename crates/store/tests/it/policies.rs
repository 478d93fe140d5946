//! Backup policies at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::backup_policy::{BackupPolicy, Every, Retention, Schedule, Target, Unit};
use offshoot_store::StoreError;

fn policy(name: &str) -> BackupPolicy {
    BackupPolicy {
        id: id(name),
        database_id: id("shop"),
        name: name.to_owned(),
        target: Target::Development,
        schedule: Schedule {
            every: Every::new(2, Unit::Month),
            minute: 61,
            day: Some(6),
            week: Some(3),
        },
        retention: Retention::new(1, Unit::Year),
        drill: Some(Every::new(1, Unit::Week)),
        required: false,
        last_ran_at: Some(at(5)),
        next_run_at: at(10),
        last_drilled_at: Some(at(6)),
        next_drill_at: Some(at(20)),
        created_at: at(1),
        updated_at: at(2),
    }
}

#[tokio::test]
async fn policies_come_back_as_they_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let (full, mut plain) = (policy("full"), policy("plain"));
    plain.schedule.every = Every::new(12, Unit::Hour);
    (plain.schedule.day, plain.schedule.week) = (None, None);
    (plain.drill, plain.next_drill_at) = (None, None);
    (plain.last_ran_at, plain.last_drilled_at) = (None, None);
    (plain.target, plain.required) = (Target::Production, true);
    let mut tx = store.write().await.unwrap();
    let bare = tx.databases_without_policy().await.unwrap();
    assert_eq!(bare, [id("shop")]);
    tx.insert_backup_policy(&full).await.unwrap();
    tx.insert_backup_policy(&plain).await.unwrap();
    let (all, total) = tx.backup_policies(id("shop"), 0, 10).await.unwrap();
    assert_eq!((all, total), (vec![full.clone(), plain.clone()], 2));
    let (page, total) = tx.backup_policies(id("shop"), 1, 1).await.unwrap();
    assert_eq!((page, total), (vec![plain.clone()], 2));
    assert!(tx.databases_without_policy().await.unwrap().is_empty());
    let changed = BackupPolicy {
        name: "changed".to_owned(),
        drill: Some(Every::new(3, Unit::Day)),
        next_drill_at: Some(at(30)),
        updated_at: at(9),
        ..plain
    };
    tx.update_backup_policy(&changed).await.unwrap();
    assert_eq!(tx.backup_policy(changed.id).await.unwrap(), Some(changed));
}

#[tokio::test]
async fn what_is_due_is_found_by_backup_and_by_drill() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    let policy = policy("full");
    tx.insert_backup_policy(&policy).await.unwrap();
    assert!(tx.due_backup_policies(at(9)).await.unwrap().is_empty());
    assert_eq!(tx.due_backup_policies(at(10)).await.unwrap().len(), 1);
    tx.backup_policy_ran(policy.id, at(11), at(100))
        .await
        .unwrap();
    assert!(tx.due_backup_policies(at(19)).await.unwrap().is_empty());
    let due = tx.due_backup_policies(at(20)).await.unwrap();
    assert_eq!(due[0].last_ran_at, Some(at(11)));
    // A run is no change of the policy.
    assert_eq!(due[0].updated_at, policy.updated_at);
    tx.backup_policy_drilled(policy.id, at(21), at(100))
        .await
        .unwrap();
    assert!(tx.due_backup_policies(at(99)).await.unwrap().is_empty());
    tx.mark_database_deleting(id("shop"), at(22)).await.unwrap();
    assert!(tx.due_backup_policies(at(100)).await.unwrap().is_empty());
    tx.delete_backup_policy(policy.id).await.unwrap();
    assert_eq!(tx.backup_policy(policy.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_database_has_one_required_policy() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    let required = |name| BackupPolicy {
        required: true,
        ..policy(name)
    };
    tx.insert_backup_policy(&required("one")).await.unwrap();
    let twin = tx.insert_backup_policy(&required("two")).await;
    assert!(matches!(twin, Err(StoreError::Taken(_))));
}
