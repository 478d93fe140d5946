//! Failed logins per address: each beyond a few makes the next answer to that address later, never
//! different. Pure: time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Failures that cost nothing: typing errors, and a pool that starts with an old secret.
const FREE: u32 = 5;
/// As [`FREE`], for this machine, where tests and tools share one address.
const FREE_LOOPBACK: u32 = 50;
/// One failure is forgotten in this time.
const FORGET: Duration = Duration::from_secs(5);
/// Added for each failure beyond the free ones.
const STEP: Duration = Duration::from_millis(100);
/// Longest delay: well below the handshake timeout, so that the answer still comes.
const MAX_DELAY: Duration = Duration::from_secs(3);
/// As [`MAX_DELAY`], for this machine.
const MAX_DELAY_LOOPBACK: Duration = Duration::from_millis(250);
/// Addresses that are remembered. Beyond it the table starts anew: an attacker with so many
/// addresses is not slowed by any table.
const MAX_ADDRESSES: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    failures: HashMap<IpAddr, (u32, Instant)>,
}

impl Throttle {
    /// How long the next answer to this address waits.
    pub(crate) fn delay(&self, address: IpAddr, now: Instant) -> Duration {
        let (free, longest) = if address.is_loopback() {
            (FREE_LOOPBACK, MAX_DELAY_LOOPBACK)
        } else {
            (FREE, MAX_DELAY)
        };
        let beyond = self.failures(address, now).saturating_sub(free);
        STEP.saturating_mul(beyond).min(longest)
    }

    pub(crate) fn failed(&mut self, address: IpAddr, now: Instant) {
        if self.failures.len() >= MAX_ADDRESSES && !self.failures.contains_key(&address) {
            self.failures.clear();
        }
        let left = self.failures(address, now);
        self.failures
            .insert(address, (left.saturating_add(1).min(1_000), now));
    }

    fn failures(&self, address: IpAddr, now: Instant) -> u32 {
        let Some((count, since)) = self.failures.get(&address) else {
            return 0;
        };
        let forgotten = now.saturating_duration_since(*since).as_secs() / FORGET.as_secs();
        count.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_delay_their_address_and_are_forgotten() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        let remote: IpAddr = "203.0.113.9".parse().unwrap();
        for _ in 0..FREE {
            throttle.failed(remote, now);
        }
        assert_eq!(throttle.delay(remote, now), Duration::ZERO);
        throttle.failed(remote, now);
        assert_eq!(throttle.delay(remote, now), STEP);
        for _ in 0..100_000 {
            throttle.failed(remote, now);
        }
        assert_eq!(throttle.delay(remote, now), MAX_DELAY);
        assert_eq!(
            throttle.delay("203.0.113.8".parse().unwrap(), now),
            Duration::ZERO
        );
        assert_eq!(throttle.delay(remote, now + FORGET * 1_000), Duration::ZERO);
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..3 * MAX_ADDRESSES as u32 {
            throttle.failed(IpAddr::V4(n.into()), now);
        }
        assert!(throttle.failures.len() <= MAX_ADDRESSES);
    }
}
