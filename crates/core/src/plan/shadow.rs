//! Whether a branch may have a shadow, of what that is made, and what it is given of its parent's history.

use super::restore_point::{base_of, first_needed};
use crate::backup::Backup;
use crate::binlog::{History, Segment};
use crate::branch::Branch;
use crate::gtid::GtidSet;
use crate::id::BackupId;
use crate::refusal::{Refusal, code};
use crate::shadow::Shadow;
use jiff::Timestamp;
use std::time::Duration;

/// What a shadow may have to be given after it was made of a backup, in bytes of binlog: an engine applies
/// as much in a few minutes. Where it is more, the parent is copied.
const BACKLOG: u64 = 1 << 30;
/// Pause before a shadow that broke is made again, doubled with each failure in a row.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_secs(3_600);

/// Whether the branch may have a shadow. `copy_on_write`: the pool copies by reference. `archived`: what
/// production branches commit is archived.
pub fn plan_shadow(branch: &Branch, copy_on_write: bool, archived: bool) -> Result<(), Refusal> {
    if branch.deleting {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being deleted", branch.name))
                .code(code::DELETING),
        );
    }
    if !branch.production {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" is a development branch: only production branches have shadows",
            branch.name
        ))
        .code(code::SHADOW)
        .hint(format!(
            "promote it first: offshoot branch promote DATABASE {}",
            branch.name
        )));
    }
    if !copy_on_write {
        return Err(Refusal::unprocessable(
            "the pool only copies in full: a shadow would stand still for as long as each copy of it takes",
        )
        .code(code::SHADOW)
        .hint("make the pool one that copies by reference: offshoot pool create"));
    }
    if !archived {
        return Err(Refusal::unprocessable(
            "a shadow follows the archive of its parent's binlog, which is switched off",
        )
        .code(code::SHADOW)
        .hint("set backups.binlog_interval in the server's configuration"));
    }
    Ok(())
}

/// A backup that a shadow can be made of, with what that has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowBase {
    pub backup: BackupId,
    pub gtids: GtidSet,
}

/// The latest good backup in the history, unless its copy would have too much to catch up with.
pub fn plan_shadow_base(
    backups: &[Backup],
    history: &History,
    segments: &[Segment],
) -> Option<ShadowBase> {
    let (backup, base) = backups
        .iter()
        .filter(|backup| backup.good())
        .filter_map(|backup| Some((backup.id, base_of(backup, history)?)))
        .max_by_key(|(_, base)| base.at)?;
    let missing = first_needed(segments, &base.gtids).map_or(0, |first| {
        bytes(segments.iter().filter(|s| s.number >= first))
    });
    (missing <= BACKLOG).then_some(ShadowBase {
        backup,
        gtids: base.gtids,
    })
}

/// Number of the first segment that data with the transactions `held` is to be given; `None` = nothing.
/// `segments`: those from some number on, where it has everything before; all of them, where `all`.
///
/// # Errors
/// The history has a gap between what is held and the first segment that is kept. Says so.
pub fn plan_shadow_feed(
    history: &History,
    segments: &[Segment],
    held: &GtidSet,
    all: bool,
) -> Result<Option<u64>, String> {
    if all && !held.covers(&history.before) {
        return Err(format!(
            "its parent's archived history has a gap: it begins behind \"{}\", the shadow has \"{held}\"",
            history.before
        ));
    }
    Ok(first_needed(segments, held))
}

/// Whether a shadow is to be given what its parent committed. `next`: of the parent's history.
pub fn shadow_due(shadow: &Shadow, next: u64, same_history: bool, now: Timestamp) -> bool {
    if !shadow.state.made() || shadow.retry_at.is_some_and(|at| now < at) {
        return false;
    }
    let waited = match (shadow.every, shadow.fed_at) {
        (None, _) | (_, None) => true,
        (Some(every), Some(at)) => at.checked_add(every).is_ok_and(|due| due <= now),
    };
    waited
        && (!same_history
            || shadow.next < next
            || shadow.complete_at.is_none()
            || shadow.every.is_some())
}

/// When a shadow that failed so often is tried again.
pub fn shadow_retry(failures: u32, now: Timestamp) -> Timestamp {
    let pause = FIRST_RETRY
        .saturating_mul(2_u32.saturating_pow(failures.min(16)))
        .min(LAST_RETRY);
    now.checked_add(pause).unwrap_or(now)
}

