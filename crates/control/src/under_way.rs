//! How far pieces of work are whose bytes are counted; nothing that could not be lost.

use crate::lock;
use offshoot_core::port::Progress;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How far a piece of work is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub done: u64,
    /// 0: not known yet.
    pub total: u64,
}

/// Work that is being done, by what it is done for.
pub(crate) struct UnderWay<K>(Mutex<HashMap<K, Arc<Counter>>>);

#[derive(Default)]
pub(crate) struct Counter {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress for Counter {
    fn at(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }
}

/// Shows how far a piece of work is, until it is dropped.
pub(crate) struct Shown<'a, K: Copy + Eq + Hash> {
    all: &'a UnderWay<K>,
    key: K,
    pub(crate) counter: Arc<Counter>,
}

impl<K: Copy + Eq + Hash> Drop for Shown<'_, K> {
    fn drop(&mut self) {
        lock(&self.all.0).remove(&self.key);
    }
}

impl<K> Default for UnderWay<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> UnderWay<K> {
    pub(crate) fn begin(&self, key: K) -> Shown<'_, K> {
        let counter = Arc::new(Counter::default());
        lock(&self.0).insert(key, Arc::clone(&counter));
        Shown {
            all: self,
            key,
            counter,
        }
    }

    pub(crate) fn done(&self, key: K) -> Option<Done> {
        let counter = lock(&self.0).get(&key).cloned()?;
        Some(Done {
            done: counter.done.load(Ordering::Relaxed),
            total: counter.total.load(Ordering::Relaxed),
        })
    }

    pub(crate) fn all(&self) -> Vec<K> {
        lock(&self.0).keys().copied().collect()
    }
}
