//! Iterations: sprints, milestones, cycles and pull requests, as planning tools announce them, and
//! what changes about them.
//!
//! Tools deliver late, twice, and in any order, and some say nothing when an iteration begins or
//! ends. So what is known of an iteration is a [`Record`], which only grows: [`Record::observe`]
//! joins an [`Observation`] to it, and any set of observations gives the same record in any order.
//! [`Record::tick`] lets time pass. Both say what changed for whoever acts on it.

mod covered;
mod record;

pub use covered::Covered;
pub use record::Record;

use crate::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an iteration is in its tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IterationKind {
    /// A sprint, milestone, cycle, version: a stretch of planned time.
    Sprint,
    /// A pull or merge request.
    PullRequest,
}

impl IterationKind {
    pub const ALL: [IterationKind; 2] = [IterationKind::Sprint, IterationKind::PullRequest];

    pub fn as_str(self) -> &'static str {
        match self {
            IterationKind::Sprint => "sprint",
            IterationKind::PullRequest => "pull_request",
        }
    }
}

/// How far an iteration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IterationState {
    /// It exists and has not begun.
    Planned,
    /// It is under way. A pull request is from the moment it is opened.
    Started,
    /// It is over: its time has passed, or it was closed or merged.
    Ended,
    /// The tool does not have it any more.
    Deleted,
}

impl IterationState {
    pub const ALL: [IterationState; 4] = [
        IterationState::Planned,
        IterationState::Started,
        IterationState::Ended,
        IterationState::Deleted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            IterationState::Planned => "planned",
            IterationState::Started => "started",
            IterationState::Ended => "ended",
            IterationState::Deleted => "deleted",
        }
    }
}

macro_rules! words {
    ($($name:ident: $field:literal),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Refusal;

            /// The word of [`Self::as_str`].
            fn from_str(word: &str) -> Result<Self, Refusal> {
                let found = Self::ALL.into_iter().find(|value| value.as_str() == word);
                found.ok_or_else(|| {
                    let words = Self::ALL.map(Self::as_str).join(", ");
                    Refusal::invalid($field, format!("{word:?} is none of {words}"))
                })
            }
        }
    )+};
}

words! { IterationKind: "kind", IterationState: "state" }

/// Where in a tool an iteration lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// The tool's word: `board`, `project`, `team`, `repository`, `group`, …
    pub kind: String,
    /// As the tool identifies it: `68`, `acme/shop`.
    pub id: String,
    /// As people know it, where the tool says it.
    pub name: Option<String>,
}

/// What a pull or merge request has and a sprint has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PullRequest {
    /// The branch that it comes from, without the fork's owner.
    pub head: Option<String>,
    /// The branch that it goes to.
    pub base: Option<String>,
    /// It comes from another repository, so whoever wrote it may be a stranger. Also where the tool does
    /// not say where it comes from.
    pub fork: bool,
    pub draft: bool,
    /// It was merged; `false` while it is open, and when it was closed without.
    pub merged: bool,
    /// The author's name in the tool.
    pub author: Option<String>,
}

/// What one observation says of an iteration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Iteration {
    pub kind: IterationKind,
    /// Identifies it within its integration, for good: `milestone/5317`, `sprint/31`.
    pub source_id: String,
    /// As people called it; made of the number where nobody called it anything. Never empty.
    pub name: String,
    /// The tool's running number within the scope, where it has one.
    pub number: Option<i64>,
    /// What the tool says. Dates may say more: [`Iteration::state_at`]. Never `Deleted` in an observation.
    pub state: IterationState,
    /// When it is to begin.
    pub starts_at: Option<Timestamp>,
    /// The moment at which it is over: the midnight after its last day where the tool has days.
    pub ends_at: Option<Timestamp>,
    /// The tool itself says when it begins, so a date alone does not begin it.
    pub announces_start: bool,
    /// The tool itself says when it ends, so a date alone does not end it.
    pub announces_end: bool,
    /// The page for people.
    pub url: Option<String>,
    pub scope: Option<Scope>,
    /// Only with [`IterationKind::PullRequest`].
    pub pull_request: Option<PullRequest>,
    /// When the tool says that it last changed; `seen_at` where it does not say. An older one never
    /// undoes a newer one.
    pub updated_at: Timestamp,
    /// A moment at which this was true: that of the event, or the one at which a poll began.
    pub seen_at: Timestamp,
}

impl Iteration {
    /// The state by what the tool says and by the dates, where the tool leaves those to speak.
    pub fn state_at(&self, now: Timestamp) -> IterationState {
        let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        match self.state {
            IterationState::Planned | IterationState::Started
                if !self.announces_end && passed(self.ends_at) =>
            {
                IterationState::Ended
            }
            IterationState::Planned if !self.announces_start && passed(self.starts_at) => {
                IterationState::Started
            }
            state => state,
        }
    }

