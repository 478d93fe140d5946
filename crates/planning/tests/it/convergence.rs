//! Whatever order observations come in, and however often, what is known in the end is the same.

use jiff::Timestamp;
use offshoot_core::iteration::{
    Change, Gone, Iteration, IterationKind, IterationState, Observation, Record,
};
use proptest::prelude::*;

fn second(s: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + s).unwrap()
}

/// Few different times, so that many are equal.
fn observation() -> impl Strategy<Value = Observation> {
    let state = prop::sample::select(vec![
        IterationState::Planned,
        IterationState::Started,
        IterationState::Ended,
    ]);
    let date = prop::option::of(0..40_i64);
    let seen = (
        state,
        0..6_i64,
        0..6_i64,
        0..3_u8,
        date.clone(),
        date,
        any::<bool>(),
    )
        .prop_map(
            |(state, updated, later, name, start, end, announces)| Iteration {
                kind: IterationKind::Sprint,
                source_id: "sprint/1".into(),
                name: format!("Sprint {name}"),
                number: None,
                state,
                starts_at: start.map(second),
                ends_at: end.map(second),
                announces_start: announces,
                announces_end: announces,
                url: None,
                scope: None,
                pull_request: None,
                updated_at: second(updated),
                seen_at: second(updated + later),
            },
        );
    let gone = (0..12_i64, prop::option::of(seen.clone())).prop_map(|(at, last)| {
        Observation::Gone(Gone {
            source_id: "sprint/1".into(),
            kind: IterationKind::Sprint,
            at: second(at),
            last,
        })
    });
    prop_oneof![4 => seen.prop_map(Observation::Seen), 1 => gone]
}

/// Joins all, and follows the changes that are announced.
fn join(observations: &[Observation], now: Timestamp) -> (Record, Option<IterationState>) {
    let mut followed = None;
    let mut follow = |changes: Vec<Change>| {
        for change in changes {
            followed = match change {
                Change::Planned => Some(IterationState::Planned),
                Change::Started => Some(IterationState::Started),
                Change::Ended => Some(IterationState::Ended),
                Change::Deleted => Some(IterationState::Deleted),
                Change::Reopened => Some(IterationState::Planned),
                Change::Renamed { .. } | Change::Rescheduled { .. } => followed,
            };
        }
    };
    let (mut record, changes) = Record::first(observations[0].clone(), now);
    follow(changes);
    for observation in &observations[1..] {
        follow(record.observe(observation.clone(), now));
    }
    (record, followed)
}

proptest! {
    #[test]
    fn observations_converge(
        (observations, shuffled, now) in (prop::collection::vec(observation(), 1..12), 0..40_i64)
            .prop_flat_map(|(all, now)| {
                let twice = [all.clone(), all.clone()].concat();
                (Just(all), Just(twice).prop_shuffle(), Just(second(now)))
            }),
    ) {
        let (expected, _) = join(&observations, now);
        let (mut record, followed) = join(&shuffled, now);
        prop_assert_eq!(&record, &expected);
        // What was announced leads to where it is: active, over, or gone.
        let active = |s: Option<IterationState>| s.filter(|s| *s > IterationState::Started);
        if followed.is_some() {
            prop_assert_eq!(active(followed), active(Some(record.state)));
        }
        // All of it once more changes nothing.
        for observation in &observations {
            prop_assert_eq!(record.observe(observation.clone(), now), []);
        }
        prop_assert_eq!(record.tick(now), []);
    }
}
