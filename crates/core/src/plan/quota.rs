//! How a branch stands with its disk quota, and when to look again.

use crate::branch::QuotaState;
use std::time::Duration;

/// What is known after a look at a branch's volume.
#[derive(Clone, Copy, Debug)]
pub struct QuotaFacts {
    /// Bytes that its volume takes alone.
    pub used: u64,
    /// `None` = no limit.
    pub quota: Option<u64>,
    pub state: QuotaState,
    /// The quota was just set: room is room, however little.
    pub just_set: bool,
}

/// Percent of the quota: a branch is near it from the first on, and not any more below the second.
const NEAR: [u64; 2] = [90, 85];
/// A branch that was over its quota grows again from here down, so that it does not go back and forth.
const LIFTED: u64 = 95;

pub fn plan_quota(facts: &QuotaFacts) -> QuotaState {
    let QuotaFacts { used, state, .. } = *facts;
    let Some(quota) = facts.quota else {
        return match state.confined() {
            true => QuotaState::Lifting,
            false => QuotaState::Free,
        };
    };
    let percent = |n: u64| (u128::from(quota) * u128::from(n) / 100) as u64;
    match state {
        _ if used >= quota => QuotaState::Over,
        QuotaState::Over if used > percent(LIFTED) && !facts.just_set => QuotaState::Over,
        QuotaState::Over | QuotaState::Lifting => QuotaState::Lifting,
        _ if used >= percent(NEAR[0]) => QuotaState::Near,
        QuotaState::Near if used >= percent(NEAR[1]) => QuotaState::Near,
        QuotaState::Near | QuotaState::Free => QuotaState::Free,
    }
}

/// Time between two looks at a branch: short where it could use up its quota meanwhile or the pool
/// has little left (`tight`), and never so short that looking, which took `took`, is what the
/// machine does.
pub fn plan_measure(used: u64, quota: u64, tight: bool, took: Duration) -> Duration {
    const CALM: Duration = Duration::from_secs(5);
    const SOON: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);
    /// Looking takes at most one part in so many.
    const SHARE: u32 = 20;
    /// From this percentage of the quota on it is looked at soon.
    const FULL: u64 = 75;
    let soon = tight || used / FULL >= quota / 100;
    let pause = if soon { SOON } else { CALM };
    pause.max(took.saturating_mul(SHARE)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use QuotaState::{Free, Lifting, Near, Over};

    #[test]
    fn a_branch_stops_at_its_quota_and_goes_on_below_it() {
        for (used, quota, state, just_set, expected) in [
            (10, Some(1000), Free, false, Free),
            (899, Some(1000), Free, false, Free),
            (900, Some(1000), Free, false, Near),
            (860, Some(1000), Near, false, Near),
            (849, Some(1000), Near, false, Free),
            (1000, Some(1000), Free, false, Over),
            (1000, Some(1000), Near, false, Over),
            (960, Some(1000), Over, false, Over),
            (960, Some(1000), Over, true, Lifting),
            (950, Some(1000), Over, false, Lifting),
            (960, Some(1000), Lifting, false, Lifting),
            (2000, Some(1000), Lifting, true, Over),
            (2000, None, Over, false, Lifting),
            (2000, None, Lifting, false, Lifting),
            (2000, None, Near, false, Free),
            (u64::MAX - 1, Some(u64::MAX), Free, false, Near),
        ] {
            let facts = QuotaFacts {
                used,
                quota,
                state,
                just_set,
            };
            assert_eq!(plan_quota(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn it_is_looked_at_more_often_when_little_is_left() {
        let (none, gib) = (Duration::ZERO, 1 << 30);
        assert_eq!(plan_measure(1, gib, false, none), Duration::from_secs(5));
        assert_eq!(plan_measure(1, gib, true, none), Duration::from_secs(1));
        let most = gib / 100 * 76;
        assert_eq!(plan_measure(most, gib, false, none), Duration::from_secs(1));
        let slow = Duration::from_millis(300);
        assert_eq!(plan_measure(gib, gib, false, slow), slow * 20);
        let slower = Duration::from_secs(9);
        assert_eq!(
            plan_measure(gib, gib, true, slower),
            Duration::from_secs(30)
        );
    }
}