    /// The next moment after `now` at which [`Iteration::state_at`] gives something else.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state_at(now);
        let mut moments: Vec<_> = [self.starts_at, self.ends_at]
            .into_iter()
            .flatten()
            .filter(|at| *at > now && self.state_at(*at) != state)
            .collect();
        moments.sort_unstable();
        moments.first().copied()
    }
}

impl Iteration {
    /// One of which only the name is known: planned, without dates, whose dates would begin and end it.
    pub fn sprint(source_id: String, name: String, at: Timestamp) -> Self {
        Self {
            kind: IterationKind::Sprint,
            source_id,
            name,
            number: None,
            state: IterationState::Planned,
            starts_at: None,
            ends_at: None,
            announces_start: false,
            announces_end: false,
            url: None,
            scope: None,
            pull_request: None,
            updated_at: at,
            seen_at: at,
        }
    }
}

/// One thing that an event or a poll said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    Seen(Iteration),
    Gone(Gone),
}

/// The tool does not have it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub source_id: String,
    pub kind: IterationKind,
    /// A moment at which it was gone. What was seen later brings it back.
    pub at: Timestamp,
    /// What the tool said of it when it went, where it said something. Where it did not, and it was never
    /// seen, there is nothing to keep: it may be none of the integration's.
    pub last: Option<Iteration>,
}

impl Observation {
    pub fn source_id(&self) -> &str {
        match self {
            Observation::Seen(iteration) => &iteration.source_id,
            Observation::Gone(gone) => &gone.source_id,
        }
    }
}

/// Something that an automation may answer to. A consumer that lost one finds the same by looking at
/// the record's state: changes are the way there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is known for the first time, and not over yet.
    Planned,
    /// It began.
    Started,
    Renamed {
        from: String,
    },
    /// Its dates moved. It may be planned again that way, after it had started.
    Rescheduled {
        starts_from: Option<Timestamp>,
        ends_from: Option<Timestamp>,
    },
    Ended,
    /// It goes on after it had ended or had been deleted.
    Reopened,
    Deleted,
}

impl Change {
    pub fn as_str(&self) -> &'static str {
        match self {
            Change::Planned => "planned",
            Change::Started => "started",
            Change::Renamed { .. } => "renamed",
            Change::Rescheduled { .. } => "rescheduled",
            Change::Ended => "ended",
            Change::Reopened => "reopened",
            Change::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::record::tests::sprint;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn dates_speak_where_the_tool_does_not() {
        use IterationState::{Ended, Planned, Started};
        let (start, end) = ("2026-03-02T00:00:00Z", "2026-03-16T00:00:00Z");
        // What the tool says, whether it announces start and end; before, at the start, at the end.
        let table = [
            (Planned, false, false, [Planned, Started, Ended]),
            (Planned, true, true, [Planned, Planned, Planned]),
            (Planned, false, true, [Planned, Started, Started]),
            (Planned, true, false, [Planned, Planned, Ended]),
            (Started, false, false, [Started, Started, Ended]),
            (Started, true, true, [Started, Started, Started]),
            (Ended, false, false, [Ended, Ended, Ended]),
        ];
        for (state, announces_start, announces_end, expected) in table {
            let iteration = Iteration {
                state,
                announces_start,
                announces_end,
                starts_at: Some(at(start)),
                ends_at: Some(at(end)),
                ..sprint("sprint/1", 1)
            };
            let found = ["2026-03-01T23:59:59Z", start, end].map(|t| iteration.state_at(at(t)));
            assert_eq!(found, expected, "{state} {announces_start} {announces_end}");
        }
    }

    #[test]
    fn the_next_change_is_the_next_date_that_counts() {
        let (start, end) = (at("2026-03-02T00:00:00Z"), at("2026-03-16T00:00:00Z"));
        let iteration = Iteration {
            starts_at: Some(start),
            ends_at: Some(end),
            ..sprint("sprint/1", 1)
        };
        assert_eq!(
            iteration.next_change(at("2026-03-01T00:00:00Z")),
            Some(start)
        );
        assert_eq!(iteration.next_change(start), Some(end));
        assert_eq!(iteration.next_change(end), None);
        let silent = Iteration {
            announces_start: true,
            announces_end: true,
            ..iteration
        };
        assert_eq!(silent.next_change(at("2026-03-01T00:00:00Z")), None);
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in IterationState::ALL {
            assert_eq!(state.as_str().parse::<IterationState>().unwrap(), state);
        }
        let refusal = "open".parse::<IterationState>().unwrap_err();
        assert_eq!(
            refusal.public,
            "\"open\" is none of planned, started, ended, deleted"
        );
    }
}
