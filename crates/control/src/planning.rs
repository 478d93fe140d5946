//! From what came in to what is there: deliveries are read, iterations follow, automations look at
//! them, and every binding converges to the branch that its iteration wants. Each part takes no input and
//! can be run at any time, again and again.

mod act;
mod apply;
mod converge;
mod matching;
mod poll;

pub(crate) use converge::Facts;
pub(crate) use poll::{answered, outbound};

use crate::Control;
use crate::at_once::AtOnce;
use crate::fail::Fail;
use crate::reconcile::report;
use futures_util::StreamExt;
use jiff::Timestamp;
use offshoot_core::id::BindingId;
use tokio_util::sync::CancellationToken;

/// Deliveries, and iterations, that one pass works on before it looks at branches.
const BATCH: u64 = 200;
/// Bindings that are worked on at once: one that wakes an engine does not hold up the others.
const AT_ONCE: usize = 8;

/// A meter that is not there yet is not one of nothing.
const METERS: [&str; 4] = [
    "offshoot_deliveries_received_total",
    "offshoot_deliveries_refused_total",
    "offshoot_polls_failed_total",
    "offshoot_handovers_failed_total",
];

/// Old deliveries are swept so often.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(600);

impl Control {
    /// One pass: everything that is due now, to its end.
    pub(crate) async fn keep_planning(&self) {
        self.keep_iterations().await;
        let due = self.due_bindings().await;
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |id| self.converge_one(id))
            .await;
    }

    /// The same, again and again; a binding that waits for an engine holds up none of the others.
    pub(crate) async fn run_planning(&self, stop: &CancellationToken) {
        for meter in METERS {
            metrics::counter!(meter).increment(0);
        }
        drop(metrics::histogram!(matching::MATCHING));
        let mut changes = self.0.signals.changed.subscribe();
        let mut tasks = AtOnce::new(AT_ONCE);
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            self.keep_iterations().await;
            for id in self.due_bindings().await {
                let control = self.clone();
                tasks.begin(id, async move { control.converge_one(id).await });
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.signals.planning.notified() => {}
                _ = changes.changed() => {}
                () = tasks.ended() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
        // Ended anywhere, it goes on with the next process.
        tasks.stop().await;
    }

    /// Deliveries, dates, and which automation means which iteration.
    async fn keep_iterations(&self) {
        if let Err(fail) = self.apply_deliveries().await {
            report("deliveries", &fail);
        }
        if let Err(fail) = self.tick_iterations().await {
            report("iterations", &fail);
        }
        if let Err(fail) = self.match_pending().await {
            report("automations", &fail);
        }
    }

    async fn due_bindings(&self) -> Vec<BindingId> {
        let due = match self.0.store.read().await {
            Ok(mut session) => session.due_bindings(self.now()).await,
            Err(error) => Err(error),
        };
        due.unwrap_or_else(|error| {
            report("bindings", &Fail::from(error));
            Vec::new()
        })
    }

    async fn converge_one(&self, id: BindingId) {
        if let Err(fail) = self.converge(id).await {
            report("binding", &fail);
        }
    }

    /// Forgets deliveries that are older than they are kept; `at` is when it was done last.
    pub(crate) async fn sweep_deliveries(&self, at: &mut Option<Timestamp>) -> Result<(), Fail> {
        let now = self.now();
        let pause = at.and_then(|at| at.checked_add(SWEEP).ok());
        if pause.is_some_and(|until| now < until) {
            return Ok(());
        }
        let until = now.checked_sub(self.0.settings.deliveries_kept);
        let mut tx = self.0.store.write().await?;
        tx.delete_deliveries_until(until.unwrap_or(Timestamp::UNIX_EPOCH))
            .await?;
        tx.commit().await?;
        *at = Some(now);
        Ok(())
    }
}
