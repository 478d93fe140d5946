//! Runs workflows: on a signal at once, else when the database is polled.

use super::{Run, Step, VERSION, Work};
use crate::fail::Fail;
use crate::{Control, lock};
use jiff::Timestamp;
use offshoot_core::id::WorkflowId;
use offshoot_core::plan::{Retry, plan_retry};
use offshoot_core::port::Ids;
use offshoot_store::workflow::{Lease, Workflow};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) struct Runner {
    /// Identifies this process's claims.
    token: String,
    active: AtomicBool,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    permits: Arc<Semaphore>,
    under_way: Mutex<HashSet<WorkflowId>>,
    subjects: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// A workflow may be due earlier than thought.
    pub(crate) due: Notify,
    /// Every step is done twice: for the crash harness.
    twice: AtomicBool,
}

impl Runner {
    pub(crate) fn new(ids: &dyn Ids, parallel: usize) -> Self {
        Self {
            token: format!("{}{}", ids.id().as_str(), ids.id().as_str()),
            active: AtomicBool::new(false),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            permits: Arc::new(Semaphore::new(parallel)),
            under_way: Mutex::default(),
            subjects: Mutex::default(),
            due: Notify::new(),
            twice: AtomicBool::new(false),
        }
    }

    pub(crate) fn active(&self) -> bool {
        self.active.load(Ordering::SeqCst)
    }

    pub(crate) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::SeqCst);
    }

    pub(crate) fn set_twice(&self) {
        self.twice.store(true, Ordering::SeqCst);
    }

    fn subject(&self, subject: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut subjects = lock(&self.subjects);
        if let Some(held) = subjects.get(subject).and_then(Weak::upgrade) {
            return held;
        }
        subjects.retain(|_, weak| weak.strong_count() > 0);
        let fresh = Arc::new(tokio::sync::Mutex::new(()));
        subjects.insert(subject.to_owned(), Arc::downgrade(&fresh));
        fresh
    }
}

