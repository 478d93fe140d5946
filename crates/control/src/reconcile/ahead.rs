//! What is prepared ahead: templates that follow their parents, spare volumes, warm engines.

use crate::Control;
use crate::fail::Fail;
use jiff::Timestamp;
use offshoot_core::id::{BranchId, InstanceId, SnapshotId};
use offshoot_core::instance::{Profile, Purpose, Stop, Wanted};
use offshoot_core::template::Template;
use offshoot_core::volume::{StoredState, VolumeUse};
use offshoot_schema::freshness::changed;
use std::time::Duration;

/// A parent with commands is compared with its template this often.
const COMPARE: Duration = Duration::from_secs(5);
/// And not before it has been quiet for so long: changes come in bursts.
const QUIET_PARENT: Duration = Duration::from_secs(2);

impl Control {
    pub(super) async fn keep_ahead(&self) -> Result<(), Fail> {
        if self.creates_under_way() {
            return Ok(());
        }
        self.keep_images().await?;
        if self.require_space().await.is_err() {
            return Ok(());
        }
        let limits = &self.0.settings.limits;
        let recent = self
            .0
            .store
            .read()
            .await?
            .recent_templates(u64::from(limits.recent_templates))
            .await?;
        self.keep_templates(&recent).await?;
        self.keep_warm_ones(&recent).await?;
        self.keep_spares(&recent).await
    }

    /// The default engine's image is made before anybody asks.
    async fn keep_images(&self) -> Result<(), Fail> {
        if let Some(engine) = self.default_engine().await? {
            let known = self.0.store.read().await?.engine_template(engine).await?;
            if known.is_none() {
                self.engine_image(engine).await?;
            }
        }
        Ok(())
    }

    /// Templates of parents that changed, and of default branches that have none, are put down to be made.
    async fn keep_templates(&self, recent: &[Template]) -> Result<(), Fail> {
        let now = self.now();
        let mut candidates: Vec<(BranchId, Option<SnapshotId>)> = recent
            .iter()
            .filter_map(|t| t.parent.map(|p| (p, Some(t.snapshot))))
            .collect();
        for (id, awake) in self.0.fleet.all_awake() {
            if awake.production && !candidates.iter().any(|(c, _)| *c == id) {
                let template = self.0.store.read().await?.schema_template(id).await?;
                candidates.push((id, template.map(|t| t.snapshot)));
            }
        }
        for (parent, snapshot) in candidates {
            if self.worth_comparing(parent, now).await {
                self.compare(parent, snapshot).await?;
            }
        }
        Ok(())
    }

    async fn worth_comparing(&self, parent: BranchId, now: Timestamp) -> bool {
        if self.0.fleet.endpoint(parent).is_none() {
            return false;
        }
        let traffic = self.0.ports.sessions.traffic(parent);
        let Some(last) = traffic.last_command else {
            return false;
        };
        let mut memory = self.0.tidying.lock().await;
        let compared = memory.compared.get(&parent).copied();
        let after = |at: Timestamp, pause: Duration| at.checked_add(pause).is_ok_and(|t| now >= t);
        let worth = after(last, QUIET_PARENT)
            && compared.is_none_or(|at| {
                at < last.checked_add(QUIET_PARENT).unwrap_or(last) && after(at, COMPARE)
            });
        if worth {
            memory.compared.insert(parent, now);
        }
        worth
    }

    async fn compare(&self, parent: BranchId, snapshot: Option<SnapshotId>) -> Result<(), Fail> {
        let Some(endpoint) = self.0.fleet.endpoint(parent) else {
            return Ok(());
        };
        let stale = match snapshot {
            None => true,
            Some(_) => {
                let now = self.0.ports.schemas.fingerprint(&endpoint).await?;
                let was = self.template_stamps(snapshot).await?;
                !changed(&was, &now).is_empty()
            }
        };
        if stale {
            let mut tx = self.0.store.write().await?;
            let planned = self
                .plan_template(&mut tx, parent, snapshot, Duration::ZERO)
                .await?;
            tx.commit().await?;
            self.start_now(planned.as_slice());
        }
        Ok(())
    }

    async fn keep_spares(&self, recent: &[Template]) -> Result<(), Fail> {
        for template in recent {
            let mut session = self.0.store.read().await?;
            let rested = session.rested_instances(template.snapshot).await?.len();
            let there = rested + session.spares(template.snapshot).await?.len();
            drop(session);
            for _ in there..self.0.settings.limits.spare_volumes as usize {
                if self.creates_under_way() {
                    return Ok(());
                }
                match self.start_warm(template).await? {
                    Some(instance) => self.rest_warm(instance).await?,
                    None => self.fork_spare(template).await?,
                }
            }
        }
        Ok(())
    }

