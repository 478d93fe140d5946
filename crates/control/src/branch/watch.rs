//! Watching a branch: its state, and what is under way with it, each time either changes.
//!
//! What is told is what the database and the engines say at that moment; the signal only makes it
//! be looked at sooner. So nothing is missed by a watcher that comes back, but what came and went
//! in between is in the audit log alone.

use super::wait::failed;
use crate::Control;
use crate::locate::LocatedBranch;
use crate::workflow::Work;
use offshoot_core::branch::BranchState;
use offshoot_core::id::BranchId;
use offshoot_core::refusal::Refusal;
use std::sync::Arc;
use tokio::sync::watch;

/// A branch at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchSight {
    pub name: String,
    pub state: BranchState,
    /// A connection would succeed now, without waking.
    pub ready: bool,
    /// Why its engine does not run, where it should.
    pub failure: Option<String>,
    /// What is under way, oldest first.
    pub workflows: Vec<WorkflowSight>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowSight {
    /// `create_branch`, `reset_branch`, `restart_branch`, …
    pub kind: String,
    /// What is to be done next.
    pub step: &'static str,
    /// Failed tries so far, and why the last one failed.
    pub attempts: u32,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    There(BranchSight),
    /// It could not be made, and why.
    Failed(String),
    /// It is being deleted, or is deleted.
    Gone,
}

/// One watcher.
pub struct Watch {
    control: Control,
    branch: BranchId,
    last: Option<Arc<Sight>>,
    changes: watch::Receiver<u64>,
}

/// Needs what reading the branch needs.
pub fn watch(control: &Control, at: &LocatedBranch) -> Watch {
    Watch {
        control: control.clone(),
        branch: at.branch.id,
        last: None,
        changes: control.0.signals.changed.subscribe(),
    }
}

impl Watch {
    /// The present sight at first, then the next one that differs. Cancel-safe.
    pub async fn next(&mut self) -> Result<Arc<Sight>, Refusal> {
        loop {
            self.changes.mark_unchanged();
            let now = Arc::new(sight(&self.control, self.branch).await?);
            if self.last.as_ref() != Some(&now) {
                self.last = Some(now.clone());
                return Ok(now);
            }
            tokio::select! {
                changed = self.changes.changed() => changed
                    .map_err(|_| Refusal::unavailable("the server is stopping"))?,
                () = tokio::time::sleep(self.control.0.settings.limits.poll) => {}
            }
        }
    }
}

async fn sight(control: &Control, id: BranchId) -> Result<Sight, Refusal> {
    let mut session = control.0.store.read().await?;
    let Some(row) = session.branch_by_id(id).await?.filter(|b| !b.deleting) else {
        return Ok(match failed(&mut session, id).await? {
            Some(refusal) => Sight::Failed(refusal.public),
            None => Sight::Gone,
        });
    };
    let workflows = session.workflows_of(id.as_str()).await?;
    drop(session);
    let state = control.0.fleet.shown(id, row.state);
    Ok(Sight::There(BranchSight {
        name: row.name.to_string(),
        ready: state == BranchState::Ready,
        failure: control.0.fleet.error(row.instance),
        state,
        workflows: workflows
            .into_iter()
            .map(|(workflow, error)| WorkflowSight {
                step: serde_json::from_str(&workflow.state).map_or("unknown", |w: Work| w.step()),
                kind: workflow.kind,
                attempts: workflow.attempts,
                error,
            })
            .collect(),
    }))
}
