//! Which backups may go.

use crate::backup::{Backup, BackupState};
use crate::id::{BackupId, BranchId};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

#[derive(Clone, Copy, Debug)]
pub struct ExpiryFacts<'a> {
    pub now: Timestamp,
    /// All backups of the branches in question: one that is left out protects nothing.
    pub backups: &'a [Backup],
    /// Branches that are there and are production branches.
    pub production: &'a HashSet<BranchId>,
    /// Backups that something is being made of: a branch, a copy, a drill.
    pub in_use: &'a HashSet<BackupId>,
    /// Backups that have an off-site copy.
    pub off_site: &'a HashSet<BackupId>,
}

/// Those whose time is over and that nothing speaks for: not the last good one of a production
/// branch (one whose restore drill failed is none), nor the last of those with an off-site copy, which
/// goes with it; none that something is being made of, none that is protected, none still under way.
pub fn plan_expiry(facts: &ExpiryFacts<'_>) -> Vec<BackupId> {
    let good = || facts.backups.iter().filter(|b| b.good());
    let last = newest(good());
    let last_off_site = newest(good().filter(|b| facts.off_site.contains(&b.id)));
    let last_good = |b: &Backup| {
        facts.production.contains(&b.branch_id)
            && [&last, &last_off_site]
                .iter()
                .any(|newest| newest.get(&b.branch_id) == Some(&b.id))
    };
    facts
        .backups
        .iter()
        .filter(|b| b.expires_at.is_some_and(|at| at <= facts.now))
        .filter(|b| matches!(b.state, BackupState::Success | BackupState::Failed))
        .filter(|b| !b.protected && !facts.in_use.contains(&b.id) && !last_good(b))
        .map(|b| b.id)
        .collect()
}

/// The newest one of each branch.
fn newest<'a>(backups: impl Iterator<Item = &'a Backup>) -> HashMap<BranchId, BackupId> {
    let mut newest: HashMap<BranchId, &Backup> = HashMap::new();
    for backup in backups {
        let best = newest.entry(backup.branch_id).or_insert(backup);
        if moment(backup) > moment(best) {
            *best = backup;
        }
    }
    newest.into_iter().map(|(id, b)| (id, b.id)).collect()
}

