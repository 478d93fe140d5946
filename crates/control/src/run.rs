//! Control's own life: from the first pass of the reconcilers to the last step of a workflow.

use crate::Control;
use futures_util::StreamExt;
use offshoot_core::instance::{InstanceEvent, Stop};
use std::sync::atomic::Ordering;
use tokio_util::sync::CancellationToken;

impl Control {
    /// Runs workflows and reconcilers until cancelled; returns when the last of them has stopped
    /// (and the engines, where that is wanted).
    pub async fn run(&self, stop: CancellationToken) {
        let runner = &self.0.runner;
        self.show_drills().await;
        self.keep().await;
        runner.set_active(true);
        tokio::join!(
            self.run_workflows(&stop),
            self.run_keeping(&stop),
            self.run_preparing(&stop),
            self.run_resting(&stop),
            self.run_quotas(&stop),
            self.run_binlogs(&stop),
            self.run_shadows(&stop),
            self.run_off_site(&stop),
            self.run_planning(&stop),
            self.run_handovers(&stop),
            self.run_polls(&stop),
            self.run_webhooks(&stop),
            self.run_telling(&stop),
            self.run_events(&stop),
        );
        runner.set_active(false);
        runner.stop.cancel();
        runner.tasks.close();
        runner.tasks.wait().await;
        if let Err(fail) = self.flush_usage().await {
            tracing::warn!(error = %fail, "the last uses of passwords are not recorded");
        }
        if self.0.stop_engines.load(Ordering::SeqCst) {
            self.stop_engines().await;
        }
    }

    async fn run_workflows(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(fail) = self.run_due(false).await {
                tracing::warn!(error = %fail, "due workflows are not known");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.runner.due.notified() => {}
                () = tokio::time::sleep(self.next_due().await) => {}
            }
        }
    }

    /// Until the next postponed workflow, at most the time between two polls.
    async fn next_due(&self) -> std::time::Duration {
        /// A postponed workflow is not looked for more often than this.
        const SHORTEST: std::time::Duration = std::time::Duration::from_millis(20);
        let poll = self.0.settings.limits.poll;
        let next = match self.0.store.read().await {
            Ok(mut session) => session.next_workflow_at().await.ok().flatten(),
            Err(_) => None,
        };
        next.map_or(poll, |at| {
            std::time::Duration::try_from(at.duration_since(self.now()))
                .unwrap_or_default()
                .clamp(SHORTEST.min(poll), poll)
        })
    }

    async fn run_keeping(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.keep().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.signals.tidy.notified() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_preparing(&self, stop: &CancellationToken) {
        let mut changes = self.0.signals.changed.subscribe();
        while !stop.is_cancelled() {
            self.prepare().await;
            tokio::select! {
                () = stop.cancelled() => {}
                _ = changes.changed() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
            // Creates come in bursts; what is prepared takes their processor.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.0.settings.limits.quiet) => {}
            }
        }
    }

    async fn run_resting(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.rest_idle().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_quotas(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.keep_quotas().await;
            self.keep_safe_migrations().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_binlogs(&self, stop: &CancellationToken) {
        let interval = self.0.settings.backups.binlog_interval;
        // More often than the interval: a busy branch may fill a segment before.
        let pause = match interval.is_zero() {
            true => self.0.settings.limits.poll,
            false => interval.min(self.0.settings.limits.poll),
        };
        // A meter that is not there yet is not one of nothing.
        metrics::counter!("offshoot_binlog_archived_bytes_total").increment(0);
        metrics::counter!("offshoot_binlog_archive_failures_total").increment(0);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.keep_binlogs() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn run_shadows(&self, stop: &CancellationToken) {
        for name in [
            "offshoot_shadow_copies_total",
            "offshoot_shadow_passed_over_total",
            "offshoot_shadow_failures_total",
        ] {
            metrics::counter!(name).increment(0);
        }
        while !stop.is_cancelled() {
            // What an engine is being given it goes on with; the next process learns how far it got.
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.keep_shadows() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.shadows.due.notified() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_off_site(&self, stop: &CancellationToken) {
        /// How often it is looked how long backups wait for their copies.
        const METER: std::time::Duration = std::time::Duration::from_secs(10);
        metrics::counter!("offshoot_off_site_copied_bytes_total").increment(0);
        metrics::counter!("offshoot_off_site_stored_bytes_total").increment(0);
        metrics::counter!("offshoot_off_site_failures_total").increment(0);
        let keeping = async {
            loop {
                self.keep_off_site().await;
                tokio::select! {
                    () = self.0.off_site.due.notified() => {}
                    () = tokio::time::sleep(self.0.settings.limits.poll) => {}
                }
            }
        };
        let metering = async {
            loop {
                self.meter_off_site().await;
                tokio::time::sleep(METER).await;
            }
        };
        // A copy goes on with the next process where it ends with this one.
        tokio::select! {
            () = stop.cancelled() => {}
            () = keeping => {}
            () = metering => {}
        }
    }

    async fn run_handovers(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.keep_handovers() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.signals.handovers.notified() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_polls(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.keep_polls() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.signals.polls.notified() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_telling(&self, stop: &CancellationToken) {
        metrics::counter!("offshoot_tellings_failed_total").increment(0);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.keep_told() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.signals.news.notified() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
    }

    async fn run_events(&self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = self.0.ports.instances.next_event() => match event {
                    InstanceEvent::Exited { id, reason } => self.exited(id, reason).await,
                },
            }
        }
    }

    /// Ends all engines cleanly. Development branches sleep afterwards; warm engines are dropped at
    /// the next start.
    async fn stop_engines(&self) {
        /// Clean stops write; more at once only make each slower.
        const AT_ONCE: usize = 4;
        for (id, awake) in self.0.fleet.all_awake() {
            if !awake.production {
                let _ = self.put_to_sleep(id).await;
            }
        }
        if let Err(fail) = self.rest_shadows().await {
            tracing::warn!(error = %fail, "a shadow is not stopped");
        }
        let left = self.0.ports.instances.observe().await.unwrap_or_default();
        futures_util::stream::iter(left)
            .for_each_concurrent(AT_ONCE, |seen| async move {
                let mut slot = self.slot(seen.id).await;
                if let Err(error) = self.stop(&mut slot, seen.id, Stop::Clean).await {
                    tracing::warn!(instance.id = %seen.id, %error, "an engine is not stopped");
                }
            })
            .await;
    }
}
