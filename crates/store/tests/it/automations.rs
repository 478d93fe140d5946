//! Automations at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::automation::{Automation, Binding, BindingState};
use offshoot_core::id::IntegrationId;
use offshoot_core::integration::{Integration, Polling};
use offshoot_core::iteration::{Iteration, Observation, Record};
use offshoot_core::name::{AutomationName, IntegrationName};
use offshoot_store::Store;
use offshoot_store::automation::AutomationsStamp;
use offshoot_store::iteration::KnownIteration;
use serde_json::json;

fn automation(name: &str, second: i64) -> Automation {
    Automation {
        id: id(name),
        database_id: id("shop"),
        integration_id: id("github"),
        name: AutomationName::parse(name).unwrap(),
        enabled: true,
        rule: serde_json::from_value(json!({"integration": "github"})).unwrap(),
        actor: "me".to_owned(),
        created_at: at(second),
        updated_at: at(second),
    }
}

fn github() -> Integration {
    Integration {
        id: id("github"),
        organization_id: id("org"),
        name: IntegrationName::parse("github").unwrap(),
        tool: "github".to_owned(),
        settings: json!({}),
        enabled: true,
        poll_every: None,
        has_token: false,
        polling: Polling::default(),
        last_delivery_at: None,
        actor: "me".to_owned(),
        created_at: at(1),
        updated_at: at(1),
    }
}

async fn stamp(store: &Store) -> AutomationsStamp {
    let mut session = store.read().await.unwrap();
    let github: IntegrationId = id("github");
    session.automations_stamp(github).await.unwrap()
}

#[tokio::test]
async fn a_change_of_any_of_them_is_another_stamp() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    tx.insert_integration(&github()).await.unwrap();
    tx.commit().await.unwrap();
    let mut seen = vec![stamp(&store).await];

    // The newest is not always the one that changes, and one may take another's place.
    let mut early = automation("early", 1_700_000_000);
    let late = automation("late", 1_800_000_000);
    for step in 0..5 {
        let mut tx = store.write().await.unwrap();
        match step {
            0 => tx.insert_automation(&early).await.unwrap(),
            1 => tx.insert_automation(&late).await.unwrap(),
            2 => {
                early.updated_at = at(1_750_000_000);
                tx.update_automation(&early).await.unwrap();
            }
            3 => {
                tx.delete_automation(early.id).await.unwrap();
                let other = automation("other", 1_760_000_000);
                tx.insert_automation(&other).await.unwrap();
            }
            _ => {
                let (shop, now) = (id("shop"), at(1_900_000_000));
                tx.mark_database_deleting(shop, now).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        seen.push(stamp(&store).await);
    }
    assert_eq!(seen.pop(), seen.first().copied(), "nothing is left");
    for (n, one) in seen.iter().enumerate() {
        assert!(!seen[..n].contains(one), "{n}: {seen:?}");
    }
}

/// Whoever converges a binding reads it, decides, and writes; the iteration may change in between.
#[tokio::test]
async fn what_was_decided_before_a_look_was_asked_for_does_not_put_it_off() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let sprint = Iteration::sprint("1".to_owned(), "Sprint 1".to_owned(), at(1));
    let (record, _) = Record::first(Observation::Seen(sprint), at(1));
    let known = KnownIteration {
        id: id("sprint"),
        integration_id: id("github"),
        record,
        created_at: at(1),
        updated_at: at(1),
    };
    let mut read = Binding {
        id: id("binding"),
        automation_id: id("auto"),
        iteration_id: known.id,
        branch_id: id("branch"),
        branch_name: None,
        state: BindingState::Waiting,
        reason: None,
        followed_name: None,
        ending: None,
        attempts: 0,
        check_at: Some(at(2)),
        asked: 0,
        created_at: at(1),
        updated_at: at(1),
    };
    let mut tx = store.write().await.unwrap();
    tx.insert_integration(&github()).await.unwrap();
    tx.insert_automation(&automation("auto", 1)).await.unwrap();
    tx.put_iteration(&known, false).await.unwrap();
    tx.insert_binding(&read).await.unwrap();
    // In the same moment as the look that it was due for.
    tx.check_bindings_of(known.id, at(2)).await.unwrap();
    read.check_at = None;
    read.state = BindingState::Made;
    tx.update_binding(&read).await.unwrap();
    let again = tx.binding(read.id).await.unwrap().unwrap();
    assert_eq!(again.state, BindingState::Made);
    assert_eq!(again.check_at, Some(at(2)));
    // Read anew, it comes to rest.
    let rest = Binding {
        check_at: None,
        ..again
    };
    tx.update_binding(&rest).await.unwrap();
    assert_eq!(tx.binding(read.id).await.unwrap(), Some(rest));
    tx.commit().await.unwrap();
}