fn bytes<'a>(segments: impl Iterator<Item = &'a Segment>) -> u64 {
    segments.map(|s| s.to.saturating_sub(s.from)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::restore_point::tests::{at, backup, history, set};
    use super::*;
    use crate::shadow::ShadowState;

    fn shadow() -> Shadow {
        let id = "kkkkkkkkkkkk";
        Shadow {
            branch: id.parse().unwrap(),
            volume: id.parse().unwrap(),
            instance: id.parse().unwrap(),
            source: id.parse().unwrap(),
            state: ShadowState::Following,
            reason: None,
            every: None,
            position: None,
            history: None,
            next: 7,
            complete_at: Some(at(0)),
            fed_at: Some(at(0)),
            opened: false,
            backup: None,
            method: None,
            made_at: None,
            failures: 0,
            retry_at: None,
            copies: 0,
            copied_at: None,
            passed_over_at: None,
            passed_over: None,
            actor: String::new(),
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn the_latest_backup_is_the_base_unless_there_is_too_much_behind_it() {
        let (archived, mut segments) = history(100, 10);
        let backups = [backup('a', 15), backup('c', 62), backup('b', 35)];
        let base = plan_shadow_base(&backups, &archived, &segments).unwrap();
        assert_eq!((base.backup, base.gtids), (backups[1].id, set(62)));
        // What is before it does not count; what is behind it does.
        segments[0].to = segments[0].from + 2 * BACKLOG;
        assert!(plan_shadow_base(&backups, &archived, &segments).is_some());
        let last = segments.last_mut().unwrap();
        last.to = last.from + BACKLOG + 1;
        assert_eq!(plan_shadow_base(&backups, &archived, &segments), None);
        assert_eq!(plan_shadow_base(&[], &archived, &[]), None);
        // One from before the archive.
        assert_eq!(
            plan_shadow_base(&[backup('e', 9)], &archived, &segments),
            None
        );
    }

    #[test]
    fn what_is_not_held_is_given_and_a_gap_is_said() {
        let (archived, segments) = history(100, 10);
        for (held, all, expected) in [
            (set(62), true, Ok(Some(6))),
            (set(100), true, Ok(None)),
            (set(10), true, Ok(Some(1))),
            // Inside of a large transaction: from where it begins.
            (set(42), true, Ok(Some(3))),
            (set(9), true, Err(())),
            (set(0), true, Err(())),
        ] {
            let planned = plan_shadow_feed(&archived, &segments, &held, all);
            assert_eq!(planned.map_err(|_| ()), expected, "{held}");
        }
        let later: Vec<Segment> = segments.into_iter().filter(|s| s.number >= 6).collect();
        let planned = plan_shadow_feed(&archived, &later, &set(62), false);
        assert_eq!(planned, Ok(Some(6)));
        assert_eq!(plan_shadow_feed(&archived, &[], &set(100), false), Ok(None));
    }

    #[test]
    fn it_is_fed_when_there_is_something_or_when_its_time_has_come() {
        let now = at(60);
        let continuous = shadow();
        assert!(shadow_due(&continuous, 8, true, now));
        assert!(!shadow_due(&continuous, 7, true, now));
        assert!(shadow_due(&continuous, 7, false, now), "another history");
        let mut fresh = shadow();
        (fresh.state, fresh.complete_at) = (ShadowState::CatchingUp, None);
        assert!(shadow_due(&fresh, 7, true, now));
        let mut failed = shadow();
        failed.retry_at = Some(at(61));
        assert!(!shadow_due(&failed, 8, true, now));
        assert!(shadow_due(&failed, 8, true, at(61)));
        let mut seldom = shadow();
        seldom.every = Some(Duration::from_secs(60));
        assert!(shadow_due(&seldom, 7, true, now));
        assert!(!shadow_due(&seldom, 8, true, at(59)));
        for state in [ShadowState::Making, ShadowState::Broken] {
            let mut other = shadow();
            other.state = state;
            assert!(!shadow_due(&other, 8, true, now));
        }
    }

    #[test]
    fn a_broken_one_is_made_again_after_a_while() {
        let mut broken = shadow();
        broken.break_off("gone".to_owned(), shadow_retry(broken.failures, at(0)));
        assert_eq!(broken.retry_at, Some(at(10)));
        assert_eq!(shadow_retry(broken.failures, at(0)), at(20));
        assert_eq!(shadow_retry(1_000, at(0)), at(3_600));
        let id = "vvvvvvvvvvvv";
        broken.begin_anew(
            id.parse().unwrap(),
            id.parse().unwrap(),
            id.parse().unwrap(),
        );
        assert_eq!(broken.state, ShadowState::Making);
        assert_eq!((broken.retry_at, broken.failures), (None, 1));
        assert_eq!((broken.next, broken.complete_at), (0, None));
    }

    #[test]
    fn only_archived_production_branches_have_shadows() {
        let mut branch = crate::plan::delete::tests::branch("main", true, false);
        assert!(plan_shadow(&branch, true, true).is_ok());
        for (cow, archived) in [(false, true), (true, false)] {
            let refusal = plan_shadow(&branch, cow, archived).unwrap_err();
            assert_eq!(refusal.code, code::SHADOW);
            assert!(refusal.hint.is_some());
        }
        branch.production = false;
        assert_eq!(
            plan_shadow(&branch, true, true).unwrap_err().code,
            code::SHADOW
        );
        branch.deleting = true;
        assert_eq!(
            plan_shadow(&branch, true, true).unwrap_err().code,
            code::DELETING
        );
    }
}
