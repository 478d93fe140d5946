//! What is known of an iteration, and how observations and time change it.

use super::{Change, Gone, Iteration, IterationState, Observation};
use jiff::Timestamp;
use std::cmp::Ordering;

/// What is known of one iteration: a join of all observations, whatever order they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The newest of what was seen: by the tool's own time of change, then by when it was seen.
    pub iteration: Iteration,
    /// The state that was last announced: by the observations, and by the dates up to the last call.
    pub state: IterationState,
    /// The latest moment at which it was seen, whichever version.
    pub seen_at: Timestamp,
    /// The latest moment at which it was seen to be gone.
    pub gone_at: Option<Timestamp>,
}

impl Record {
    /// The record that a first observation makes, and what is new with it. One that is over already when
    /// it is first seen was never planned, for us.
    pub fn first(observation: Observation, now: Timestamp) -> (Self, Vec<Change>) {
        let (iteration, gone_at) = match observation {
            Observation::Seen(iteration) => (iteration, None),
            Observation::Gone(gone) => {
                let at = gone.at;
                (unseen(gone), Some(at))
            }
        };
        let mut record = Record {
            seen_at: iteration.seen_at,
            state: IterationState::Planned,
            gone_at,
            iteration,
        };
        record.state = record.state_at(now);
        let changes = match record.state {
            IterationState::Planned => vec![Change::Planned],
            IterationState::Started => vec![Change::Planned, Change::Started],
            IterationState::Ended | IterationState::Deleted => Vec::new(),
        };
        (record, changes)
    }

    /// Joins an observation of the same iteration, and says what changed. Nothing does when it is known
    /// already, or older than what is known.
    pub fn observe(&mut self, observation: Observation, now: Timestamp) -> Vec<Change> {
        debug_assert_eq!(observation.source_id(), self.iteration.source_id);
        let before = self.clone();
        let seen = match observation {
            Observation::Seen(iteration) => Some(iteration),
            Observation::Gone(gone) => {
                self.gone_at = self.gone_at.max(Some(gone.at));
                gone.last
            }
        };
        if let Some(iteration) = seen {
            self.seen_at = self.seen_at.max(iteration.seen_at);
            if newer(&iteration, &self.iteration) == Ordering::Greater {
                self.iteration = iteration;
            }
        }
        self.state = self.state_at(now);
        self.changes_since(&before)
    }

    /// Lets time pass: what the dates say at `now`.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let before = self.clone();
        self.state = self.state_at(now);
        self.changes_since(&before)
    }

    /// The state at a moment.
    pub fn state_at(&self, now: Timestamp) -> IterationState {
        if self.gone() {
            return IterationState::Deleted;
        }
        self.iteration.state_at(now)
    }

    /// When [`Record::tick`] has something to do, as far as is known at `now`.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if self.gone() {
            return None;
        }
        self.iteration.next_change(now)
    }

    /// It was not seen since it was gone.
    fn gone(&self) -> bool {
        self.gone_at.is_some_and(|gone| gone >= self.seen_at)
    }

    fn changes_since(&self, before: &Self) -> Vec<Change> {
        use IterationState::{Deleted, Ended, Planned, Started};
        let mut changes = Vec::new();
        let (was, is) = (&before.iteration, &self.iteration);
        if self.state == Deleted {
            changes.extend((before.state != Deleted).then_some(Change::Deleted));
            return changes;
        }
        // What was only known to be gone had neither a name nor dates.
        let known = was.seen_at > Timestamp::MIN;
        if known && is.name != was.name {
            changes.push(Change::Renamed {
                from: was.name.clone(),
            });
        }
        if known && (is.starts_at, is.ends_at) != (was.starts_at, was.ends_at) {
            changes.push(Change::Rescheduled {
                starts_from: was.starts_at,
                ends_from: was.ends_at,
            });
        }
        match (before.state, self.state) {
            (Ended | Deleted, Planned | Started) => changes.push(Change::Reopened),
            (Planned, Started) => changes.push(Change::Started),
            (Planned | Started | Deleted, Ended) => changes.push(Change::Ended),
            _ => {}
        }
        changes
    }
}

