//! What was read from the store a moment ago, for as long as nothing was written since.
//!
//! Every commit of this process moves the store's version, and with it everything here is forgotten:
//! so a revoked token, a renamed database or a changed branch is never answered from memory once
//! the change was acknowledged. It serves scripts that ask the same thing many times a second, and
//! calls of the data API, each of which proves its credential.

use crate::{Control, lock};
use offshoot_core::database::Database;
use offshoot_core::id::DatabaseId;
use offshoot_core::organization::Organization;
use offshoot_core::port::Credential;
use offshoot_core::token::{Grant, ServiceToken};
use offshoot_core::user::User;
use offshoot_store::branch::BranchDetail;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// Entries of each kind, about a KiB each. A map that is full is emptied.
const ENTRIES: usize = 2_000;

/// A token with what it may do, and the user whose session it is.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) token: ServiceToken,
    pub(crate) grants: Vec<Grant>,
    pub(crate) user: Option<User>,
}

pub(crate) type KnownToken = Arc<Known>;

pub(crate) struct Recent {
    pub(crate) tokens: Kept<String, KnownToken>,
    /// By username.
    pub(crate) credentials: Kept<String, Credential>,
    pub(crate) organizations: Kept<String, Organization>,
    /// By organization and name or id.
    pub(crate) databases: Kept<(String, String), Database>,
    /// By database and name or id.
    pub(crate) branches: Kept<(DatabaseId, String), Arc<BranchDetail>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            tokens: Kept::new(),
            credentials: Kept::new(),
            organizations: Kept::new(),
            databases: Kept::new(),
            branches: Kept::new(),
        }
    }
}

/// Values that were read at one version.
pub(crate) struct Kept<K, V>(Mutex<(u64, HashMap<K, V>)>);

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn new() -> Self {
        Self(Mutex::new((0, HashMap::new())))
    }

    /// `version`: the store's, now.
    pub(crate) fn get(&self, version: u64, key: &K) -> Option<V> {
        let kept = lock(&self.0);
        (kept.0 == version).then(|| kept.1.get(key).cloned())?
    }

    /// `version`: the store's, before the value was read.
    pub(crate) fn put(&self, version: u64, key: K, value: V) {
        let mut kept = lock(&self.0);
        if kept.0 > version {
            return;
        }
        if kept.0 < version || kept.1.len() >= ENTRIES {
            kept.0 = version;
            kept.1.clear();
        }
        kept.1.insert(key, value);
    }
}

impl Control {
    /// The store's version, to be taken before anything is read.
    pub(crate) fn version(&self) -> u64 {
        self.0.store.version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_commit_is_forgotten_with_it() {
        let kept = Kept::new();
        kept.put(1, "a", 1);
        assert_eq!(kept.get(1, &"a"), Some(1));
        assert_eq!(kept.get(2, &"a"), None);
        kept.put(2, "b", 2);
        // A slow reader, that began before the commit.
        kept.put(1, "b", 1);
        assert_eq!(kept.get(2, &"b"), Some(2));
        assert_eq!(kept.get(2, &"a"), None);
        for n in 0..ENTRIES * 2 {
            kept.put(2, Box::leak(n.to_string().into_boxed_str()), n);
        }
        assert!(lock(&kept.0).1.len() <= ENTRIES);
    }
}
