//! From an iteration and an automation to one branch: what is to be done next, whatever was
//! delivered how often in whatever order. One step at a time: the facts are read anew after each.

use super::rotate::plan_rotation;
use crate::automation::{
    Automation, Binding, BindingState, Ended, Ending, OnGone, OnName, OnReopened, Over, Rule, When,
};
use crate::backup::BackupState;
use crate::branch::{Branch, BranchState};
use crate::handover::Issued;
use crate::iteration::{IterationState, Record};
use crate::name::BranchName;
use jiff::Timestamp;
use std::time::Duration;

/// First pause after a branch could not be made, doubling up to [`LONGEST`].
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3_600);
/// How soon a branch that is in use is put to sleep, and a backup is looked at.
const SOON: Duration = Duration::from_secs(20);
/// What holds a deletion up is looked at so often.
const HELD: Duration = Duration::from_secs(1_800);

/// Where an iteration is in its life, as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Planned,
    Started,
    /// Since when.
    Ended(Timestamp),
    Deleted(Timestamp),
}

impl Phase {
    fn over(self) -> Option<(Over, Timestamp)> {
        match self {
            Phase::Planned | Phase::Started => None,
            Phase::Ended(at) => Some((Over::Ended, at)),
            Phase::Deleted(at) => Some((Over::Deleted, at)),
        }
    }
}

/// The phase that a record was last seen in.
pub fn phase(record: &Record) -> Phase {
    let iteration = &record.iteration;
    match record.state {
        IterationState::Planned => Phase::Planned,
        IterationState::Started => Phase::Started,
        // The tool's own time of change moves on when somebody corrects a closed one.
        IterationState::Ended => {
            let changed = match iteration.state {
                IterationState::Ended => Some(iteration.updated_at),
                _ => None,
            };
            let at = [changed, iteration.ends_at].into_iter().flatten().min();
            Phase::Ended(at.unwrap_or(iteration.updated_at))
        }
        IterationState::Deleted => Phase::Deleted(record.gone_at.unwrap_or(iteration.updated_at)),
    }
}

/// What there is of the binding's branch.
#[derive(Clone, Copy, Debug)]
pub enum SeenBranch<'a> {
    /// Nothing was begun.
    None,
    /// It was begun, failed, and was undone.
    Failed(&'a str),
    There(&'a Branch),
    /// It was there.
    Gone,
}

#[derive(Clone, Copy, Debug)]
pub struct ConvergeFacts<'a> {
    pub now: Timestamp,
    pub automation: &'a Automation,
    pub binding: &'a Binding,
    pub branch: SeenBranch<'a>,
    /// The branch is the default one of its database.
    pub default: bool,
    pub phase: Phase,
    pub iteration_name: &'a str,
    pub starts_at: Option<Timestamp>,
    /// What the filter says, or why it says nothing.
    pub matches: Result<bool, &'a str>,
    /// What the template says, or why it says nothing.
    pub name: Result<&'a BranchName, &'a str>,
    /// Credentials that were made already, the newest of each name.
    pub issued: &'a [Issued],
    /// The schema that the branch began with is known.
    pub schema_known: bool,
    /// It holds changes of the schema that its parent has not; `None` = not looked at.
    pub unmerged: Option<bool>,
    /// Of the backup that was made because the iteration is over.
    pub backup: Option<BackupState>,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Create(BranchName),
    /// The credential of that name.
    Issue(String),
    /// Its successor: the time of the newest one is nearly over.
    Rotate(String),
    /// Remember the schema that the branch began with.
    ReadSchema,
    Rename(BranchName),
    /// Labels follow the iteration.
    Label,
    /// The iteration is over: remember since when.
    End(Ended),
    /// It goes on.
    Reopen,
    Sleep,
    /// See whether it holds changes that its parent has not.
    Examine,
    BackUp,
    Unprotect,
    Delete,
    /// What was made is gone: begin with another branch. After a failure not before so long.
    Anew(Duration),
}

/// What to do, or how things stand where nothing is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Convergence {
    Do(Step),
    Rest {
        state: BindingState,
        reason: Option<String>,
        /// Look again then; `None` = when something changes.
        check_at: Option<Timestamp>,
    },
}

pub fn plan_convergence(facts: &ConvergeFacts<'_>) -> Convergence {
    if !facts.automation.enabled {
        return rest(facts.binding.state, "the automation is switched off", None);
    }
    match facts.branch {
        SeenBranch::None => begin(facts),
        SeenBranch::Failed(why) => failed(facts, why),
        SeenBranch::Gone => gone(facts),
        SeenBranch::There(branch) => there(facts, branch),
    }
}

