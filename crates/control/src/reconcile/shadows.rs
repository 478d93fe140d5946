//! Shadows follow: what production branches committed is given to them when it is due, those that cannot
//! go on are made again, and the engines of those that have nothing to do rest.

use crate::Control;
use crate::fail::Fail;
use futures_util::{StreamExt, stream};
use metrics::gauge;
use offshoot_core::id::BranchId;
use offshoot_core::plan::{shadow_due, shadow_retry};
use offshoot_core::shadow::{Shadow, ShadowState};
use std::time::Duration;

/// Shadows that are given something at the same time: each takes a processor or two.
const AT_ONCE: usize = 2;
/// How long a shadow's engine runs on after it was last given anything.
const REST_AFTER: Duration = Duration::from_secs(60);
/// Failures in a row after which trying again is given up, and the shadow made again.
const PATIENCE: u32 = 6;

impl Control {
    /// One pass over all shadows.
    pub(crate) async fn keep_shadows(&self) {
        let read = async {
            let mut session = self.0.store.read().await?;
            Ok::<_, Fail>(session.shadows().await?)
        };
        let shadows = match read.await {
            Ok(shadows) => shadows,
            Err(fail) => return super::report("shadows", &fail),
        };
        let ids: Vec<BranchId> = shadows.iter().map(|s| s.branch).collect();
        self.0.shadows.retain(&ids);
        stream::iter(shadows)
            .for_each_concurrent(AT_ONCE, |shadow| async move {
                if let Err(fail) = self.keep_shadow(&shadow).await
                    && !fail.superseded()
                {
                    let cause = fail.cause().map(tracing::field::display);
                    tracing::warn!(branch.id = %shadow.branch, error = %fail, cause, "its shadow does not follow; will be tried again");
                }
            })
            .await;
        if let Err(fail) = self.meter_shadows().await {
            super::report("shadows", &fail);
        }
    }

    async fn keep_shadow(&self, shadow: &Shadow) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let branch = session.branch_by_id(shadow.branch).await?;
        let Some(branch) = branch.filter(|b| b.production && !b.deleting) else {
            return Ok(());
        };
        let histories = session.histories(shadow.branch).await?;
        drop(session);
        let now = self.now();
        match shadow.state {
            ShadowState::Making => return Ok(()),
            ShadowState::Broken => {
                if self.archives() && shadow.retry_at.is_none_or(|at| at <= now) {
                    self.remake_shadow(shadow).await?;
                }
                return Ok(());
            }
            ShadowState::CatchingUp | ShadowState::Following => {}
        }
        if !self.archives() {
            let mut tx = self.0.store.write().await?;
            let why = "its parent's binlog is not archived any more";
            self.break_shadow(&mut tx, shadow, why).await?;
            return Ok(tx.commit().await?);
        }
        // Somebody takes a copy of it.
        let Ok(mut stand) = self.0.shadows.stand(shadow.branch).try_lock_owned() else {
            return Ok(());
        };
        if shadow.source != branch.volume {
            return self.remake_shadow(shadow).await;
        }
        let history = histories.into_iter().find(|h| h.ended_at.is_none());
        let same = history
            .as_ref()
            .is_some_and(|h| shadow.history == Some(h.id));
        let due = history.is_some_and(|h| shadow_due(shadow, h.next, same, now));
        // Stopped for a copy that came to nothing, or just before that was written down.
        let stopped = stand.of(shadow.instance).stopped;
        if shadow.opened && stopped && !due {
            self.amend_shadow(shadow, |row| row.opened = false).await?;
            return Ok(());
        }
        // One that runs since before this process is adopted, and what has ended unasked is looked at.
        let unknown = shadow.opened
            && !stopped
            && !self.0.fleet.running(shadow.instance)
            && shadow.retry_at.is_none_or(|at| at <= now);
        if due || unknown {
            let fed = self.feed_shadow(&mut stand, shadow).await;
            let shadow = match fed {
                Ok(shadow) => shadow,
                Err(fail) if fail.superseded() => return Ok(()),
                Err(fail) => return self.shadow_failed(shadow, &fail).await,
            };
            if shadow.every.is_some() {
                self.rest_shadow(&mut stand, &shadow).await?;
            }
            return Ok(());
        }
        let idle = shadow
            .fed_at
            .is_none_or(|at| at.checked_add(REST_AFTER).is_ok_and(|rest| rest <= now));
        if shadow.opened && idle && self.0.fleet.running(shadow.instance) {
            self.rest_shadow(&mut stand, shadow).await?;
        }
        Ok(())
    }

    /// It could not be given what its parent committed.
    pub(crate) async fn shadow_failed(&self, shadow: &Shadow, fail: &Fail) -> Result<(), Fail> {
        if self.0.runner.stop.is_cancelled() {
            return Ok(());
        }
        let reason = match fail.cause() {
            Some(cause) => format!("{fail} ({cause})"),
            None => fail.to_string(),
        };
        if fail.transient() && shadow.failures < PATIENCE {
            let now = self.now();
            tracing::warn!(branch.id = %shadow.branch, %reason, "its shadow was not given what it committed; will be tried again");
            self.amend_shadow(shadow, |row| {
                row.reason = Some(reason);
                row.failures = row.failures.saturating_add(1);
                row.retry_at = Some(shadow_retry(0, now));
            })
            .await?;
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        self.break_shadow(&mut tx, shadow, &reason).await?;
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        Ok(())
    }

    async fn meter_shadows(&self) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let shadows = session.shadows().await?;
        let mut views = Vec::new();
        for shadow in shadows {
            views.push(self.view_shadow(&mut session, shadow).await?);
        }
        drop(session);
        let lags = views.iter().filter_map(|v| v.lag);
        gauge!("offshoot_shadow_lag_seconds").set(lags.max().unwrap_or_default().as_secs_f64());
        let bytes = views.iter().filter_map(|v| v.lag_bytes).max();
        gauge!("offshoot_shadow_lag_bytes").set(bytes.unwrap_or_default() as f64);
        for state in ShadowState::ALL {
            let count = views.iter().filter(|v| v.shadow.state == state).count();
            gauge!("offshoot_shadows", "state" => state.as_str()).set(count as f64);
        }
        Ok(())
    }

    /// Stops the engines of all shadows, with this process.
    pub(crate) async fn rest_shadows(&self) -> Result<(), Fail> {
        let shadows = self.0.store.read().await?.shadows().await?;
        for shadow in shadows.iter().filter(|s| s.opened) {
            let stand = self.0.shadows.stand(shadow.branch);
            let mut stand = stand.lock_owned().await;
            self.rest_shadow(&mut stand, shadow).await?;
        }
        Ok(())
    }
}
