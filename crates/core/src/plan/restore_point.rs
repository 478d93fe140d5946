//! From which backup, and with which part of the archived binlog, a branch becomes what its parent
//! was at a moment; and which part of the archive no such branch can need any more.

use crate::backup::{Backup, BackupState, Method};
use crate::binlog::{History, Segment, Until, Window};
use crate::engine::EngineKind;
use crate::gtid::GtidSet;
use crate::id::{BackupId, HistoryId};
use crate::refusal::{Refusal, code};
use jiff::Timestamp;

/// What is known of a branch's past.
#[derive(Clone, Copy, Debug)]
pub struct RestoreFacts<'a> {
    pub branch: &'a str,
    pub until: &'a Until,
    pub now: Timestamp,
    /// Backups of the branch, in any state.
    pub backups: &'a [Backup],
    /// What is archived of it, with the segments in their order.
    pub archive: &'a [(History, Vec<Segment>)],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorePlan {
    pub backup: BackupId,
    pub history: HistoryId,
    /// What the backup has.
    pub from: GtidSet,
    /// Number of the first segment that is to be replayed; those behind it follow.
    pub first: u64,
}

/// Where a backup stands in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub gtids: GtidSet,
    /// It has nothing that was committed later.
    pub at: Timestamp,
}

/// Where a backup stands in a history; `None` when it cannot be replayed from there. One whose restore
/// drill failed has its place, too: a later drill may find it whole.
pub fn base_of(backup: &Backup, history: &History) -> Option<Base> {
    let (position, copied) = (backup.position.as_ref()?, backup.copied?);
    let usable = backup.state == BackupState::Success
        && backup.production
        && backup.branch_id == history.branch
        && backup.engine == history.engine
        && history.started_at <= copied.at
        && history.ended_at.is_none_or(|end| copied.at <= end);
    // Only an engine that started with its binlog knows its position, where the engine keeps it nowhere else;
    // of a shadow it is known from what was applied.
    let unknown = history.engine.kind == EngineKind::Mariadb
        && !matches!(copied.method, Method::Frozen | Method::Shadow)
        && position.gtid_set.is_empty();
    if !usable || unknown {
        return None;
    }
    let gtids = GtidSet::parse(history.engine.kind, &position.gtid_set).ok()?;
    let at = backup.started_at.map_or(copied.at, |at| at.max(copied.at));
    gtids.covers(&history.before).then_some(Base { gtids, at })
}

/// Between which moments a branch can be had of one history.
pub fn window(backups: &[Backup], history: &History) -> Option<Window> {
    let from = backups
        .iter()
        .filter(|backup| backup.good())
        .filter_map(|backup| base_of(backup, history))
        .map(|base| base.at)
        .min()?;
    (from <= history.complete_at).then_some(Window {
        from,
        to: history.complete_at,
    })
}

/// The latest good backup before the moment, and the segments from there on.
pub fn plan_restore_point(facts: &RestoreFacts<'_>) -> Result<RestorePlan, Refusal> {
    for (history, segments) in facts.archive.iter().rev() {
        let inside = match facts.until {
            Until::Time(time) => *time <= history.complete_at,
            Until::Gtids(set) => history.archived.covers(set),
        };
        if !inside {
            continue;
        }
        let reaches = |base: &Base| match facts.until {
            Until::Time(time) => base.at <= *time,
            Until::Gtids(set) => set.covers(&base.gtids),
        };
        let found = facts
            .backups
            .iter()
            .filter(|backup| backup.good())
            .filter_map(|backup| Some((backup.id, base_of(backup, history)?)))
            .filter(|(_, base)| reaches(base))
            .max_by_key(|(_, base)| base.at);
        if let Some((backup, base)) = found {
            return Ok(RestorePlan {
                backup,
                history: history.id,
                first: first_needed(segments, &base.gtids).unwrap_or(history.next),
                from: base.gtids,
            });
        }
    }
    Err(out_of_reach(facts))
}

/// Number of the first segment that is not in `gtids` as a whole, or of that in which its first transaction
/// begins.
pub(super) fn first_needed(segments: &[Segment], gtids: &GtidSet) -> Option<u64> {
    let at = segments.iter().position(|s| !gtids.covers(&s.gtids))?;
    let whole = segments.get(..=at)?.iter().rposition(|s| s.whole)?;
    segments.get(whole).map(|s| s.number)
}

fn out_of_reach(facts: &RestoreFacts<'_>) -> Refusal {
    let branch = facts.branch;
    let refused = |text: String| {
        let mut refusal = Refusal::unprocessable(text).code(code::RESTORE_POINT);
        refusal.field = Some("restore_point");
        refusal
    };
    let windows: Vec<String> = facts
        .archive
        .iter()
        .filter_map(|(history, _)| window(facts.backups, history))
        .map(|w| format!("from {} to {}", w.from, w.to))
        .collect();
    if windows.is_empty() {
        return refused(format!(
            "no point in time of branch \"{branch}\" can be restored yet: that takes a backup of it as a production branch, and its binlog from then on"
        ))
        .hint(format!("make a backup (offshoot backup create DATABASE {branch}); from then on every moment can be had"));
    }
    let asked = match facts.until {
        Until::Time(time) if *time > facts.now => format!("{time} has not come yet"),
        Until::Time(time) => format!("branch \"{branch}\" cannot be restored to {time}"),
        Until::Gtids(set) => format!("branch \"{branch}\" cannot be restored to \"{set}\""),
    };
    refused(format!("{asked}: it can be {}", windows.join(", and ")))
}

