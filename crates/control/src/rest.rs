//! Waking and putting to sleep.

use crate::Control;
use crate::fail::Fail;
use crate::fleet::Slot;
use offshoot_core::Refusal;
use offshoot_core::branch::{Branch, BranchState, SafeMigrations};
use offshoot_core::id::BranchId;
use offshoot_core::instance::{Endpoint, Stop, Wanted};
use offshoot_core::refusal::{Kind, code};
use offshoot_core::webhook::EventName;
use offshoot_store::StoreError;
use std::time::Duration;

/// What became of a try to wake a branch.
pub(crate) enum Woken {
    Up(Endpoint),
    /// The branch is not what it was: look again.
    Changed,
    /// Its engine failed, and is tried again after so long.
    Later(Duration, Refusal),
}

impl Control {
    /// The branch's engine, awake. Waits for one that is being made, and for one that failed until it
    /// is tried again; refused is one that failed several times in a row.
    pub(crate) async fn open_branch(&self, id: BranchId) -> Result<Endpoint, Refusal> {
        if let Some(endpoint) = self.0.fleet.endpoint(id) {
            return Ok(endpoint);
        }
        let timeout = self.0.settings.limits.wake_timeout;
        tokio::time::timeout(timeout, self.open_slowly(id))
            .await
            .unwrap_or_else(|_| {
                Err(
                    Refusal::unavailable("the branch did not become ready in time")
                        .hint("try again, and see the branch's state and log"),
                )
            })
    }

