//! Automations at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::automation::Automation;
use offshoot_core::id::IntegrationId;
use offshoot_core::integration::{Integration, Polling};
use offshoot_core::name::{AutomationName, IntegrationName};
use offshoot_store::Store;
use offshoot_store::automation::AutomationsStamp;
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
    let integration = Integration {
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
    };
    tx.insert_integration(&integration).await.unwrap();
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
