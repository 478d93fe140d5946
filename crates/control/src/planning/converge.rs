//! One binding on its way: facts are read, the next step is decided purely, done, and so on until there
//! is nothing left to do.

use crate::Control;
use crate::automation::{filter, name};
use crate::branch;
use crate::fail::Fail;
use offshoot_core::automation::{Automation, Binding, BindingState};
use offshoot_core::backup::BackupState;
use offshoot_core::branch::Branch;
use offshoot_core::database::Database;
use offshoot_core::handover::Issued;
use offshoot_core::id::BindingId;
use offshoot_core::name::BranchName;
use offshoot_core::plan::{
    ConvergeFacts, Convergence, Phase, SeenBranch, Step, phase, plan_convergence,
};
use offshoot_core::refusal::Refusal;
use offshoot_store::iteration::KnownIteration;
use offshoot_store::{Session, Tx};
use serde_json::Value;
use std::time::Duration;

/// Steps of one binding in one pass: more than any way has.
const STEPS: usize = 30;
/// After a step that failed: doubles up to an hour.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3_600);

/// Everything that is known about one binding.
pub(crate) struct Facts {
    pub(crate) automation: Automation,
    pub(crate) iteration: KnownIteration,
    pub(crate) binding: Binding,
    pub(crate) database: Database,
    pub(crate) branch: Seen,
    pub(crate) issued: Vec<Issued>,
    pub(crate) schema_known: bool,
    pub(crate) backup: Option<BackupState>,
    pub(crate) phase: Phase,
    pub(crate) matches: Result<bool, String>,
    pub(crate) name: Result<BranchName, String>,
}

/// As `plan_convergence` knows it, owned.
pub(crate) enum Seen {
    None,
    Failed(String),
    There(Box<Branch>),
    Gone,
}

impl Facts {
    /// What an iteration and an automation come to, without a binding of theirs being stored.
    pub(crate) fn pair(
        control: &Control,
        automation: Automation,
        iteration: KnownIteration,
        database: Database,
        binding: Binding,
    ) -> Self {
        let mut variables = filter::variables(&iteration.record);
        let matches = control.0.filters.matches(&automation, &iteration.record);
        if let Value::Object(fields) = &mut variables {
            fields.insert("automation".to_owned(), automation.name.as_str().into());
            fields.insert("database".to_owned(), database.name.as_str().into());
        }
        let name = name::branch_name(&automation.rule.branch.name, &variables);
        Self {
            phase: phase(&iteration.record),
            matches,
            name,
            automation,
            iteration,
            binding,
            database,
            branch: Seen::None,
            issued: Vec::new(),
            schema_known: false,
            backup: None,
        }
    }

    /// Of the branch that is there.
    pub(crate) fn branch_name(&self) -> Option<String> {
        match &self.branch {
            Seen::There(branch) => Some(branch.name.to_string()),
            _ => None,
        }
    }

    pub(crate) fn plan(&self, control: &Control, unmerged: Option<bool>) -> Convergence {
        let (branch, default) = match &self.branch {
            Seen::None => (SeenBranch::None, false),
            Seen::Failed(why) => (SeenBranch::Failed(why), false),
            Seen::There(branch) => (
                SeenBranch::There(branch),
                self.database.default_branch == branch.id,
            ),
            Seen::Gone => (SeenBranch::Gone, false),
        };
        plan_convergence(&ConvergeFacts {
            now: control.now(),
            automation: &self.automation,
            binding: &self.binding,
            branch,
            default,
            phase: self.phase,
            iteration_name: &self.iteration.record.iteration.name,
            starts_at: self.iteration.record.iteration.starts_at,
            matches: self.matches.as_ref().map(|m| *m).map_err(String::as_str),
            name: self.name.as_ref().map_err(String::as_str),
            issued: &self.issued,
            schema_known: self.schema_known,
            unmerged,
            backup: self.backup,
        })
    }
}

