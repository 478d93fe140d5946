//! Shadows at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::backup::{Method, Position};
use offshoot_core::instance::{Accounts, Instance, InstanceSecret, Profile, Purpose, Wanted};
use offshoot_core::shadow::{Shadow, ShadowState};
use std::time::Duration;

fn shadow() -> Shadow {
    Shadow {
        branch: id("main"),
        volume: id("vshadow"),
        instance: id("ishadow"),
        source: id("vmain"),
        state: ShadowState::Making,
        reason: None,
        every: Some(Duration::from_secs(900)),
        position: None,
        history: None,
        next: 0,
        complete_at: None,
        fed_at: None,
        opened: false,
        backup: None,
        method: None,
        made_at: None,
        failures: 0,
        retry_at: None,
        copies: 0,
        copied_at: None,
        passed_over_at: None,
        passed_over: None,
        actor: "me".to_owned(),
        created_at: at(1),
        updated_at: at(1),
    }
}

#[tokio::test]
async fn a_shadow_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut shadow = shadow();
    let mut tx = store.write().await.unwrap();
    tx.insert_shadow(&shadow).await.unwrap();
    tx.commit().await.unwrap();
    let mut session = store.read().await.unwrap();
    let read = session.shadow(id("main")).await.unwrap();
    assert_eq!(read.as_ref(), Some(&shadow));
    assert_eq!(session.shadow(id("other")).await.unwrap(), None);
    drop(session);

    shadow.state = ShadowState::Following;
    shadow.every = None;
    shadow.position = Some(Position {
        gtid_set: "0-1-7".to_owned(),
        file: "binlog.000002".to_owned(),
        offset: 7,
    });
    shadow.history = Some(id("his"));
    shadow.next = 8;
    shadow.complete_at = Some(at(9));
    shadow.fed_at = Some(at(10));
    shadow.opened = true;
    shadow.backup = Some(id("backup"));
    shadow.method = Some(Method::Frozen);
    shadow.made_at = Some(at(11));
    shadow.failures = 2;
    shadow.copies = 3;
    shadow.copied_at = Some(at(12));
    shadow.passed_over_at = Some(at(13));
    shadow.passed_over = Some("too far behind".to_owned());
    let mut tx = store.write().await.unwrap();
    assert!(tx.update_shadow(&shadow, id("ishadow")).await.unwrap());
    tx.commit().await.unwrap();
    let read = store.read().await.unwrap().shadows().await.unwrap();
    assert_eq!(read, std::slice::from_ref(&shadow));

    // Made again: what still belongs to the one before does not overwrite it.
    let was = shadow.instance;
    shadow.break_off("a gap".to_owned(), at(14));
    shadow.begin_anew(id("vagain"), id("iagain"), id("vmain"));
    let mut tx = store.write().await.unwrap();
    assert!(tx.update_shadow(&shadow, was).await.unwrap());
    assert!(!tx.update_shadow(&shadow, was).await.unwrap());
    tx.delete_shadow(id("main")).await.unwrap();
    assert!(!tx.update_shadow(&shadow, id("iagain")).await.unwrap());
    tx.commit().await.unwrap();
    assert!(
        store
            .read()
            .await
            .unwrap()
            .shadows()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_instance_of_a_shadow_is_read_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let instance = Instance {
        id: id("ishadow"),
        node: id("node"),
        pool: id("pool"),
        volume: id("vmain"),
        engine: "mysql-9.7.4".parse().unwrap(),
        purpose: Purpose::Shadow,
        profile: Profile::Shadow,
        wanted: Wanted::Up,
        secret: InstanceSecret::new([4; 32]),
        accounts: Accounts::Anew,
        copied: false,
        quiet: false,
        created_at: at(1),
    };
    let mut tx = store.write().await.unwrap();
    tx.insert_instance(&instance).await.unwrap();
    tx.commit().await.unwrap();
    let mut session = store.read().await.unwrap();
    let read = session.instance(id("ishadow")).await.unwrap();
    assert_eq!(read, Some(instance));
}
