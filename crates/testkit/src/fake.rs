//! Fakes of the ports over one [`World`] in memory. The world is what machines hold: it survives
//! the death of the process under test, which loses everything else. Each port call can be made to
//! fail, and the world notes whatever no correct caller would do.

mod archive;
mod binlogs;
mod instances;
mod outbound;
mod schemas;
mod seeds;
mod sessions;
mod volumes;
mod world;

pub use archive::FakeArchive;
pub use binlogs::{FakeBinlogs, FakeVault};
pub use instances::{FakeEngines, FakeInstances};
pub use outbound::{FakeCredentialFiles, FakeOutbound, Sent};
pub use schemas::FakeSchemas;
pub use seeds::FakeSeeds;
pub use sessions::FakeSessions;
pub use volumes::FakeVolumes;
pub use world::{Fault, World};

use jiff::Timestamp;
use offshoot_core::port::{Clock, Ids};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A clock that a test moves.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub fn at(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).expect("a test stays within time");
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::at(Timestamp::from_second(1_800_000_000).expect("a time"))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that look random and are the same for the same seed.
#[derive(Debug)]
pub struct SeededIds(Mutex<u64>);

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }
}

impl Ids for SeededIds {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *byte = (*state >> 32) as u8;
        }
    }
}
