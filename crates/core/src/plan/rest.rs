//! When a branch goes to sleep.

use jiff::Timestamp;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct RestFacts {
    pub now: Timestamp,
    pub production: bool,
    /// The branch's own idle time; zero = never.
    pub sleep_after: Option<Duration>,
    /// The server's.
    pub default_sleep_after: Duration,
    pub awake_since: Timestamp,
    pub last_command: Option<Timestamp>,
}

/// Idle since when, if that is long enough to sleep.
pub fn plan_rest(facts: &RestFacts) -> Option<Timestamp> {
    let after = facts.sleep_after.unwrap_or(facts.default_sleep_after);
    if facts.production || after.is_zero() {
        return None;
    }
    let idle_since = facts
        .last_command
        .map_or(facts.awake_since, |at| at.max(facts.awake_since));
    let idle = Duration::try_from(facts.now.duration_since(idle_since)).unwrap_or_default();
    (idle >= after).then_some(idle_since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_idle_development_branches_sleep() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let base = RestFacts {
            now: at(1000),
            production: false,
            sleep_after: None,
            default_sleep_after: Duration::from_secs(100),
            awake_since: at(0),
            last_command: None,
        };
        for (facts, expected) in [
            (base, Some(at(0))),
            (
                RestFacts {
                    production: true,
                    ..base
                },
                None,
            ),
            (
                RestFacts {
                    sleep_after: Some(Duration::ZERO),
                    ..base
                },
                None,
            ),
            (
                RestFacts {
                    default_sleep_after: Duration::ZERO,
                    ..base
                },
                None,
            ),
            (
                RestFacts {
                    sleep_after: Some(Duration::from_secs(2000)),
                    ..base
                },
                None,
            ),
            (
                RestFacts {
                    last_command: Some(at(950)),
                    ..base
                },
                None,
            ),
            (
                RestFacts {
                    last_command: Some(at(900)),
                    ..base
                },
                Some(at(900)),
            ),
            (
                RestFacts {
                    awake_since: at(990),
                    last_command: Some(at(5)),
                    ..base
                },
                None,
            ),
        ] {
            assert_eq!(plan_rest(&facts), expected, "{facts:?}");
        }
    }
}