    /// Puts a warm engine to sleep: what it has done at its first start need not be done again.
    async fn rest_warm(&self, id: InstanceId) -> Result<(), Fail> {
        let mut slot = self.slot(id).await;
        let mut tx = self.0.store.write().await?;
        let row = tx.instance(id).await?;
        // A branch may have taken it meanwhile.
        if !row.is_some_and(|i| i.purpose == Purpose::Warm && i.wanted == Wanted::Up) {
            return Ok(());
        }
        tx.set_wanted(id, Wanted::Down).await?;
        tx.commit().await?;
        let stopped = self.stop(&mut slot, id, Stop::Clean).await;
        // Where that failed, the instances' pass ends what nobody has hold of.
        slot.endpoint = None;
        Ok(stopped?)
    }

    async fn fork_spare(&self, template: &Template) -> Result<(), Fail> {
        let volume = self.new_volume(
            self.id(),
            template.engine,
            Some(template.snapshot),
            VolumeUse::Spare,
        );
        let mut tx = self.0.store.write().await?;
        tx.insert_volume(&volume).await?;
        tx.commit().await?;
        let forked = self
            .0
            .ports
            .volumes
            .fork(template.snapshot, volume.id)
            .await;
        let mut tx = self.0.store.write().await?;
        let current = match template.parent {
            Some(parent) => tx.schema_template(parent).await?,
            None => None,
        };
        if forked.is_ok() && current.is_some_and(|t| t.snapshot == template.snapshot) {
            tx.set_volume(volume.id, VolumeUse::Spare, StoredState::Ready)
                .await?;
        } else {
            tx.volume_gone(volume.id).await?;
        }
        tx.commit().await?;
        Ok(forked?)
    }

    /// As many warm engines as the settings say, spread over the most recently used templates of the
    /// default engine; those of other templates end.
    async fn keep_warm_ones(&self, recent: &[Template]) -> Result<(), Fail> {
        let engine = self.default_engine().await?;
        let templates: Vec<&Template> =
            recent.iter().filter(|t| Some(t.engine) == engine).collect();
        let total = self.0.settings.warm_instances as usize;
        let mut missing = Vec::new();
        let mut kept = Vec::new();
        let mut session = self.0.store.read().await?;
        for (i, template) in templates.iter().enumerate() {
            let share = (total + templates.len() - 1 - i) / templates.len();
            let there = session.warm_instances(template.snapshot).await?;
            missing.extend(std::iter::repeat_n(
                *template,
                share.saturating_sub(there.len()),
            ));
            kept.extend(there.iter().take(share).map(|i| i.id));
        }
        let unneeded: Vec<_> = session
            .active_instances()
            .await?
            .into_iter()
            .filter(|i| i.purpose == Purpose::Warm && i.wanted == Wanted::Up)
            .filter(|i| !kept.contains(&i.id))
            .map(|i| i.id)
            .collect();
        drop(session);
        for id in unneeded {
            let mut tx = self.0.store.write().await?;
            let still = tx.instance(id).await?;
            if still.is_some_and(|i| i.purpose == Purpose::Warm) {
                tx.set_wanted(id, Wanted::Gone).await?;
            }
            tx.commit().await?;
            self.tidy_soon();
        }
        for template in missing {
            if self.creates_under_way() {
                return Ok(());
            }
            self.start_warm(template).await?;
        }
        Ok(())
    }

    /// `None` where there is no room for it, or its template is not the current one any more.
    async fn start_warm(&self, template: &Template) -> Result<Option<InstanceId>, Fail> {
        let volume = self.new_volume(
            self.id(),
            template.engine,
            Some(template.snapshot),
            VolumeUse::Warm,
        );
        let instance = self.new_instance(
            self.id(),
            volume.id,
            template.engine,
            Purpose::Warm,
            Profile::Development,
        );
        if !self.room_for(instance.engine.kind, instance.profile) {
            return Ok(None);
        }
        let mut tx = self.0.store.write().await?;
        tx.insert_volume(&volume).await?;
        tx.insert_instance(&instance).await?;
        tx.commit().await?;
        let mut slot = self.slot(instance.id).await;
        let started = async {
            self.0
                .ports
                .volumes
                .fork(template.snapshot, volume.id)
                .await?;
            self.start(&mut slot, &instance).await
        }
        .await;
        let mut tx = self.0.store.write().await?;
        tx.set_volume(volume.id, VolumeUse::Warm, StoredState::Ready)
            .await?;
        let current = match template.parent {
            Some(parent) => tx.schema_template(parent).await?,
            None => None,
        };
        let good = started.is_ok() && current.is_some_and(|t| t.snapshot == template.snapshot);
        if good {
            tx.accounts_made(instance.id).await?;
        } else {
            tx.set_wanted(instance.id, Wanted::Gone).await?;
        }
        tx.commit().await?;
        drop(slot);
        self.tidy_soon();
        started?;
        Ok(good.then_some(instance.id))
    }
}