/// Before there is a branch.
fn begin(facts: &ConvergeFacts<'_>) -> Convergence {
    let (binding, now) = (facts.binding, facts.now);
    if facts.phase.over().is_some() && !late(facts) {
        return rest(BindingState::Waiting, "the iteration is over", None);
    }
    match facts.matches {
        Ok(true) => {}
        Ok(false) => return rest(BindingState::Waiting, "the filter does not match", None),
        Err(why) => return rest(BindingState::Waiting, why, None),
    }
    if facts.phase == Phase::Planned {
        let due = match facts.automation.rule.when {
            When::Planned => Some(now),
            When::Started => facts.starts_at,
            When::Before(span) => facts
                .starts_at
                .and_then(|at| at.checked_sub(span.duration()).ok()),
        };
        match due {
            Some(due) if due <= now => {}
            Some(due) => {
                let text = format!("the branch is made at {due}");
                return rest(BindingState::Waiting, text, Some(due));
            }
            None => return rest(BindingState::Waiting, "the iteration has not started", None),
        }
    }
    if binding.state == BindingState::Failed
        && let Some(at) = binding.check_at.filter(|at| *at > now)
    {
        let reason = binding.reason.clone().unwrap_or_default();
        return rest(BindingState::Failed, reason, Some(at));
    }
    match facts.name {
        Ok(name) => Convergence::Do(Step::Create(name.clone())),
        Err(why) => rest(BindingState::Failed, why, None),
    }
}

/// Events come in any order: of an iteration that is over when it is first heard of, the branch is
/// made where it would still be there had the events come in theirs.
fn late(facts: &ConvergeFacts<'_>) -> bool {
    let Phase::Ended(at) = facts.phase else {
        return false;
    };
    at > facts.automation.created_at
        && match facts.automation.rule.on.ended {
            Ending::Keep | Ending::Sleep => true,
            Ending::Delete { after, .. } => at
                .checked_add(after.duration())
                .is_ok_and(|gone| gone > facts.now),
        }
}

fn failed(facts: &ConvergeFacts<'_>, why: &str) -> Convergence {
    if facts.phase.over().is_some() {
        return rest(BindingState::Failed, why, None);
    }
    let doubled = PAUSE.saturating_mul(1 << facts.binding.attempts.min(16));
    Convergence::Do(Step::Anew(doubled.min(LONGEST)))
}

/// The branch was there, and is not.
fn gone(facts: &ConvergeFacts<'_>) -> Convergence {
    let (binding, on) = (facts.binding, facts.automation.rule.on);
    let active = facts.phase.over().is_none();
    // Deleted by the rule, and killed before that was written down.
    let due = |ended: Ended| deletion(facts, ended).is_some_and(|(at, _)| at <= facts.now);
    let by_rule =
        binding.state == BindingState::Deleted || binding.ending.is_some_and(|e| !e.done && due(e));
    let again = match by_rule {
        true => on.reopened == OnReopened::Remake,
        false => on.gone == OnGone::Remake,
    };
    if active && again && facts.matches == Ok(true) {
        return Convergence::Do(Step::Anew(Duration::ZERO));
    }
    match by_rule {
        true => rest(BindingState::Deleted, "the iteration is over", None),
        false => rest(BindingState::Gone, "somebody deleted the branch", None),
    }
}

fn there(facts: &ConvergeFacts<'_>, branch: &Branch) -> Convergence {
    let binding = facts.binding;
    let over = facts.phase.over();
    let mut missing = facts
        .automation
        .rule
        .credentials
        .keys()
        .filter(|name| !facts.issued.iter().any(|i| i.credential == **name));
    // Also where the end was heard of first: it is as if it had been heard of in time.
    let wanted = match over {
        None => true,
        Some((Over::Ended, _)) => !binding.ending.is_some_and(|e| e.done),
        Some((Over::Deleted, _)) => false,
    };
    if wanted && let Some(name) = missing.next() {
        return Convergence::Do(Step::Issue(name.clone()));
    }
    if wanted && !facts.schema_known && branch.state != BranchState::Pending {
        return Convergence::Do(Step::ReadSchema);
    }
    if binding.followed_name.as_deref() != Some(facts.iteration_name) {
        return Convergence::Do(follow(facts, branch));
    }
    match (over, binding.ending) {
        (None, Some(_)) => Convergence::Do(Step::Reopen),
        (Some((why, at)), ending) => {
            // From when both are there; a tool's clock may be ahead.
            let at = at.max(binding.created_at).min(facts.now);
            match ending {
                Some(ended) if ended.why == why => end(facts, branch, ended),
                _ => Convergence::Do(Step::End(Ended {
                    why,
                    at,
                    done: false,
                    backed_up: None,
                })),
            }
        }
        (None, None) if branch.state == BranchState::Pending => Convergence::Rest {
            state: BindingState::Making,
            reason: None,
            check_at: None,
        },
        (None, None) => made(facts),
    }
}

