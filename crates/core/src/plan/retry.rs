//! What happens after a workflow's step failed.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again after a pause.
    After(Duration),
    /// Undo.
    GiveUp,
}

/// `attempts` counts the failed tries, this one included. The pause doubles with each.
pub fn plan_retry(
    attempts: u32,
    transient: bool,
    limit: u32,
    first: Duration,
    longest: Duration,
) -> Retry {
    if !transient || attempts >= limit {
        return Retry::GiveUp;
    }
    let factor = 1u32 << attempts.saturating_sub(1).min(16);
    Retry::After(first.saturating_mul(factor).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let s = Duration::from_secs;
        for (attempts, transient, expected) in [
            (1, true, Retry::After(s(1))),
            (2, true, Retry::After(s(2))),
            (4, true, Retry::After(s(5))),
            (5, true, Retry::GiveUp),
            (1, false, Retry::GiveUp),
        ] {
            assert_eq!(plan_retry(attempts, transient, 5, s(1), s(5)), expected);
        }
    }
}
