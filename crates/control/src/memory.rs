//! The memory budget of all engines together: who holds how much, and how room is made.

use crate::{Control, lock};
use offshoot_core::Refusal;
use offshoot_core::engine::EngineKind;
use offshoot_core::id::{BranchId, InstanceId};
use offshoot_core::instance::{Instance, Profile, Purpose, Stop, Wanted};
use offshoot_core::plan::{Admission, Standing, Tenant, memory_cost, plan_admission};
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Kind, code};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How often a wake that waits for memory looks again.
const LOOK: Duration = Duration::from_millis(25);
/// A branch that had a command this recently is in use.
const IN_USE: Duration = Duration::from_secs(2);

/// Memory that an engine is counted with.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) cost: u64,
    purpose: Purpose,
}

impl Control {
    /// Reserves memory for an engine. Waits, then puts the longest-idle branch to sleep, then refuses.
    /// A production engine is never refused: it is what the machine is for; nor is its shadow.
    pub(crate) async fn admit(&self, instance: &Instance) -> PortResult<()> {
        let need = self.cost_of(instance).await;
        let limits = &self.0.settings.limits;
        let must = instance.profile != Profile::Development;
        let began = Instant::now();
        // What could not give way, such as a branch with an open transaction: the next one is asked.
        let mut stayed = HashSet::new();
        loop {
            // Asking others to give way takes time as well: on a busy machine most of it.
            let waited = began.elapsed();
            let patient = waited < limits.admission_patience;
            match self.reserve(instance, need, patient, &stayed) {
                Admission::Admit => return Ok(()),
                Admission::Evict(victim) => {
                    if !self.evict(victim).await {
                        stayed.insert(victim);
                    }
                    continue;
                }
                Admission::Never if !must => return Err(self.no_room(need)),
                Admission::Never => {}
                Admission::Wait => {
                    stayed.clear();
                    if waited < limits.admission_timeout && (patient || !must) {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                    if !must {
                        return Err(self.no_room(need));
                    }
                }
            }
            tracing::warn!(instance.id = %instance.id, "a production engine exceeds the memory budget");
            self.hold(instance, need);
            return Ok(());
        }
    }

    /// What an engine is counted with before it has been measured, in bytes.
    async fn cost_of(&self, instance: &Instance) -> u64 {
        let own = memory_cost(instance.engine.kind, instance.profile);
        if instance.profile == Profile::Shadow {
            return own.saturating_add(self.0.settings.shadows.buffer_pool);
        }
        let allowed = self.allowance(instance).await;
        match (allowed.pool, allowed.memory) {
            // Of a size: its pool comes on top, and more than its memory it never takes.
            (Some(pool), Some(memory)) => own.saturating_add(pool).min(memory),
            _ => own,
        }
    }

    pub(crate) fn release(&self, id: InstanceId) {
        lock(&self.0.fleet.memory).remove(&id);
    }

    pub(crate) fn hold(&self, instance: &Instance, cost: u64) {
        lock(&self.0.fleet.memory).insert(
            instance.id,
            Held {
                cost,
                purpose: instance.purpose,
            },
        );
    }

    /// There is room for an engine without anybody giving way.
    pub(crate) fn room_for(&self, kind: EngineKind, profile: Profile) -> bool {
        let need = memory_cost(kind, profile);
        self.memory_used().saturating_add(need) <= self.0.settings.memory_budget
    }

    /// Bytes that the engines are counted with.
    pub(crate) fn memory_used(&self) -> u64 {
        lock(&self.0.fleet.memory).values().map(|h| h.cost).sum()
    }

    /// Engines that have grown count with what they take.
    pub(crate) fn measured(&self, id: InstanceId, memory: u64) {
        if let Some(held) = lock(&self.0.fleet.memory).get_mut(&id) {
            held.cost = held.cost.max(memory);
        }
    }

    /// A warm engine has become a branch's.
    pub(crate) fn assigned(&self, id: InstanceId, branch: BranchId) {
        if let Some(held) = lock(&self.0.fleet.memory).get_mut(&id) {
            held.purpose = Purpose::Serve(branch);
        }
    }

    fn reserve(
        &self,
        instance: &Instance,
        need: u64,
        patient: bool,
        stayed: &HashSet<InstanceId>,
    ) -> Admission {
        let mut memory = lock(&self.0.fleet.memory);
        if memory.contains_key(&instance.id) {
            return Admission::Admit;
        }
        let tenants: Vec<Tenant> = memory
            .iter()
            .map(|(id, held)| Tenant {
                instance: *id,
                cost: held.cost,
                standing: match stayed.contains(id) {
                    true => Standing::Fixed,
                    false => self.standing(held.purpose),
                },
            })
            .collect();
        let admission = plan_admission(self.0.settings.memory_budget, &tenants, need, patient);
        if admission == Admission::Admit {
            memory.insert(
                instance.id,
                Held {
                    cost: need,
                    purpose: instance.purpose,
                },
            );
        }
        admission
    }

    fn standing(&self, purpose: Purpose) -> Standing {
        let branch = match purpose {
            Purpose::Warm => return Standing::Warm,
            Purpose::Template | Purpose::Prepare | Purpose::Shadow => return Standing::Fixed,
            Purpose::Serve(branch) => branch,
        };
        let Some(awake) = self.0.fleet.awake(branch) else {
            return Standing::Fixed;
        };
        if awake.production || awake.sleep_after == Some(Duration::ZERO) {
            return Standing::Fixed;
        }
        let idle_since = self
            .0
            .ports
            .sessions
            .traffic(branch)
            .last_command
            .map_or(awake.since, |at| at.max(awake.since));
        let idle = Duration::try_from(self.now().duration_since(idle_since)).unwrap_or_default();
        if idle < IN_USE {
            Standing::Fixed
        } else {
            Standing::IdleSince(idle_since)
        }
    }

    /// Makes room; `false` when it could not.
    async fn evict(&self, id: InstanceId) -> bool {
        let purpose = lock(&self.0.fleet.memory).get(&id).map(|h| h.purpose);
        match purpose {
            None => true,
            Some(Purpose::Serve(branch)) => self.put_to_sleep(branch).await.unwrap_or(false),
            Some(Purpose::Template | Purpose::Prepare | Purpose::Shadow) => false,
            Some(Purpose::Warm) => {
                let Some(mut slot) = self.try_slot(id) else {
                    return false;
                };
                let marked = async {
                    let mut tx = self.0.store.write().await?;
                    let warm = tx
                        .instance(id)
                        .await?
                        .is_some_and(|i| i.purpose == Purpose::Warm);
                    if warm {
                        tx.set_wanted(id, Wanted::Gone).await?;
                    }
                    tx.commit().await.map(|()| warm)
                };
                match marked.await {
                    Ok(true) => {
                        self.tidy_soon();
                        self.stop(&mut slot, id, Stop::Hard).await.is_ok()
                    }
                    _ => false,
                }
            }
        }
    }

    fn no_room(&self, need: u64) -> PortError {
        const MIB: u64 = 1 << 20;
        let refusal = Refusal::new(
            Kind::Exhausted,
            format!(
                "no memory for another engine: it needs {} MiB, {} of {} MiB are taken",
                need / MIB,
                self.memory_used() / MIB,
                self.0.settings.memory_budget / MIB
            ),
        )
        .code(code::MEMORY_BUDGET)
        .hint("put a branch to sleep, delete one, or raise the memory budget");
        PortError::retry(refusal)
    }
}
