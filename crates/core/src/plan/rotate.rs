//! When a credential gets a successor: before its time is over, so that both are good for a while.

use crate::automation::CredentialRule;
use crate::handover::{Issued, Life};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is left at least when the successor is made, so that it can be delivered in time.
const LEAST: Duration = Duration::from_secs(5 * 60);
/// What lives for less is meant to be used at once, and gets no successor.
const SHORTEST: Duration = Duration::from_secs(10 * 60);

/// When a credential's successor is made: a fifth of its time, and at least five minutes, before its end.
/// `None`: it gets none.
fn rotation_due(rule: &CredentialRule, life: Option<Life>) -> Option<Timestamp> {
    let life = life.filter(|l| rule.rotate && rule.ttl.is_some() && l.ttl >= SHORTEST)?;
    let overlap = (life.ttl / 5).max(LEAST);
    let due = life.expires_at.checked_sub(overlap);
    Some(due.unwrap_or(Timestamp::MIN))
}

/// The credential that is to get a successor now, else when the next one is.
pub(super) fn plan_rotation(
    rules: &BTreeMap<String, CredentialRule>,
    issued: &[Issued],
    now: Timestamp,
) -> Result<String, Option<Timestamp>> {
    let dues = issued.iter().filter_map(|issued| {
        let due = rotation_due(rules.get(&issued.credential)?, issued.life)?;
        Some((due, &issued.credential))
    });
    match dues.min() {
        Some((due, credential)) if due <= now => Ok(credential.clone()),
        next => Err(next.map(|(due, _)| due)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 3_600;
    const DAY: u64 = 86_400;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + i64::try_from(second).unwrap()).unwrap()
    }

    fn rule(value: serde_json::Value) -> CredentialRule {
        serde_json::from_value(value).unwrap()
    }

    fn life(ttl: u64, ends: u64) -> Option<Life> {
        Some(Life {
            ttl: Duration::from_secs(ttl),
            expires_at: at(ends),
        })
    }

    #[test]
    fn a_fifth_and_at_least_five_minutes_are_left() {
        let with = |ttl: &str| rule(json!({"ttl": ttl}));
        for (rule, life, due) in [
            (with("30d"), life(30 * DAY, 30 * DAY), Some(24 * DAY)),
            (with("1h"), life(HOUR, HOUR), Some(48 * MINUTE)),
            (
                with("20m"),
                life(20 * MINUTE, 20 * MINUTE),
                Some(15 * MINUTE),
            ),
            (
                with("10m"),
                life(10 * MINUTE, 10 * MINUTE),
                Some(5 * MINUTE),
            ),
            // Too short to be more than used at once.
            (with("9m"), life(9 * MINUTE, 9 * MINUTE), None),
            (with("1"), life(1, 1), None),
            // Somebody renewed it: its end counts, not its beginning.
            (
                with("1h"),
                life(HOUR, 3 * HOUR),
                Some(3 * HOUR - 12 * MINUTE),
            ),
            // The rule changed since: what it makes next lives as it says, what is there as it was made.
            (with("30d"), life(HOUR, HOUR), Some(48 * MINUTE)),
            (rule(json!({})), life(HOUR, HOUR), None),
            (
                rule(json!({"ttl": "1h", "rotate": false})),
                life(HOUR, HOUR),
                None,
            ),
            // Deleted by hand, or without an end.
            (with("1h"), None, None),
        ] {
            assert_eq!(rotation_due(&rule, life), due.map(at), "{rule:?} {life:?}");
        }
    }

    #[test]
    fn the_one_that_ends_first_comes_first() {
        let rules = BTreeMap::from([
            ("a".to_owned(), rule(json!({"ttl": "1h"}))),
            ("b".to_owned(), rule(json!({"ttl": "2h"}))),
            ("c".to_owned(), rule(json!({}))),
        ]);
        let issued = |credential: &str, life| Issued {
            credential: credential.to_owned(),
            generation: 1,
            life,
        };
        let all = [
            issued("b", life(2 * HOUR, 2 * HOUR)),
            issued("a", life(HOUR, HOUR)),
            issued("c", None),
            // Not in the rule any more.
            issued("d", life(HOUR, 0)),
        ];
        for (now, expected) in [
            (0, Err(Some(at(48 * MINUTE)))),
            (48 * MINUTE - 1, Err(Some(at(48 * MINUTE)))),
            (48 * MINUTE, Ok("a".to_owned())),
            (3 * HOUR, Ok("a".to_owned())),
        ] {
            assert_eq!(plan_rotation(&rules, &all, at(now)), expected, "{now}");
        }
        // Once it has a successor, the next is due.
        let later = [issued("a", life(HOUR, 4 * HOUR)), all[0].clone()];
        assert_eq!(
            plan_rotation(&rules, &later, at(2 * HOUR)),
            Ok("b".to_owned())
        );
        assert_eq!(plan_rotation(&rules, &[], at(0)), Err(None));
    }
}