impl Control {
    /// Brings one binding as far as it gets now.
    pub(super) async fn converge(&self, id: BindingId) -> Result<(), Fail> {
        let mut unmerged = None;
        for _ in 0..STEPS {
            let Some(mut facts) = self.facts(id).await? else {
                return Ok(());
            };
            match facts.plan(self, unmerged) {
                Convergence::Do(step) => {
                    tracing::debug!(binding.id = %id, ?step, "a step");
                    match self.carry_out(&mut facts, &step).await {
                        Ok(found) => unmerged = found.or(unmerged),
                        Err(refusal) => return self.step_failed(&facts, &step, &refusal).await,
                    }
                }
                Convergence::Rest {
                    state,
                    reason,
                    check_at,
                } => {
                    let before = facts.binding.clone();
                    facts.binding.state = state;
                    facts.binding.reason = reason;
                    facts.binding.check_at = check_at;
                    if state.has_branch() {
                        facts.binding.attempts = 0;
                    }
                    if facts.binding != before {
                        self.write(&mut facts.binding).await?;
                    }
                    return Ok(());
                }
            }
        }
        tracing::warn!(binding.id = %id, "does not come to rest");
        let Some(mut facts) = self.facts(id).await? else {
            return Ok(());
        };
        facts.binding.check_at = self.now().checked_add(LONGEST).ok();
        self.write(&mut facts.binding).await
    }

    /// `None`: the binding, or what it is about, is gone.
    async fn facts(&self, id: BindingId) -> Result<Option<Facts>, Fail> {
        let mut session = self.0.store.read().await?;
        let Some(binding) = session.binding(id).await? else {
            return Ok(None);
        };
        let automation = session.automation(binding.automation_id).await?;
        let iteration = session.iteration(binding.iteration_id).await?;
        let (Some(automation), Some(iteration)) = (automation, iteration) else {
            return Ok(None);
        };
        let database = session.database_by_id(automation.database_id).await?;
        let Some(database) = database.filter(|d| !d.deleting) else {
            return Ok(None);
        };
        let mut facts = Facts::pair(self, automation, iteration, database, binding);
        self.add_branch(&mut session, &mut facts).await?;
        Ok(Some(facts))
    }

    /// What is there of the binding's branch.
    pub(crate) async fn add_branch(
        &self,
        session: &mut Session,
        facts: &mut Facts,
    ) -> Result<(), Fail> {
        let id = facts.binding.branch_id;
        let row = session.branch_by_id(id).await?;
        facts.branch = match row.filter(|b| !b.deleting) {
            Some(branch) => Seen::There(Box::new(branch)),
            None => match branch::failed(session, id).await {
                Ok(Some(refusal)) => Seen::Failed(refusal.public),
                _ => {
                    let made = session.last_audit_event(id.as_str(), "branch.created");
                    match made.await? {
                        Some(_) => Seen::Gone,
                        None => Seen::None,
                    }
                }
            },
        };
        facts.issued = session.issued(id).await?;
        facts.schema_known = session.base_schema(facts.binding.id).await?.is_some();
        if let Some(backup) = facts.binding.ending.and_then(|e| e.backed_up) {
            facts.backup = session.backup(backup).await?.map(|b| b.state);
        }
        Ok(())
    }

    /// Why it does not go on, and when it is tried again.
    async fn step_failed(&self, facts: &Facts, step: &Step, refusal: &Refusal) -> Result<(), Fail> {
        let mut binding = facts.binding.clone();
        tracing::warn!(binding.id = %binding.id, branch.id = %binding.branch_id, ?step, error = %refusal, "a step failed; will be tried again");
        binding.state = match step {
            Step::Create(_) => BindingState::Failed,
            Step::Delete | Step::Unprotect | Step::Examine | Step::BackUp => BindingState::Held,
            _ => binding.state,
        };
        let pause = PAUSE.saturating_mul(1 << binding.attempts.min(16));
        binding.attempts = binding.attempts.saturating_add(1);
        binding.reason = Some(refusal.to_string());
        binding.check_at = self.now().checked_add(pause.min(LONGEST)).ok();
        self.write(&mut binding).await
    }

    /// Writes a binding down, unless it is gone.
    pub(super) async fn write(&self, binding: &mut Binding) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        self.write_within(&mut tx, binding).await?;
        self.commit_binding(tx).await
    }

    /// As [`write`](Self::write), together with what else the caller writes.
    pub(super) async fn write_within(
        &self,
        tx: &mut Tx,
        binding: &mut Binding,
    ) -> Result<(), Fail> {
        binding.updated_at = self.now();
        let before = tx.binding(binding.id).await?;
        tx.update_binding(binding).await?;
        self.tell_binding(tx, before.map(|b| b.state), binding)
            .await?;
        Ok(())
    }

    pub(super) async fn commit_binding(&self, tx: Tx) -> Result<(), Fail> {
        tx.commit().await?;
        self.0.signals.news.notify_one();
        self.changed();
        Ok(())
    }
}
