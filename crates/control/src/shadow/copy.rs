//! Copies of a production branch that are taken of its shadow: the parent says up to where it is, the shadow
//! is given that, stopped, and copied.

use super::feed::Stand;
use crate::Control;
use crate::fail::Fail;
use metrics::counter;
use offshoot_core::backup::{Copied, Method, Position};
use offshoot_core::branch::BranchState;
use offshoot_core::gtid::GtidSet;
use offshoot_core::id::{BranchId, VolumeId};
use offshoot_core::refusal::Refusal;
use offshoot_core::shadow::Shadow;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A copy of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) copied: Copied,
    /// What it has of the branch's history, where that is known without asking its engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<Position>,
}

impl Control {
    /// Makes the volume `to` from the branch's shadow, at or after where the branch is now. `None`: it has
    /// none, or that cannot be used; the reason is written down with it.
    pub(crate) async fn copy_shadow(
        &self,
        from: BranchId,
        to: VolumeId,
    ) -> Result<Option<Taken>, Fail> {
        let seen = self.0.store.read().await?.shadow(from).await?;
        let Some(seen) = seen else { return Ok(None) };
        let why = match self.take(&seen, to).await {
            Ok(Ok(taken)) => {
                counter!("offshoot_shadow_copies_total").increment(1);
                return Ok(Some(taken));
            }
            Ok(Err(why)) => why,
            Err(fail) if fail.superseded() || self.0.runner.stop.is_cancelled() => {
                return Err(fail);
            }
            Err(fail) => fail.to_string(),
        };
        counter!("offshoot_shadow_passed_over_total").increment(1);
        tracing::warn!(branch.id = %from, %why, "copied itself instead of its shadow");
        let now = self.now();
        self.amend_shadow(&seen, |row| {
            row.passed_over_at = Some(now);
            row.passed_over = Some(why);
        })
        .await?;
        Ok(None)
    }

    async fn take(&self, seen: &Shadow, to: VolumeId) -> Result<Result<Taken, String>, Fail> {
        if !seen.state.made() {
            return Ok(Err(format!("the shadow is {}", seen.state)));
        }
        if self.0.fleet.awake(seen.branch).is_none() {
            let row = self.0.store.read().await?.branch_by_id(seen.branch).await?;
            if row.is_none_or(|b| b.state != BranchState::Ready) {
                return Ok(Err("its parent does not run".to_owned()));
            }
            // What it committed before it ended is in its binlog alone.
            let opened = self.open_branch(seen.branch).await;
            opened.map_err(offshoot_core::port::PortError::retry)?;
        }
        let at = self.now();
        let Some(history) = self.archive_now(seen.branch).await? else {
            return Ok(Err("its parent's binlog is not being archived".to_owned()));
        };
        let wanted = history.archived;
        let stand = self.0.shadows.stand(seen.branch);
        let mut stand = stand.lock_owned().await;
        let Some(shadow) = self.0.store.read().await?.shadow(seen.branch).await? else {
            return Ok(Err("the shadow was taken away".to_owned()));
        };
        if !shadow.state.made() || shadow.source != history.volume {
            return Ok(Err(format!("the shadow is {}", shadow.state)));
        }
        let ready = stand.of(shadow.instance);
        let ready = ready.stopped && ready.has.as_ref().is_some_and(|has| has.covers(&wanted));
        // Whoever was before may have stopped it late enough for this one, too.
        let shadow = match ready {
            true => shadow,
            false => match self.ready_shadow(&mut stand, &shadow, &wanted).await? {
                Ok(shadow) => shadow,
                Err(why) => return Ok(Err(why)),
            },
        };
        self.copy_stopped(&mut stand, &shadow, to).await?;
        let position = shadow.position.clone();
        tracing::debug!(branch.id = %seen.branch, took = ?self.now().duration_since(at), "copied of its shadow");
        Ok(Ok(Taken {
            copied: Copied {
                method: Method::Shadow,
                pause: Duration::ZERO,
                at: self.now(),
            },
            position,
        }))
    }

    /// Gives the shadow everything up to where its parent was, and stops it.
    async fn ready_shadow(
        &self,
        stand: &mut Stand,
        shadow: &Shadow,
        wanted: &GtidSet,
    ) -> Result<Result<Shadow, String>, Fail> {
        let limit = self.0.settings.shadows.lag_limit;
        let most = limit.saturating_add(shadow.every.unwrap_or_default());
        let mut session = self.0.store.read().await?;
        let view = self.view_shadow(&mut session, shadow.clone()).await?;
        drop(session);
        if let Some(lag) = view.lag.filter(|lag| *lag > most) {
            return Ok(Err(format!(
                "the shadow is {} s behind, more than {} s",
                lag.as_secs(),
                most.as_secs()
            )));
        }
        let feeding = tokio::time::timeout(limit, self.feed_shadow(stand, shadow));
        let Ok(fed) = feeding.await else {
            return Ok(Err(format!(
                "the shadow did not come up to its parent in {} s",
                limit.as_secs()
            )));
        };
        let shadow = match fed {
            Ok(shadow) => shadow,
            Err(fail) => {
                self.shadow_failed(shadow, &fail).await?;
                return Ok(Err(fail.to_string()));
            }
        };
        if !stand.has.as_ref().is_some_and(|has| has.covers(wanted)) {
            return Ok(Err("the archive does not have all of it".to_owned()));
        }
        self.close_shadow(stand, &shadow).await?;
        match stand.stopped {
            true => Ok(Ok(shadow)),
            false => Ok(Err("the shadow's engine ended".to_owned())),
        }
    }

    async fn copy_stopped(
        &self,
        stand: &mut Stand,
        shadow: &Shadow,
        to: VolumeId,
    ) -> Result<(), Fail> {
        let volumes = &self.0.ports.volumes;
        let size = match self.0.settings.copy_on_write {
            true => 0,
            false => volumes.usage(shadow.volume).await?.allocated,
        };
        self.room_for_copy(size).await?;
        // Nobody starts it meanwhile.
        let slot = self.slot(shadow.instance).await;
        if slot.endpoint.is_some() || !stand.stopped {
            return Err(offshoot_core::port::PortError::retry(Refusal::unavailable(
                "the shadow runs",
            ))
            .into());
        }
        volumes.duplicate(shadow.volume, to, None).await?;
        drop(slot);
        let now = self.now();
        self.amend_shadow(shadow, |row| {
            row.opened = false;
            row.copies += 1;
            row.copied_at = Some(now);
        })
        .await?;
        self.changed();
        self.0.shadows.due.notify_one();
        Ok(())
    }
}