/// Which of two versions is the newer: by the tool's time of change, then by when it was seen, then the
/// one that is further; after that any order will do that is always the same.
fn newer(a: &Iteration, b: &Iteration) -> Ordering {
    let key = |i: &Iteration| (i.updated_at, i.seen_at, i.state);
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

/// What stands for an iteration that was never seen: whatever is seen of it is newer.
fn unseen(gone: Gone) -> Iteration {
    gone.last.unwrap_or_else(|| Iteration {
        kind: gone.kind,
        ..Iteration::sprint(gone.source_id.clone(), gone.source_id, Timestamp::MIN)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::IterationKind;
    use super::*;

    pub(crate) fn second(s: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + s).unwrap()
    }

    /// A planned sprint without dates, of a tool that announces nothing, last changed at `updated`.
    pub(crate) fn sprint(source_id: &str, updated: i64) -> Iteration {
        Iteration::sprint(source_id.into(), "Sprint 1".into(), second(updated))
    }

    fn seen(change: impl FnOnce(&mut Iteration), updated: i64) -> Observation {
        let mut iteration = sprint("sprint/1", updated);
        change(&mut iteration);
        Observation::Seen(iteration)
    }

    fn gone(at: i64) -> Observation {
        Observation::Gone(Gone {
            source_id: "sprint/1".into(),
            kind: IterationKind::Sprint,
            at: second(at),
            last: None,
        })
    }

    fn state(state: IterationState) -> impl FnOnce(&mut Iteration) {
        move |iteration| iteration.state = state
    }

    /// The changes of each of a row of observations, all joined at second 100.
    fn run(observations: Vec<Observation>) -> Vec<Vec<&'static str>> {
        let mut record: Option<Record> = None;
        let names = |changes: Vec<Change>| changes.iter().map(Change::as_str).collect();
        observations
            .into_iter()
            .map(|observation| match &mut record {
                Some(record) => names(record.observe(observation, second(100))),
                None => {
                    let (first, changes) = Record::first(observation, second(100));
                    record = Some(first);
                    names(changes)
                }
            })
            .collect()
    }

    #[test]
    fn every_change_is_said_once() {
        use IterationState::{Ended, Planned, Started};
        let table: Vec<(Vec<Observation>, Vec<Vec<&str>>)> = vec![
            (
                vec![seen(|_| {}, 1), seen(|_| {}, 1), seen(|_| {}, 2)],
                vec![vec!["planned"], vec![], vec![]],
            ),
            (
                vec![
                    seen(|_| {}, 1),
                    seen(|i| i.name = "Sprint 1b".into(), 2),
                    seen(|i| i.ends_at = Some(second(900)), 3),
                ],
                vec![
                    vec!["planned"],
                    vec!["renamed"],
                    vec!["renamed", "rescheduled"],
                ],
            ),
            (
                vec![
                    seen(|_| {}, 1),
                    seen(state(Started), 2),
                    seen(state(Ended), 3),
                    seen(state(Started), 4),
                    gone(5),
                    gone(6),
                ],
                vec![
                    vec!["planned"],
                    vec!["started"],
                    vec!["ended"],
                    vec!["reopened"],
                    vec!["deleted"],
                    vec![],
                ],
            ),
            // An older version undoes nothing, and a late one of before the deletion does not revive.
            (
                vec![
                    seen(state(Ended), 5),
                    seen(state(Planned), 4),
                    gone(7),
                    seen(|_| {}, 6),
                ],
                vec![vec![], vec![], vec!["deleted"], vec![]],
            ),
            // The same second: what is further counts.
            (
                vec![seen(state(Ended), 5), seen(state(Started), 5)],
                vec![vec![], vec![]],
            ),
            // It was there after it had been gone.
            (
                vec![gone(5), seen(|i| i.seen_at = second(6), 2)],
                vec![vec![], vec!["reopened"]],
            ),
            (vec![gone(5), seen(|_| {}, 5)], vec![vec![], vec![]]),
            // Dates that have passed when it is first seen.
            (
                vec![seen(|i| i.starts_at = Some(second(50)), 1)],
                vec![vec!["planned", "started"]],
            ),
            (
                vec![seen(|i| i.ends_at = Some(second(50)), 1)],
                vec![vec![]],
            ),
            // Moved to the future after it had started.
            (
                vec![
                    seen(|i| i.starts_at = Some(second(50)), 1),
                    seen(|i| i.starts_at = Some(second(150)), 2),
                ],
                vec![vec!["planned", "started"], vec!["rescheduled"]],
            ),
        ];
        for (n, (observations, expected)) in table.into_iter().enumerate() {
            assert_eq!(run(observations), expected, "row {n}");
        }
    }

    #[test]
    fn time_begins_and_ends_what_the_tool_does_not() {
        let observation = seen(
            |i| {
                i.starts_at = Some(second(10));
                i.ends_at = Some(second(20));
            },
            1,
        );
        let (mut record, changes) = Record::first(observation, second(2));
        assert_eq!(changes, [Change::Planned]);
        assert_eq!(record.next_change(second(2)), Some(second(10)));
        assert_eq!(record.tick(second(9)), []);
        assert_eq!(record.tick(second(10)), [Change::Started]);
        assert_eq!(record.tick(second(10)), []);
        assert_eq!(record.tick(second(20)), [Change::Ended]);
        assert_eq!(record.next_change(second(20)), None);
        // Slept through both.
        record.state = IterationState::Planned;
        assert_eq!(record.tick(second(99)), [Change::Ended]);
    }
}
