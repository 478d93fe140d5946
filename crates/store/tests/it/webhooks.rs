//! The outbox at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::audit::AuditEvent;
use offshoot_core::webhook::{
    AfterTry, EventName, Happened, SendState, Tried, Webhook, WebhookDelivery,
};
use offshoot_store::webhook::SentQuery;
use offshoot_store::{Store, Tx};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::time::Duration;

fn webhook(name: &str, events: &[&str]) -> Webhook {
    Webhook {
        id: id(name),
        database_id: id("shop"),
        url: "https://hooks.example.com/x".to_owned(),
        enabled: true,
        events: events.iter().map(|e| e.parse().unwrap()).collect(),
        disabled_reason: None,
        failures: 0,
        retry_at: None,
        last: None,
        actor: "me".to_owned(),
        created_at: at(1),
        updated_at: at(1),
    }
}

fn secret() -> SecretString {
    SecretString::from("ofs_whk_never_in_clear")
}

fn audit(name: &str, action: &str, second: i64) -> AuditEvent {
    AuditEvent {
        id: id(name),
        organization_id: id("org"),
        action: action.to_owned(),
        actor_id: None,
        actor: "me".to_owned(),
        by_user: false,
        subject_type: "Branch",
        subject_id: Some(id::<offshoot_core::id::BranchId>("main").to_string()),
        subject: "main".to_owned(),
        remote_ip: None,
        metadata: BTreeMap::new(),
        at: at(second),
    }
}

fn ready(name: &str) -> Happened {
    Happened {
        id: id(name),
        event: EventName::READY,
        database_id: id("shop"),
        subject_type: "Branch",
        subject_id: "mainxxxxxxxx".to_owned(),
        subject: "main".to_owned(),
        at: at(7),
    }
}

async fn deliveries(store: &Store, webhook: &str) -> Vec<WebhookDelivery> {
    let query = SentQuery {
        limit: 100,
        ..SentQuery::default()
    };
    let mut session = store.read().await.unwrap();
    let found = session.webhook_deliveries(id(webhook), &query).await;
    found.unwrap().0
}

async fn filled(dir: &std::path::Path) -> Store {
    let store = open(dir).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    for (name, events) in [
        (
            "all",
            &["branch.ready", "branch.reset", "branch.deleted"][..],
        ),
        ("some", &["branch.reset"]),
    ] {
        tx.insert_webhook(&webhook(name, events), &secret())
            .await
            .unwrap();
    }
    let mut off = webhook("off", &["branch.reset"]);
    off.enabled = false;
    tx.insert_webhook(&off, &secret()).await.unwrap();
    tx.commit().await.unwrap();
    store
}

#[tokio::test]
async fn an_event_is_there_with_its_commit_and_not_without() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let mut tx = store.write().await.unwrap();
    tx.insert_audit(&audit("lost", "branch.reset", 2))
        .await
        .unwrap();
    drop(tx);
    let mut tx = store.write().await.unwrap();
    // One after the other, also where both happened at once; what is no event of webhooks is none.
    for (name, action) in [
        ("one", "branch.reset"),
        ("two", "branch.deleted"),
        ("three", "branch.updated"),
    ] {
        tx.insert_audit(&audit(name, action, 3)).await.unwrap();
    }
    assert_eq!(tx.publish(&ready("four")).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let names = |all: &[WebhookDelivery]| -> Vec<&'static str> {
        all.iter().rev().map(|d| d.event.as_str()).collect()
    };
    let all = deliveries(&store, "all").await;
    assert_eq!(
        names(&all),
        ["branch.reset", "branch.deleted", "branch.ready"]
    );
    let some = deliveries(&store, "some").await;
    assert_eq!(names(&some), ["branch.reset"]);
    assert_eq!(deliveries(&store, "off").await.len(), 0);
    assert_ne!(all[2].id, some[0].id);
    assert_eq!(all[2].subject, "main");
    let file = std::fs::read(dir.path().join("offshoot.db")).unwrap();
    let wal = std::fs::read(dir.path().join("offshoot.db-wal")).unwrap_or_default();
    let clear = secret();
    let clear = clear.expose_secret().as_bytes();
    assert!(
        ![file, wal]
            .iter()
            .any(|f| f.windows(clear.len()).any(|w| w == clear))
    );
    let mut session = store.read().await.unwrap();
    let signing = session.webhook_signing(id("all")).await.unwrap().unwrap();
    assert_eq!(signing.expose_secret(), secret().expose_secret());
}