impl Control {
    pub(crate) fn lease(&self, now: Timestamp) -> Lease<'_> {
        Lease {
            token: &self.0.runner.token,
            until: now.checked_add(self.0.settings.limits.lease).unwrap_or(now),
        }
    }

    /// Runs workflows that were just put down, without a detour over the database.
    pub(crate) fn start_now(&self, ids: &[WorkflowId]) {
        if self.0.runner.active() {
            for id in ids {
                self.spawn_workflow(*id, true);
            }
        }
    }

    fn spawn_workflow(&self, id: WorkflowId, fresh: bool) {
        let runner = &self.0.runner;
        if runner.stop.is_cancelled() || !lock(&runner.under_way).insert(id) {
            return;
        }
        let control = self.clone();
        runner.tasks.spawn(async move {
            let permits = control.0.runner.permits.clone();
            if let Ok(_permit) = permits.acquire().await {
                control.drive_reported(id, fresh).await;
            }
            lock(&control.0.runner.under_way).remove(&id);
            control.changed();
        });
    }

    /// Claims and starts what is due. Returns how many there were.
    pub(crate) async fn run_due(&self, inline: bool) -> Result<usize, Fail> {
        /// Workflows looked at in one go; the next look follows at once.
        const BATCH: u64 = 64;
        let now = self.now();
        let due = self.0.store.read().await?.due_workflows(now, BATCH).await?;
        for workflow in &due {
            if inline {
                self.drive_reported(workflow.id, false).await;
            } else {
                self.spawn_workflow(workflow.id, false);
            }
        }
        Ok(due.len())
    }

    async fn drive_reported(&self, id: WorkflowId, fresh: bool) {
        match self.drive(id, fresh).await {
            Err(fail) if fail.superseded() => tracing::debug!(workflow.id = %id, "superseded"),
            Err(fail) => {
                tracing::error!(workflow.id = %id, error = %fail, "a workflow stands still")
            }
            Ok(()) => {}
        }
    }

    async fn drive(&self, id: WorkflowId, fresh: bool) -> Result<(), Fail> {
        let Some(row) = self.0.store.read().await?.workflow(id).await? else {
            return Ok(());
        };
        let subject = self.0.runner.subject(&row.subject);
        let _alone = subject.lock().await;
        let Some(row) = self.claim(row, fresh).await? else {
            return Ok(());
        };
        let mut run = Run {
            id,
            token: self.0.runner.token.clone(),
            fresh: fresh && row.attempts == 0,
        };
        let mut work = read_state(&row)?;
        loop {
            if self.0.runner.stop.is_cancelled() {
                return Ok(());
            }
            let twice = self.0.runner.twice.load(Ordering::SeqCst);
            if twice {
                match self.renewing(&run, self.step(&run, work.clone())).await {
                    Err(fail) if fail.superseded() => return Err(fail),
                    Ok(Step::Done) => run.fresh = false,
                    _ => {}
                }
            }
            match self.renewing(&run, self.step(&run, work.clone())).await {
                Ok(Step::Next(next)) => {
                    tracing::debug!(workflow.id = %id, kind = next.kind(), "next step");
                    work = next;
                }
                Ok(Step::Done) => return Ok(()),
                Ok(Step::Wait(pause)) => {
                    let at = self.now().checked_add(pause).unwrap_or(self.now());
                    return self.postpone(&run, row.attempts, at, None).await;
                }
                Err(fail) if fail.superseded() => return Err(fail),
                Err(fail) => return self.failed(&run, &row, &work, fail).await,
            }
        }
    }

    /// The row under our lease, or `None` when somebody else has it.
    async fn claim(&self, row: Workflow, fresh: bool) -> Result<Option<Workflow>, Fail> {
        let now = self.now();
        let held = fresh
            && row
                .created_at
                .checked_add(self.0.settings.limits.lease / 2)
                .is_ok_and(|half| now < half);
        if held {
            return Ok(self.0.store.read().await?.workflow(row.id).await?);
        }
        let mut tx = self.0.store.write().await?;
        if !tx.lease_workflow(row.id, &self.lease(now), now).await? {
            return Ok(None);
        }
        let row = tx.workflow(row.id).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Keeps the lease while a step takes long.
    async fn renewing<T>(
        &self,
        run: &Run,
        step: impl Future<Output = Result<T, Fail>>,
    ) -> Result<T, Fail> {
        let third = self.0.settings.limits.lease / 3;
        let renew = async {
            loop {
                tokio::time::sleep(third).await;
                let now = self.now();
                let renewed = async {
                    let mut tx = self.0.store.write().await?;
                    tx.lease_workflow(run.id, &self.lease(now), now).await?;
                    tx.commit().await
                };
                if let Err(error) = renewed.await {
                    tracing::warn!(workflow.id = %run.id, %error, "a lease is not renewed");
                }
            }
        };
        tokio::select! {
            result = step => result,
            () = renew => unreachable!("renews for ever"),
        }
    }

    async fn failed(&self, run: &Run, row: &Workflow, work: &Work, fail: Fail) -> Result<(), Fail> {
        let limits = &self.0.settings.limits;
        let attempts = row.attempts.saturating_add(1);
        let cause = fail.cause().map(tracing::field::display);
        tracing::warn!(
            workflow.id = %run.id, kind = work.kind(), subject = %row.subject, attempts, error = %fail, cause,
            "a workflow's step failed"
        );
        let retry = plan_retry(
            attempts,
            fail.transient(),
            limits.attempts,
            limits.backoff,
            limits.backoff_max,
        );
        let pause = match retry {
            Retry::After(pause) => pause,
            Retry::GiveUp if self.undo(run, work, &fail).await? => {
                self.changed();
                return Ok(());
            }
            Retry::GiveUp => limits.backoff_max,
        };
        let at = self.now().checked_add(pause).unwrap_or(self.now());
        self.postpone(run, attempts, at, Some(&fail.to_string()))
            .await
    }

    async fn postpone(
        &self,
        run: &Run,
        attempts: u32,
        at: Timestamp,
        error: Option<&str>,
    ) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        tx.postpone_workflow(run.id, &run.token, attempts, at, error)
            .await?;
        tx.commit().await?;
        self.0.runner.due.notify_one();
        Ok(())
    }
}

fn read_state(row: &Workflow) -> Result<Work, Fail> {
    if row.version != VERSION {
        tracing::error!(workflow.id = %row.id, version = row.version, "unknown version of a workflow");
    }
    serde_json::from_str(&row.state).map_err(|_| {
        Fail::Store(offshoot_store::StoreError::Corrupt {
            column: format!("workflows.state of {}", row.id),
        })
    })
}
