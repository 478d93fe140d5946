//! Leases fence workflows.

use crate::setup::{at, id, open};
use offshoot_core::id::WorkflowId;
use offshoot_store::StoreError;
use offshoot_store::workflow::{Lease, Workflow};

#[tokio::test]
async fn who_lost_the_lease_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let wf: WorkflowId = id("wf");
    let workflow = Workflow {
        id: wf,
        kind: "delete_branch".to_owned(),
        version: 1,
        subject: "x".to_owned(),
        state: "{}".to_owned(),
        attempts: 0,
        run_at: at(10),
        created_at: at(10),
    };
    let lease = |token, until| Lease {
        token,
        until: at(until),
    };
    let mut tx = store.write().await.unwrap();
    tx.insert_workflow(&workflow, Some(&lease("a", 70)))
        .await
        .unwrap();
    let twin = Workflow {
        id: id("twin"),
        ..workflow.clone()
    };
    let refused = tx.insert_workflow(&twin, None).await;
    assert!(matches!(refused, Err(StoreError::Taken(_))));
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    assert!(tx.due_workflows(at(69), 9).await.unwrap().is_empty());
    let early = tx.lease_workflow(wf, &lease("b", 130), at(69)).await;
    assert!(!early.unwrap());
    assert_eq!(tx.due_workflows(at(70), 9).await.unwrap().len(), 1);
    let late = tx.lease_workflow(wf, &lease("b", 130), at(70)).await;
    assert!(late.unwrap());
    let fenced = tx.advance_workflow(wf, "a", 1, "{}", at(71)).await;
    assert!(matches!(fenced, Err(StoreError::Fenced)));
    assert!(matches!(
        tx.finish_workflow(wf, "a").await,
        Err(StoreError::Fenced)
    ));
    tx.postpone_workflow(wf, "b", 2, at(200), Some("no"))
        .await
        .unwrap();
    assert_eq!(tx.next_workflow_at().await.unwrap(), Some(at(200)));
    tx.cancel_workflows("x").await.unwrap();
    assert_eq!(tx.workflows_left().await.unwrap(), 0);
}