fn tried(failure: Option<&str>) -> Tried {
    Tried {
        at: at(10),
        took: Duration::from_millis(4),
        status: Some(500),
        failure: failure.map(str::to_owned),
    }
}

async fn next(store: &Store, second: i64) -> Option<(Webhook, WebhookDelivery)> {
    let mut session = store.read().await.unwrap();
    let due = session.webhooks_to_send(at(second)).await.unwrap();
    let next = session.next_delivery(id("all"), at(second)).await.unwrap();
    assert_eq!(next.is_some(), due.contains(&id("all")), "{due:?}");
    next
}

async fn publish(store: &Store, names: &[&str]) {
    let mut tx = store.write().await.unwrap();
    for name in names {
        tx.publish(&ready(name)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn end(tx: &mut Tx, found: &(Webhook, WebhookDelivery), after: &AfterTry, why: Option<&str>) {
    tx.delivery_tried(&found.0, found.1.id, &tried(why), after)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_waits_is_not_sent_before_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    assert!(next(&store, 9).await.is_none());
    publish(&store, &["one", "two"]).await;
    let first = next(&store, 9).await.unwrap();
    let mut tx = store.write().await.unwrap();
    tx.set_delivery_body(first.1.id, "{\"a\": 1}")
        .await
        .unwrap();
    tx.set_delivery_body(first.1.id, "{\"a\": 2}")
        .await
        .unwrap();
    let after = AfterTry {
        state: SendState::Pending,
        attempts: 1,
        retry_at: Some(at(20)),
        failures: 1,
        pause_until: Some(at(15)),
        disable: None,
    };
    end(&mut tx, &first, &after, Some("status 500")).await;
    tx.commit().await.unwrap();
    assert!(next(&store, 14).await.is_none(), "the webhook pauses");
    let second = next(&store, 15).await.unwrap();
    assert_ne!(second.1.id, first.1.id, "the other one goes first");
    assert_eq!((second.0.failures, second.0.retry_at), (1, Some(at(15))));
    let last = second.0.last.clone().unwrap();
    assert_eq!((last.success, last.result.as_str()), (false, "status 500"));
    let again = next(&store, 20).await.unwrap().1;
    assert_eq!(again.id, first.1.id);
    assert_eq!(
        again.body.as_deref(),
        Some("{\"a\": 1}"),
        "what was sent first is sent"
    );
    assert_eq!(
        (again.status, again.took),
        (Some(500), Some(Duration::from_millis(4)))
    );

    // A test goes before all and to one that is off; what switches one off says why.
    let mut tx = store.write().await.unwrap();
    let off = AfterTry {
        disable: Some("too often".to_owned()),
        ..after
    };
    end(&mut tx, &first, &off, Some("status 500")).await;
    tx.commit().await.unwrap();
    assert!(next(&store, 99).await.is_none());
    let mut tx = store.write().await.unwrap();
    let test = Happened {
        event: EventName::TEST,
        ..ready("test")
    };
    tx.insert_webhook_delivery(id("all"), &test).await.unwrap();
    tx.commit().await.unwrap();
    let found = next(&store, 99).await.unwrap();
    assert_eq!(found.1.event, EventName::TEST);
    assert_eq!(
        (found.0.enabled, found.0.disabled_reason.as_deref()),
        (false, Some("too often"))
    );
}

#[tokio::test]
async fn the_log_is_bounded_by_time_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    publish(&store, &["one", "two", "three", "four"]).await;
    let kept = deliveries(&store, "all").await;
    let mut tx = store.write().await.unwrap();
    tx.sweep_webhook_deliveries(at(7), 3).await.unwrap();
    tx.commit().await.unwrap();
    let left = deliveries(&store, "all").await;
    assert_eq!(left, kept[..3], "the newest stay");
    let mut tx = store.write().await.unwrap();
    tx.sweep_webhook_deliveries(at(8), 3).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(deliveries(&store, "all").await.len(), 0);
}
