//! Which backups of a policy's run are begun now, and whether the run is over.

use crate::id::BranchId;
use jiff::Timestamp;
use std::collections::HashSet;

#[derive(Clone, Copy, Debug)]
pub struct RunFacts<'a> {
    pub now: Timestamp,
    /// When the run after this one is due.
    pub next: Timestamp,
    /// The branches that the policy means, each with whether it can be copied now.
    pub branches: &'a [(BranchId, bool)],
    /// Those of them that this run has made, or is making, a backup of.
    pub done: &'a HashSet<BranchId>,
    /// How many more may be under way.
    pub room: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlan {
    pub begin: Vec<BranchId>,
    /// Nothing is left for another look.
    pub over: bool,
}

/// A branch that cannot be copied yet is waited for until the next run is due: it has its turn then.
pub fn plan_run(facts: &RunFacts<'_>) -> RunPlan {
    let left = || {
        let left = facts.branches.iter();
        left.filter(|(id, _)| !facts.done.contains(id))
    };
    let ready: Vec<BranchId> = left().filter(|(_, can)| *can).map(|(id, _)| *id).collect();
    let waiting = left().any(|(_, can)| !can) && facts.now < facts.next;
    RunPlan {
        over: ready.len() <= facts.room && !waiting,
        begin: ready.into_iter().take(facts.room).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(c: char) -> BranchId {
        c.to_string().repeat(12).parse().unwrap()
    }

    /// Branches that cannot be copied are in upper case.
    fn plan(branches: &str, done: &str, room: usize, late: bool) -> (String, bool) {
        let branches: Vec<_> = branches
            .chars()
            .map(|c| (id(c.to_ascii_lowercase()), c.is_ascii_lowercase()))
            .collect();
        let plan = plan_run(&RunFacts {
            now: Timestamp::from_second(if late { 20 } else { 10 }).unwrap(),
            next: Timestamp::from_second(20).unwrap(),
            branches: &branches,
            done: &done.chars().map(id).collect(),
            room,
        });
        let begun = plan.begin.iter();
        let begun = begun.filter_map(|b| b.as_str().chars().next()).collect();
        (begun, plan.over)
    }

    #[test]
    fn a_run_reaches_every_branch_once() {
        for (branches, done, room, late, begun, over) in [
            ("", "", 1, false, "", true),
            ("abc", "", 9, false, "abc", true),
            // As many as there is room for, the others later.
            ("abc", "", 1, false, "a", false),
            ("abc", "a", 0, false, "", false),
            ("abc", "a", 1, false, "b", false),
            ("abc", "ab", 1, false, "c", true),
            ("abc", "abc", 0, false, "", true),
            // One that cannot be copied is waited for until the next run.
            ("aB", "", 9, false, "a", false),
            ("aB", "a", 9, false, "", false),
            ("aB", "a", 9, true, "", true),
            ("ab", "", 1, true, "a", false),
        ] {
            let planned = plan(branches, done, room, late);
            assert_eq!(planned, (begun.to_owned(), over), "{branches} {done}");
        }
    }
}
