//! The event stream of a branch, over the network.

use crate::server::{Server, server};
use offshoot_api_types::{BranchState, CreateBranch};
use offshoot_client::{BranchEvents, Client, Token, Told};
use std::time::Duration;

async fn client(server: &Server) -> Client {
    Client::new(&server.listen().await, Token::parse(&server.root).as_ref()).unwrap()
}

async fn next(events: &mut BranchEvents) -> Option<Told> {
    let next = tokio::time::timeout(Duration::from_secs(20), events.next());
    next.await.expect("an event").unwrap()
}

/// Reads on until the branch is in a state.
async fn until(events: &mut BranchEvents, state: BranchState) -> Told {
    loop {
        let told = next(events).await.expect("the stream goes on");
        if told.event.state == Some(state) {
            return told;
        }
    }
}

#[tokio::test]
async fn a_watcher_sees_a_branch_come_and_go() {
    let server = server().await;
    server.shop().await;
    let client = client(&server).await;
    server.world.breaks("instances.start");
    let body = CreateBranch {
        name: Some("a".into()),
        ..CreateBranch::default()
    };
    client
        .create_branch("default", "shop", &body, None)
        .await
        .unwrap();
    let watch = async |after| {
        client
            .watch_branch("default", "shop", "a", after)
            .await
            .unwrap()
    };
    let mut events = watch(None).await;
    let first = next(&mut events).await.unwrap();
    assert_eq!(first.name, "branch");
    assert_eq!(first.event.state, Some(BranchState::Pending));
    assert_eq!(first.event.workflows[0].kind, "create_branch");
    let failing = loop {
        let told = next(&mut events).await.unwrap();
        if told.event.workflows[0].attempts > 0 {
            break told;
        }
    };
    assert!(failing.event.workflows[0].error.is_some());
    server.world.mend();
    let ready = until(&mut events, BranchState::Ready).await;
    assert!(ready.event.ready);
    assert!(ready.event.workflows.is_empty());

    // Who comes back is told only what is new.
    let mut again = watch(Some(&ready.id)).await;
    client.sleep_branch("default", "shop", "a").await.unwrap();
    let asleep = next(&mut again).await.unwrap();
    assert_ne!(asleep.id, ready.id);
    until(&mut events, BranchState::Sleeping).await;

    client
        .delete_branch("default", "shop", "a", false)
        .await
        .unwrap();
    let last = next(&mut events).await.unwrap();
    assert_eq!((&*last.name, last.event.state), ("deleted", None));
    assert!(next(&mut events).await.is_none());
}

#[tokio::test]
async fn streams_end_with_the_server_and_are_not_without_number() {
    let server = server().await;
    server.shop().await;
    let client = client(&server).await;
    let watch = || client.watch_branch("default", "shop", "main", None);
    let mut open = Vec::new();
    let refused = loop {
        match watch().await {
            Ok(events) => open.push(events),
            Err(refused) => break refused,
        }
        assert!(open.len() <= 256);
    };
    assert_eq!(open.len(), 256);
    assert_eq!(refused.refused().unwrap().status.as_u16(), 503);
    server.end();
    for mut events in open {
        while next(&mut events).await.is_some() {}
    }
}
