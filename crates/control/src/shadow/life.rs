//! A shadow's beginning and end, and its beginning anew.

use crate::Control;
use crate::fail::Fail;
use crate::trail::Actor;
use crate::workflow::{MAKE_SHADOW, Shadowing, Work};
use metrics::counter;
use offshoot_core::branch::Branch;
use offshoot_core::id::{BranchId, InstanceId, VolumeId, WorkflowId};
use offshoot_core::instance::{Profile, Purpose, Wanted};
use offshoot_core::plan::shadow_retry;
use offshoot_core::shadow::{Shadow, ShadowState};
use offshoot_core::volume::VolumeUse;
use offshoot_store::{StoreError, Tx};
use std::time::Duration;

impl Control {
    /// Puts a shadow down with what it will be made with.
    pub(super) async fn begin_shadow(
        &self,
        tx: &mut Tx,
        branch: &Branch,
        every: Option<Duration>,
        actor: &Actor<'_>,
    ) -> Result<WorkflowId, StoreError> {
        let now = self.now();
        let (volume, instance) = self.shadow_parts(tx, branch).await?;
        let mut shadow = Shadow {
            branch: branch.id,
            volume,
            instance,
            source: branch.volume,
            state: ShadowState::Making,
            reason: None,
            every,
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
            actor: actor.name(),
            created_at: now,
            updated_at: now,
        };
        shadow.begin_anew(volume, instance, branch.volume);
        tx.insert_shadow(&shadow).await?;
        self.enqueue(tx, &making(&shadow), Duration::ZERO).await
    }

    /// The same for one that is there, in the place of what it is now.
    pub(crate) async fn remake_shadow(&self, seen: &Shadow) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        let Some(mut shadow) = current(&mut tx, seen).await? else {
            return Ok(());
        };
        let Some(branch) = tx.branch_by_id(shadow.branch).await? else {
            return Ok(());
        };
        let was = shadow.instance;
        self.let_go_of_shadow(&mut tx, &shadow).await?;
        let (volume, instance) = self.shadow_parts(&mut tx, &branch).await?;
        shadow.begin_anew(volume, instance, branch.volume);
        tx.update_shadow(&shadow, was).await?;
        let queued = self
            .enqueue(&mut tx, &making(&shadow), Duration::ZERO)
            .await?;
        tx.commit().await?;
        tracing::info!(branch.id = %branch.id, "its shadow is made again");
        self.changed();
        self.tidy_soon();
        self.start_now(&[queued]);
        self.0.runner.due.notify_one();
        Ok(())
    }

    async fn shadow_parts(
        &self,
        tx: &mut Tx,
        branch: &Branch,
    ) -> Result<(VolumeId, InstanceId), StoreError> {
        let engine = branch.engine;
        let volume = self.new_volume(self.id(), engine, None, VolumeUse::Work);
        let (purpose, profile) = (Purpose::Shadow, Profile::Shadow);
        let instance = self.new_instance(self.id(), volume.id, engine, purpose, profile);
        tx.insert_volume(&volume).await?;
        tx.insert_instance(&instance).await?;
        Ok((volume.id, instance.id))
    }

    /// The shadow cannot follow any more, or could not be made: it lets go of what it has, and is made again
    /// after a while.
    pub(crate) async fn break_shadow(
        &self,
        tx: &mut Tx,
        seen: &Shadow,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(mut shadow) = current(tx, seen).await? else {
            return Ok(());
        };
        shadow.break_off(reason.to_owned(), shadow_retry(shadow.failures, self.now()));
        tx.update_shadow(&shadow, seen.instance).await?;
        self.let_go_of_shadow(tx, &shadow).await?;
        if let Some(branch) = tx.branch_by_id(shadow.branch).await? {
            self.note_shadow(tx, &branch, &Actor::System, "shadow.broken", reason)
                .await?;
        }
        counter!("offshoot_shadow_failures_total").increment(1);
        tracing::warn!(branch.id = %shadow.branch, %reason, "its shadow is broken, and will be made again");
        Ok(())
    }

    async fn let_go_of_shadow(&self, tx: &mut Tx, shadow: &Shadow) -> Result<(), StoreError> {
        tx.cancel_workflow(MAKE_SHADOW, shadow.instance.as_str())
            .await?;
        tx.set_wanted(shadow.instance, Wanted::Gone).await?;
        tx.volume_gone(shadow.volume).await
    }

    /// Takes the shadow of a branch away, where it has one: of one that is deleted, or demoted.
    pub(crate) async fn abandon_shadow(
        &self,
        tx: &mut Tx,
        branch: BranchId,
    ) -> Result<(), StoreError> {
        let Some(shadow) = tx.shadow(branch).await? else {
            return Ok(());
        };
        self.let_go_of_shadow(tx, &shadow).await?;
        tx.delete_shadow(branch).await
    }

    /// Changes what is written down of a shadow, unless it is gone or was made again meanwhile (`None`). What
    /// is wanted of its engine follows from whether it is opened.
    pub(crate) async fn amend_shadow(
        &self,
        seen: &Shadow,
        change: impl FnOnce(&mut Shadow),
    ) -> Result<Option<Shadow>, Fail> {
        let mut tx = self.0.store.write().await?;
        let Some(mut shadow) = current(&mut tx, seen).await? else {
            return Ok(None);
        };
        let opened = shadow.opened;
        change(&mut shadow);
        tx.update_shadow(&shadow, seen.instance).await?;
        if shadow.opened != opened {
            let wanted = match shadow.opened {
                true => Wanted::Up,
                false => Wanted::Down,
            };
            tx.set_wanted(shadow.instance, wanted).await?;
        }
        tx.commit().await?;
        Ok(Some(shadow))
    }
}

fn making(shadow: &Shadow) -> Work {
    Work::shadow(Shadowing {
        branch: shadow.branch,
        volume: shadow.volume,
        instance: shadow.instance,
    })
}

/// The shadow as it is now, while it is the one that was seen.
async fn current(tx: &mut Tx, seen: &Shadow) -> Result<Option<Shadow>, StoreError> {
    let row = tx.shadow(seen.branch).await?;
    Ok(row.filter(|s| s.instance == seen.instance))
}
