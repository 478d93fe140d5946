//! Identities: with root, every volume belongs to a user and group number of its own, so that one
//! branch's engine cannot read another's files.
//!
//! The number is recorded where nobody but root can change it, and where it cannot disagree with
//! what it stands for: as the group of the volume's directory, which belongs to root.

use rustix::process::{Gid, Uid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// User and group numbers that a pool may give to volumes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRange {
    pub first: u32,
    pub last: u32,
}

impl Default for OwnerRange {
    /// 65,536 numbers above those that distributions give to users and, by default, to containers.
    fn default() -> Self {
        Self {
            first: 700_000,
            last: 765_535,
        }
    }
}

/// A volume's identity: the same number as user and as group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) u32);

impl Owner {
    pub(crate) fn uid(self) -> Uid {
        Uid::from_raw(self.0)
    }

    pub(crate) fn gid(self) -> Gid {
        Gid::from_raw(self.0)
    }
}

/// The numbers in use.
pub(crate) struct Owners {
    range: OwnerRange,
    taken: Mutex<BTreeSet<u32>>,
}

impl Owners {
    pub(crate) fn new(range: OwnerRange, taken: BTreeSet<u32>) -> Self {
        Self {
            range,
            taken: Mutex::new(taken),
        }
    }

    /// The lowest free number. `None` when all are taken.
    pub(crate) fn take(&self) -> Option<Owner> {
        let mut taken = self.taken();
        let free = (self.range.first..=self.range.last).find(|id| !taken.contains(id))?;
        taken.insert(free);
        Some(Owner(free))
    }

    pub(crate) fn release(&self, owner: Owner) {
        self.taken().remove(&owner.0);
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_comes_first_until_none_is_left() {
        let range = OwnerRange {
            first: 10,
            last: 12,
        };
        let owners = Owners::new(range, BTreeSet::from([11]));
        assert_eq!(owners.take(), Some(Owner(10)));
        assert_eq!(owners.take(), Some(Owner(12)));
        assert_eq!(owners.take(), None);
        owners.release(Owner(11));
        assert_eq!(owners.take(), Some(Owner(11)));
    }
}