/// Branch and iteration are under way: credentials are kept good.
fn made(facts: &ConvergeFacts<'_>) -> Convergence {
    let rules = &facts.automation.rule.credentials;
    match plan_rotation(rules, facts.issued, facts.now) {
        Ok(credential) => Convergence::Do(Step::Rotate(credential)),
        Err(next) => Convergence::Rest {
            state: BindingState::Made,
            reason: match facts.matches {
                Ok(true) => None,
                Ok(false) => Some("it stays, though the filter does not match any more".to_owned()),
                Err(why) => Some(why.to_owned()),
            },
            check_at: next,
        },
    }
}

/// The iteration has another name than the branch goes by.
fn follow(facts: &ConvergeFacts<'_>, branch: &Branch) -> Step {
    // Without a note of its name: killed between the branch and that, and the name is ours.
    let noted = facts.binding.branch_name.as_deref();
    let ours = noted.is_none_or(|name| name == branch.name.as_str());
    match facts.name {
        Ok(name)
            if ours
                && facts.automation.rule.on.renamed == OnName::Rename
                && *name != branch.name =>
        {
            Step::Rename(name.clone())
        }
        _ => Step::Label,
    }
}

/// When the branch is to go, and whether it is backed up before.
fn deletion(facts: &ConvergeFacts<'_>, ended: Ended) -> Option<(Timestamp, bool)> {
    deletion_of(&facts.automation.rule, ended)
}

/// When a rule's branch is to go whose iteration is over, and whether it is backed up before; `None` = it
/// stays.
pub fn deletion_of(rule: &Rule, ended: Ended) -> Option<(Timestamp, bool)> {
    let ending = match ended.why {
        Over::Ended => rule.on.ended,
        Over::Deleted => rule.on.deleted,
    };
    match ending {
        Ending::Keep | Ending::Sleep => None,
        Ending::Delete { after, backup } => {
            let at = ended.at.checked_add(after.duration());
            Some((at.unwrap_or(Timestamp::MAX), backup))
        }
    }
}

fn end(facts: &ConvergeFacts<'_>, branch: &Branch, ended: Ended) -> Convergence {
    let (now, on) = (facts.now, facts.automation.rule.on);
    let soon = now.checked_add(SOON).ok();
    let Some((due, backup)) = deletion(facts, ended) else {
        let sleep = match ended.why {
            Over::Ended => on.ended,
            Over::Deleted => on.deleted,
        } == Ending::Sleep;
        let asleep = branch.state == BranchState::Sleeping || branch.production;
        return match (sleep && !ended.done && !asleep, branch.state) {
            (true, BranchState::Pending) => rest(
                BindingState::Making,
                "it is put to sleep when it is made",
                None,
            ),
            (true, _) => Convergence::Do(Step::Sleep),
            (false, _) if !ended.done => Convergence::Do(Step::End(Ended {
                done: true,
                ..ended
            })),
            (false, _) => rest(BindingState::Ended, "the iteration is over", None),
        };
    };
    if now < due {
        let text = format!("the iteration is over; the branch is deleted at {due}");
        return rest(BindingState::Ended, text, Some(due));
    }
    let held = |why: &str| rest(BindingState::Held, why, now.checked_add(HELD).ok());
    if facts.default || branch.production {
        return held("it is to be deleted, and is a production branch");
    }
    // Nobody can have worked on what was never ready.
    if branch.state == BranchState::Pending {
        return Convergence::Do(Step::Delete);
    }
    if branch.deletion_protected {
        return match facts.automation.rule.branch.deletion_protected {
            true => Convergence::Do(Step::Unprotect),
            false => held("it is to be deleted, and somebody has protected it"),
        };
    }
    if !on.delete_unmerged {
        match facts.unmerged {
            None => return Convergence::Do(Step::Examine),
            Some(true) => {
                return held(
                    "it is to be deleted, and holds changes of the schema that its parent has not",
                );
            }
            Some(false) => {}
        }
    }
    match (backup, ended.backed_up, facts.backup) {
        (false, ..) | (true, Some(_), Some(BackupState::Success)) => Convergence::Do(Step::Delete),
        (true, None, _) => Convergence::Do(Step::BackUp),
        (true, Some(_), Some(BackupState::Pending | BackupState::Running)) => rest(
            BindingState::Ended,
            "it is backed up, and deleted then",
            soon,
        ),
        (true, Some(_), _) => held("it is to be deleted, and its backup failed or is gone"),
    }
}

fn rest(
    state: BindingState,
    reason: impl Into<String>,
    check_at: Option<Timestamp>,
) -> Convergence {
    Convergence::Rest {
        state,
        reason: Some(reason.into()),
        check_at,
    }
}

#[cfg(test)]
mod tests;
