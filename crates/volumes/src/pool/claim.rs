//! Claims: who works on which volume or snapshot, so that a fork never reads what a removal is
//! taking away and two calls for one id come one after the other.

use offshoot_core::volume::Stored;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Claims {
    held: Mutex<HashMap<Stored, Hold>>,
    freed: Notify,
}

enum Hold {
    Alone,
    Shared(usize),
}

/// Ends with its value.
pub(crate) struct Claim {
    claims: Arc<Claims>,
    alone: Stored,
    shared: Option<Stored>,
}

impl Claims {
    /// Waits until `alone` is nobody else's and `shared` is changed by nobody. Both or none are
    /// taken, so claims never wait for each other in a circle.
    pub(crate) async fn claim(self: &Arc<Self>, alone: Stored, shared: Option<Stored>) -> Claim {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.try_claim(alone, shared) {
                return Claim {
                    claims: Arc::clone(self),
                    alone,
                    shared,
                };
            }
            freed.await;
        }
    }

    fn try_claim(&self, alone: Stored, shared: Option<Stored>) -> bool {
        let mut held = self.held();
        if held.contains_key(&alone) {
            return false;
        }
        if let Some(shared) = shared {
            match held.entry(shared).or_insert(Hold::Shared(0)) {
                Hold::Alone => return false,
                Hold::Shared(readers) => *readers += 1,
            }
        }
        held.insert(alone, Hold::Alone);
        true
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Stored, Hold>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.claims.held();
        held.remove(&self.alone);
        if let Some(shared) = self.shared
            && let Some(Hold::Shared(readers)) = held.get_mut(&shared)
        {
            *readers -= 1;
            if *readers == 0 {
                held.remove(&shared);
            }
        }
        drop(held);
        self.claims.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_a_removal_waits_for_them() {
        let stored = |text: &str| Stored::Snapshot(text.parse().unwrap());
        let volume = |text: &str| Stored::Volume(text.parse().unwrap());
        let claims = Arc::new(Claims::default());
        let snapshot = stored("aaaaaaaaaaaa");
        let claim = |alone, shared| {
            claims.try_claim(alone, shared).then(|| Claim {
                claims: Arc::clone(&claims),
                alone,
                shared,
            })
        };
        let first = claim(volume("bbbbbbbbbbbb"), Some(snapshot)).unwrap();
        let second = claim(volume("cccccccccccc"), Some(snapshot)).unwrap();
        assert!(claim(volume("bbbbbbbbbbbb"), None).is_none());
        assert!(claim(snapshot, None).is_none());
        drop(first);
        assert!(claim(snapshot, None).is_none());
        drop(second);
        let removal = claim(snapshot, None).unwrap();
        assert!(claim(volume("dddddddddddd"), Some(snapshot)).is_none());
        drop(removal);
        assert!(claims.held().is_empty());
    }
}
