//! What a complete listing says of iterations that it does not have.

use super::{Gone, IterationState, Observation, Record};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A part of a tool's iterations that a poll listed completely: those of the part that it did not show
/// are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Of the source ids: `milestone/`.
    pub prefix: String,
    /// Of the iterations' scope; one of another scope was not looked for. `None` = whichever scope.
    pub scope_id: Option<String>,
    /// What it means that one is missing: `Deleted` where all are listed, `Ended` where only open ones are.
    pub absent: IterationState,
}

impl Covered {
    /// What is to be observed of those of `records` that are of this part and not among `seen`, the
    /// source ids of the whole poll, which began at `at`.
    pub fn absent<'a>(
        &self,
        records: impl IntoIterator<Item = &'a Record>,
        seen: &BTreeSet<String>,
        at: Timestamp,
    ) -> Vec<Observation> {
        records
            .into_iter()
            .filter(|record| {
                let scope = record.iteration.scope.as_ref().map(|scope| &scope.id);
                record.iteration.source_id.starts_with(&self.prefix)
                    && (self.scope_id.is_none() || scope == self.scope_id.as_ref())
                    && !seen.contains(&record.iteration.source_id)
                    && record.state != IterationState::Deleted
                    && !(self.absent == IterationState::Ended
                        && record.iteration.state == IterationState::Ended)
            })
            .map(|record| {
                let mut last = record.iteration.clone();
                if self.absent == IterationState::Ended {
                    last.state = IterationState::Ended;
                    last.seen_at = at;
                    return Observation::Seen(last);
                }
                Observation::Gone(Gone {
                    source_id: last.source_id.clone(),
                    kind: last.kind,
                    at,
                    last: None,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{second, sprint};
    use super::super::{Change, Iteration, Scope};
    use super::*;

    fn record(source_id: &str, scope: &str) -> Record {
        let scope = Some(Scope {
            kind: "repository".into(),
            id: scope.into(),
            name: None,
        });
        let iteration = Iteration {
            scope,
            ..sprint(source_id, 1)
        };
        Record::first(Observation::Seen(iteration), second(1)).0
    }

    #[test]
    fn only_what_was_looked_for_can_be_missing() {
        let covered = Covered {
            prefix: "milestone/".into(),
            scope_id: Some("acme/shop".into()),
            absent: IterationState::Deleted,
        };
        let records = [
            record("milestone/1", "acme/shop"),
            record("milestone/2", "acme/shop"),
            record("milestone/3", "acme/blog"),
            record("pull/4", "acme/shop"),
        ];
        let seen = BTreeSet::from(["milestone/1".to_owned()]);
        let absent = covered.absent(&records, &seen, second(9));
        let ids: Vec<_> = absent.iter().map(Observation::source_id).collect();
        assert_eq!(ids, ["milestone/2"]);
        let mut missing = records[1].clone();
        assert_eq!(
            missing.observe(absent[0].clone(), second(9)),
            [Change::Deleted]
        );
        // Once deleted it is not missed again.
        assert_eq!(covered.absent([&missing], &seen, second(10)), []);
    }

    #[test]
    fn what_is_missing_among_the_open_ones_has_ended() {
        let covered = Covered {
            prefix: "pull/".into(),
            scope_id: Some("acme/shop".into()),
            absent: IterationState::Ended,
        };
        let mut open = record("pull/4", "acme/shop");
        let absent = covered.absent([&open], &BTreeSet::new(), second(9));
        assert_eq!(open.observe(absent[0].clone(), second(9)), [Change::Ended]);
        assert_eq!(covered.absent([&open], &BTreeSet::new(), second(10)), []);
    }
}