/// What of an archive may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trim {
    Nothing,
    /// Segments before this number, and what is before the first then.
    Before {
        number: u64,
        before: GtidSet,
    },
    /// All of it.
    All,
}

/// What no branch can need any more. `backups`: those of the branch, in any state; `idle_since`: a
/// history without a backup keeps what was archived later, because one may be under way.
pub fn plan_trim(
    backups: &[Backup],
    history: &History,
    segments: &[Segment],
    idle_since: Timestamp,
) -> Trim {
    let under_way = backups.iter().any(|backup| {
        matches!(backup.state, BackupState::Pending | BackupState::Running)
            && history.ended_at.is_none_or(|end| backup.created_at <= end)
    });
    let oldest = backups
        .iter()
        .filter_map(|backup| base_of(backup, history))
        .min_by_key(|base| base.at);
    let needed = match &oldest {
        Some(base) => segments.iter().position(|s| !base.gtids.covers(&s.gtids)),
        None if under_way => Some(0),
        None if history.ended_at.is_some() => return Trim::All,
        None => segments.iter().position(|s| s.archived_at >= idle_since),
    };
    // The last segment stays: it says where the archive goes on.
    let at = needed.unwrap_or(segments.len().saturating_sub(1));
    let kept = segments.get(..=at).unwrap_or_default();
    let Some(first) = kept.iter().rposition(|s| s.whole).filter(|n| *n > 0) else {
        return Trim::Nothing;
    };
    let mut before = history.before.clone();
    for segment in &segments[..first] {
        before.extend(&segment.gtids);
    }
    Trim::Before {
        number: segments[first].number,
        before,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::backup::{Copied, Position};
    use crate::binlog::{Committed, Mark};
    use crate::gtid::Gtid;
    use std::time::Duration;

    const ID: &str = "kkkkkkkkkkkk";

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    pub(crate) fn set(last: u64) -> GtidSet {
        let mut set = GtidSet::empty(EngineKind::Mariadb);
        if last > 0 {
            set.insert(gtid(last));
        }
        set
    }

    fn gtid(sequence: u64) -> Gtid {
        Gtid::Mariadb {
            domain: 0,
            server: 1,
            sequence,
        }
    }

    /// A backup copied at a second, when the branch had as many transactions as seconds.
    pub(crate) fn backup(name: char, second: i64) -> Backup {
        let mut backup = crate::plan::backup::tests::backup(BackupState::Success);
        backup.id = name.to_string().repeat(12).parse().unwrap();
        backup.engine = "mariadb-10.11.19".parse().unwrap();
        backup.copied = Some(Copied {
            method: Method::Frozen,
            pause: Duration::ZERO,
            at: at(second),
        });
        backup.started_at = Some(at(second));
        backup.position = Some(Position {
            gtid_set: set(u64::try_from(second).unwrap()).to_string(),
            ..Position::default()
        });
        backup
    }

    /// Ten seconds to a segment, a transaction a second; segments 3 and 4 are within a large one.
    pub(crate) fn history(seconds: u64, from: u64) -> (History, Vec<Segment>) {
        let segments = (from / 10..seconds / 10).map(|number| {
            let inside = matches!(number, 3 | 4);
            let last = if inside { 30 } else { number * 10 + 10 };
            let committed = |sequence: u64| {
                (!inside).then(|| Committed {
                    gtid: gtid(sequence),
                    at: at(sequence.cast_signed()),
                })
            };
            Segment {
                history: ID.parse().unwrap(),
                number,
                file: "binlog.000001".to_owned(),
                from: number * 100,
                to: number * 100 + 100,
                whole: !matches!(number, 4 | 5),
                transactions: 10,
                gtids: if inside { set(0) } else { set(last) },
                first: committed(number * 10 + 1),
                last: committed(number * 10 + 10),
                object: format!("o{number}"),
                checksum: String::new(),
                archived_at: at(number.cast_signed() * 10 + 10),
            }
        });
        let history = History {
            id: ID.parse().unwrap(),
            branch: ID.parse().unwrap(),
            volume: ID.parse().unwrap(),
            engine: "mariadb-10.11.19".parse().unwrap(),
            before: set(from),
            archived: set(seconds),
            mark: Mark::start_of("binlog.000001"),
            next: seconds / 10,
            started_at: at(from.cast_signed()),
            complete_at: at(seconds.cast_signed()),
            ended_at: None,
        };
        (history, segments.collect())
    }

    fn plan(backups: &[Backup], until: &Until) -> Result<(char, u64), Refusal> {
        let archive = [history(100, 10)];
        let planned = plan_restore_point(&RestoreFacts {
            branch: "main",
            until,
            now: at(105),
            backups,
            archive: &archive,
        })?;
        Ok((
            planned.backup.as_str().chars().next().unwrap(),
            planned.first,
        ))
    }

    #[test]
    fn the_latest_backup_before_the_moment_and_what_comes_after_it() {
        let backups = [backup('a', 15), backup('b', 35), backup('c', 62)];
        for (until, expected) in [
            (Until::Time(at(15)), ('a', 1)),
            (Until::Time(at(34)), ('a', 1)),
            // Its first transaction begins two segments before the one in which it ends.
            (Until::Time(at(40)), ('b', 3)),
            (Until::Time(at(100)), ('c', 6)),
            (Until::Gtids(set(15)), ('a', 1)),
            (Until::Gtids(set(61)), ('b', 3)),
        ] {
            assert_eq!(plan(&backups, &until).unwrap(), expected, "{until:?}");
        }
        // Nothing to replay.
        assert_eq!(
            plan(&[backup('a', 100)], &Until::Time(at(100))).unwrap(),
            ('a', 10)
        );
    }

    #[test]
    fn what_is_out_of_reach_is_refused_with_the_window() {
        let backups = [backup('b', 35), backup('c', 62)];
        for until in [
            Until::Time(at(34)),
            Until::Time(at(101)),
            Until::Time(at(200)),
            Until::Gtids(set(30)),
            Until::Gtids(set(101)),
        ] {
            let refusal = plan(&backups, &until).unwrap_err();
            assert_eq!(refusal.code, code::RESTORE_POINT);
            let window = format!("from {} to {}", at(35), at(100));
            assert!(refusal.public.contains(&window), "{refusal}");
        }
        let refusal = plan(&[], &Until::Time(at(50))).unwrap_err();
        assert!(refusal.public.contains("a backup"), "{refusal}");
    }

    #[test]
    fn a_backup_counts_only_in_the_history_that_it_stands_in() {
        let (archived, _) = history(100, 10);
        let good = backup('a', 20);
        assert!(base_of(&good, &archived).is_some());
        // Before its branch's first transaction: a shadow's position is what was applied.
        let mut of_shadow = backup('a', 0);
        of_shadow.copied = good.copied.map(|c| Copied {
            method: Method::Shadow,
            ..c
        });
        assert!(base_of(&of_shadow, &history(100, 0).0).is_some());
        let early = backup('a', 9);
        let mut failed = good.clone();
        failed.state = BackupState::Failed;
        let mut development = good.clone();
        development.production = false;
        let mut other = good.clone();
        other.branch_id = "aaaaaaaaaaaa".parse().unwrap();
        let mut unknown = good.clone();
        unknown.position = Some(Position::default());
        unknown.copied = good.copied.map(|c| Copied {
            method: Method::HotCopy,
            ..c
        });
        for backup in [early, failed, development, other, unknown] {
            assert_eq!(base_of(&backup, &archived), None);
        }
        let mut ended = archived.clone();
        ended.ended_at = Some(at(19));
        assert_eq!(base_of(&good, &ended), None);
        // What is before the archive is not in it.
        let mut behind = good;
        behind.position = Some(Position {
            gtid_set: set(9).to_string(),
            ..Position::default()
        });
        assert_eq!(base_of(&behind, &archived), None);
    }

    #[test]
    fn what_only_older_moments_need_goes() {
        let (archived, segments) = history(100, 10);
        let trim = |backups: &[Backup], history: &History| match plan_trim(
            backups,
            history,
            &segments,
            at(70),
        ) {
            Trim::Nothing => (0, String::new()),
            Trim::Before { number, before } => (number, before.to_string()),
            Trim::All => (u64::MAX, String::new()),
        };
        let before = |n: u64| set(n).to_string();
        assert_eq!(
            trim(&[backup('a', 25), backup('b', 62)], &archived),
            (2, before(20))
        );
        assert_eq!(trim(&[backup('b', 62)], &archived), (6, before(60)));
        // Inside of a large transaction its beginning stays.
        assert_eq!(trim(&[backup('b', 42)], &archived), (3, before(30)));
        assert_eq!(trim(&[backup('a', 15)], &archived), (0, String::new()));
        // No backup yet: what was archived of late stays, for the one that may be under way.
        assert_eq!(trim(&[], &archived), (6, before(60)));
        let mut running = backup('a', 50);
        running.state = BackupState::Running;
        assert_eq!(
            trim(std::slice::from_ref(&running), &archived),
            (0, String::new())
        );
        let mut ended = archived;
        ended.ended_at = Some(at(100));
        assert_eq!(trim(&[], &ended).0, u64::MAX);
        assert_eq!(trim(&[backup('b', 62)], &ended), (6, before(60)));
        // What begins after its end is no backup of it.
        running.created_at = at(101);
        assert_eq!(trim(&[running], &ended).0, u64::MAX);
    }
}
