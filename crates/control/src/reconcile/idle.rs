//! Development branches without a command for their idle time go to sleep.

use crate::Control;
use offshoot_core::plan::{RestFacts, plan_rest};

/// Engines that are stopped at the same time: a clean stop writes, and others are working.
const AT_ONCE: usize = 4;

impl Control {
    pub(crate) async fn rest_idle(&self) {
        use futures_util::{StreamExt, stream};
        let now = self.now();
        let idle: Vec<_> = self
            .0
            .fleet
            .all_awake()
            .into_iter()
            .filter(|(id, awake)| {
                plan_rest(&RestFacts {
                    now,
                    production: awake.production,
                    sleep_after: awake.sleep_after,
                    default_sleep_after: self.0.settings.sleep_after,
                    awake_since: awake.since,
                    last_command: self.0.ports.sessions.traffic(*id).last_command,
                })
                .is_some()
            })
            .map(|(id, _)| id)
            .collect();
        stream::iter(idle)
            .for_each_concurrent(AT_ONCE, |id| async move {
                if let Err(refusal) = self.put_to_sleep(id).await {
                    tracing::warn!(branch.id = %id, error = %refusal, "cannot go to sleep");
                }
            })
            .await;
    }
}