    async fn open_slowly(&self, id: BranchId) -> Result<Endpoint, Refusal> {
        let mut changes = self.0.signals.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(endpoint) = self.0.fleet.endpoint(id) {
                return Ok(endpoint);
            }
            let branch = self.0.store.read().await?.branch_by_id(id).await?;
            let branch = branch
                .filter(|b| !b.deleting)
                .ok_or_else(|| Refusal::not_found("the branch"))?;
            let mut pause = Duration::MAX;
            if branch.state != BranchState::Pending {
                match self.wake(&branch).await? {
                    Woken::Up(endpoint) => return Ok(endpoint),
                    Woken::Changed => {}
                    Woken::Later(soon, _) => pause = soon,
                }
            }
            let changed = tokio::time::timeout(pause, changes.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                return Err(Refusal::unavailable("the server is stopping"));
            }
        }
    }

    /// Starts the branch's engine. Refused is what cannot be, or one that failed several times in a
    /// row.
    pub(crate) async fn wake(&self, seen: &Branch) -> Result<Woken, Refusal> {
        let mut slot = self.slot(seen.instance).await;
        if let Some(endpoint) = self.0.fleet.endpoint(seen.id) {
            return Ok(Woken::Up(endpoint));
        }
        let mut session = self.0.store.read().await?;
        let Some(branch) = session.branch_by_id(seen.id).await? else {
            return Err(Refusal::not_found("the branch"));
        };
        if branch.deleting {
            return Err(Refusal::not_found("the branch"));
        }
        if branch.instance != seen.instance || branch.state == BranchState::Pending {
            return Ok(Woken::Changed);
        }
        let Some(instance) = session.instance(branch.instance).await? else {
            return Err(Refusal::not_found("the branch's instance"));
        };
        let fingerprint = session.sleeping_fingerprint(branch.id).await?;
        drop(session);
        let now = self.now();
        if slot.retry_at.is_some_and(|at| at > now) {
            let refusal = self.not_running(&branch, slot.error.as_deref());
            return self.later(&slot, refusal);
        }
        self.0
            .fleet
            .set_phase(branch.id, Some(BranchState::Awakening));
        let slept = branch.state == BranchState::Sleeping;
        let result = async {
            if slot.endpoint.is_none() {
                self.admit(&instance).await?;
            }
            let note = async {
                // Durable before anybody can change the schema: the stored stamps end here.
                if slept {
                    self.note_awake(&branch).await?;
                }
                Ok::<(), Fail>(())
            };
            let (endpoint, noted) =
                futures_util::join!(self.start_admitted(&mut slot, &instance), note);
            noted?;
            Ok::<Endpoint, Fail>(endpoint?)
        }
        .await;
        match result {
            Ok(endpoint) => {
                if branch.safe_migrations != SafeMigrations::Off {
                    self.safe_migrations_on_wake(&branch, &endpoint).await;
                }
                if branch.quota.confined() {
                    self.quota_on_wake(&branch, &endpoint).await;
                }
                self.serve(&branch, endpoint.clone());
                Ok(Woken::Up(endpoint))
            }
            Err(fail) => {
                if slept {
                    let _ = self
                        .note_asleep(&branch, fingerprint.as_deref(), false)
                        .await
                        .inspect_err(|error| tracing::warn!(%error, "a failed wake is not undone"));
                }
                self.0.fleet.set_phase(branch.id, None);
                self.changed();
                self.later(&slot, fail.into())
            }
        }
    }

    fn later(&self, slot: &Slot, refusal: Refusal) -> Result<Woken, Refusal> {
        match slot.pause(self.now()) {
            Some(pause) => Ok(Woken::Later(pause, refusal)),
            None => Err(refusal),
        }
    }

    async fn note_awake(&self, branch: &Branch) -> Result<(), StoreError> {
        let mut tx = self.0.store.write().await?;
        tx.set_branch_state(branch.id, BranchState::Ready, None)
            .await?;
        tx.set_wanted(branch.instance, Wanted::Up).await?;
        tx.commit().await
    }

    /// `told`: it was awake, so that it is an event.
    async fn note_asleep(
        &self,
        branch: &Branch,
        fingerprint: Option<&str>,
        told: bool,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.store.write().await?;
        tx.set_branch_state(branch.id, BranchState::Sleeping, fingerprint)
            .await?;
        tx.set_wanted(branch.instance, Wanted::Down).await?;
        if told {
            self.tell_branch(&mut tx, branch.id, EventName::SLEEPING, self.now())
                .await?;
        }
        tx.commit().await
    }

    /// Puts an awake development branch to sleep; `false` when it is in use, or not awake.
    pub(crate) async fn put_to_sleep(&self, id: BranchId) -> Result<bool, Refusal> {
        let Some(awake) = self.0.fleet.awake(id) else {
            return Ok(false);
        };
        let instance = awake.endpoint.instance;
        let Some(mut slot) = self.try_slot(instance) else {
            return Ok(false);
        };
        let branch = self.0.store.read().await?.branch_by_id(id).await?;
        let Some(branch) = branch.filter(|b| {
            !b.deleting && !b.production && b.instance == instance && b.state == BranchState::Ready
        }) else {
            return Ok(false);
        };
        if self.0.store.read().await?.live_import(id).await?.is_some() {
            return Ok(false);
        }
        let sessions = &self.0.ports.sessions;
        let before = sessions.traffic(id).last_command;
        let activity = self.0.ports.instances.activity(&awake.endpoint).await;
        if activity.map_err(Fail::from)?.busy() {
            return Ok(false);
        }
        // New commands wait for the slot's lock from here on.
        self.0.fleet.withdraw(id);
        self.0
            .fleet
            .set_phase(id, Some(BranchState::SleepInProgress));
        self.changed();
        let stay = |control: &Self| {
            control.0.fleet.put_awake(id, awake.clone());
            control.0.fleet.set_phase(id, None);
            control.changed();
        };
        if !sessions.park(id).await {
            stay(self);
            return Ok(false);
        }
        let stamps = self.0.ports.schemas.fingerprint(&awake.endpoint).await.ok();
        if sessions.traffic(id).last_command != before {
            stay(self);
            return Ok(false);
        }
        if let Err(error) = self.stop(&mut slot, instance, Stop::Clean).await {
            stay(self);
            return Err(error.refusal);
        }
        let stamps = stamps.and_then(|s| serde_json::to_string(&s).ok());
        let noted = self.note_asleep(&branch, stamps.as_deref(), true).await;
        self.0.fleet.set_phase(id, None);
        self.changed();
        noted?;
        tracing::info!(branch.id = %id, "asleep");
        Ok(true)
    }

    pub(crate) fn not_running(&self, branch: &Branch, error: Option<&str>) -> Refusal {
        Refusal::new(
            Kind::Unavailable,
            format!("the engine of branch \"{}\" does not run", branch.name),
        )
        .code(code::ENGINE_START)
        .hint("see its log: offshoot branch logs")
        .cause(error.unwrap_or("unknown").to_owned())
    }
}