/// How new a backup is: from when its data are, then its id, so that there is always one newest.
fn moment(backup: &Backup) -> (Timestamp, BackupId) {
    let at = backup.copied.map_or(backup.created_at, |c| c.at);
    (at, backup.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn backup(id: char, branch: char, state: BackupState, made: i64, expires: i64) -> Backup {
        let id_of = |c: char| c.to_string().repeat(12);
        Backup {
            id: id_of(id).parse().unwrap(),
            database_id: id_of('d').parse().unwrap(),
            branch_id: id_of(branch).parse().unwrap(),
            branch_name: branch.to_string(),
            production: true,
            name: id.to_string(),
            state,
            engine: "mysql-9.7.4".parse().unwrap(),
            snapshot: id_of('s').parse().unwrap(),
            copied: None,
            position: None,
            examined: None,
            verified_at: None,
            drilled: None,
            failure: None,
            size: 0,
            protected: false,
            required: false,
            policy: None,
            imported_from: None,
            actor: "a".to_owned(),
            created_at: at(made),
            updated_at: at(made),
            started_at: None,
            completed_at: None,
            expires_at: Some(at(expires)),
        }
    }

    fn gone(backups: &[Backup], production: &str, in_use: &str) -> String {
        gone_beside(backups, production, in_use, "")
    }

    fn gone_beside(backups: &[Backup], production: &str, in_use: &str, off_site: &str) -> String {
        let production = production
            .chars()
            .map(|c| c.to_string().repeat(12).parse().unwrap())
            .collect();
        let ids = |text: &str| {
            let ids = text.chars().map(|c| c.to_string().repeat(12));
            ids.map(|id| id.parse().unwrap()).collect()
        };
        let ids = plan_expiry(&ExpiryFacts {
            now: at(NOW),
            backups,
            production: &production,
            in_use: &ids(in_use),
            off_site: &ids(off_site),
        });
        ids.iter()
            .filter_map(|id| id.as_str().chars().next())
            .collect()
    }

    #[test]
    fn the_last_good_backup_of_a_production_branch_stays() {
        use BackupState::*;
        for (backups, production, expected) in [
            // The newest good one stays, expired or not; those before it go.
            (
                vec![
                    backup('a', 'm', Success, 1, 10),
                    backup('b', 'm', Success, 2, 20),
                ],
                "m",
                "a",
            ),
            // A younger one that failed or is under way does not count.
            (
                vec![
                    backup('a', 'm', Success, 1, 10),
                    backup('b', 'm', Failed, 2, 20),
                    backup('c', 'm', Running, 3, 30),
                    backup('e', 'm', Pending, 4, 40),
                ],
                "m",
                "b",
            ),
            // One that is good for longer lets the older ones go.
            (
                vec![
                    backup('a', 'm', Success, 1, 10),
                    backup('b', 'm', Success, 2, 9_999),
                ],
                "m",
                "a",
            ),
            // Each branch for itself.
            (
                vec![
                    backup('a', 'm', Success, 1, 10),
                    backup('b', 'n', Success, 2, 20),
                ],
                "mn",
                "",
            ),
            // Development branches, and branches that are gone, keep none beyond its time.
            (vec![backup('a', 'x', Success, 1, 10)], "m", "a"),
            // Not before its time; at it.
            (vec![backup('a', 'x', Success, 1, NOW + 1)], "", ""),
            (vec![backup('a', 'x', Success, 1, NOW)], "", "a"),
            // The newest is the one with the newest data, not the one with the longest life.
            (
                vec![
                    backup('a', 'm', Success, 5, 10),
                    backup('b', 'm', Success, 2, 20),
                ],
                "m",
                "b",
            ),
            // Two of the same moment: one of them stays.
            (
                vec![
                    backup('a', 'm', Success, 1, 10),
                    backup('b', 'm', Success, 1, 10),
                ],
                "m",
                "a",
            ),
            (vec![], "m", ""),
        ] {
            assert_eq!(gone(&backups, production, ""), expected, "{backups:#?}");
        }
    }

    #[test]
    fn one_whose_drill_failed_lets_no_older_one_go() {
        use BackupState::*;
        let old = backup('a', 'm', Success, 1, 10);
        let mut new = backup('b', 'm', Success, 2, 20);
        let mut all = |state| {
            new.drilled = Some(crate::drill::Drilled {
                drill: "llllllllllll".parse().unwrap(),
                backup: new.id,
                state,
                at: at(3),
                failure: None,
            });
            gone(&[old.clone(), new.clone()], "m", "")
        };
        assert_eq!(all(crate::drill::DrillState::Failed), "b");
        assert_eq!(all(crate::drill::DrillState::Success), "a");
    }

    #[test]
    fn the_last_one_with_an_off_site_copy_stays() {
        let backups = [
            backup('a', 'm', BackupState::Success, 1, 10),
            backup('b', 'm', BackupState::Success, 2, 20),
            backup('c', 'm', BackupState::Success, 3, 30),
        ];
        for (production, off_site, expected) in [
            ("m", "", "ab"),
            ("m", "abc", "ab"),
            // The newest one is not copied yet.
            ("m", "ab", "a"),
            ("m", "a", "b"),
            ("", "a", "abc"),
        ] {
            let found = gone_beside(&backups, production, "", off_site);
            assert_eq!(found, expected, "{production} {off_site}");
        }
    }

    #[test]
    fn protected_backups_and_those_in_use_stay() {
        use BackupState::*;
        let mut backups = vec![
            backup('a', 'x', Success, 1, 10),
            backup('b', 'x', Success, 2, 20),
            backup('c', 'x', Success, 3, 30),
        ];
        assert_eq!(gone(&backups, "", ""), "abc");
        assert_eq!(gone(&backups, "", "b"), "ac");
        backups[0].protected = true;
        assert_eq!(gone(&backups, "", "b"), "c");
        backups[2].expires_at = None;
        assert_eq!(gone(&backups, "", "b"), "");
    }
}
