//! Which clients are connected, and how `control` and other sessions reach them.

use crate::options::{CLOSE, CLOSE_LOOK, PARK_VOTE};
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::id::{BranchId, PasswordId};
use offshoot_core::password::Role;
use offshoot_core::port::{Sessions, Traffic};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Marks the ids in the gateway's greetings: no engine's thread id ever has this bit.
pub(crate) const GATEWAY_ID: u32 = 0x4000_0000;

/// Every client session of this gateway. Made before the gateway, since `control` needs it too.
#[derive(Default)]
pub struct SessionRegistry {
    inner: Mutex<Inner>,
    next: AtomicU32,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<u32, Arc<Handle>>,
    branches: HashMap<BranchId, Entry>,
}

#[derive(Default)]
struct Entry {
    sessions: Vec<u32>,
    /// Microseconds since 1970; 0 = never.
    last: Arc<AtomicI64>,
    /// What is added to the engine's refusals of a privilege.
    why: Arc<Mutex<Option<Arc<str>>>>,
    /// The branch is deleted: forgotten with its last session.
    gone: bool,
}

/// Why a session is ended from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Password,
    Branch,
    Shutdown,
    Killed,
    /// In words for the client.
    Told(Arc<str>),
}

/// What a session is asked for.
pub(crate) enum Order {
    Close(Ending),
    /// Close when nothing runs.
    Drain,
    Park(Park),
}

/// Two-phase detachment: the session votes and, after a yes, stands still until the verdict.
pub(crate) struct Park {
    pub(crate) vote: oneshot::Sender<bool>,
    /// `None` = not yet; the sender gone = no.
    pub(crate) verdict: watch::Receiver<Option<bool>>,
    /// Dropped when the verdict has been carried out.
    pub(crate) done: mpsc::Sender<()>,
}

/// A session as others see it.
pub(crate) struct Handle {
    pub(crate) id: u32,
    pub(crate) branch: BranchId,
    who: Mutex<(PasswordId, Role)>,
    /// The engine's id of the session; 0 = not attached.
    pub(crate) thread: AtomicU32,
    orders: Mutex<VecDeque<Order>>,
    ordered: Notify,
    last: Arc<AtomicI64>,
    why: Arc<Mutex<Option<Arc<str>>>>,
}

impl Handle {
    pub(crate) fn order(&self, order: Order) {
        lock(&self.orders).push_back(order);
        self.ordered.notify_one();
    }

    /// Waits for the next order; cancel-safe.
    pub(crate) async fn next_order(&self) -> Order {
        loop {
            if let Some(order) = lock(&self.orders).pop_front() {
                return order;
            }
            self.ordered.notified().await;
        }
    }

    /// Waits for an order to close, which stays; cancel-safe.
    pub(crate) async fn closing(&self) {
        while !lock(&self.orders)
            .iter()
            .any(|o| matches!(o, Order::Close(_)))
        {
            self.ordered.notified().await;
        }
    }

    pub(crate) fn became(&self, password: PasswordId, role: Role) {
        *lock(&self.who) = (password, role);
    }

    pub(crate) fn password(&self) -> PasswordId {
        lock(&self.who).0
    }

    pub(crate) fn role(&self) -> Role {
        lock(&self.who).1
    }

    /// What is added to the engine's refusals of a privilege.
    pub(crate) fn why(&self) -> Option<Arc<str>> {
        lock(&self.why).clone()
    }

    pub(crate) fn seen(&self, now: Timestamp) {
        self.last.store(now.as_microsecond(), Relaxed);
    }
}

/// Takes the session off the registry when it ends.
pub(crate) struct Registration {
    registry: Arc<SessionRegistry>,
    pub(crate) handle: Arc<Handle>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut inner = self.registry.lock();
        inner.sessions.remove(&self.handle.id);
        if let Some(entry) = inner.branches.get_mut(&self.handle.branch) {
            entry.sessions.retain(|id| *id != self.handle.id);
            if entry.gone && entry.sessions.is_empty() {
                inner.branches.remove(&self.handle.branch);
            }
        }
    }
}

impl SessionRegistry {
    pub fn new() -> Self {
        Self::default()
    }

    /// An id for a greeting: unused, with [`GATEWAY_ID`] set.
    pub(crate) fn draw_id(&self) -> u32 {
        loop {
            let n = self.next.fetch_add(1, Relaxed) & (GATEWAY_ID - 1);
            let id = GATEWAY_ID | n;
            if n != 0 && !self.lock().sessions.contains_key(&id) {
                return id;
            }
        }
    }

    /// Adds a session; `None` when the branch has `limit` already.
    pub(crate) fn register(
        self: &Arc<Self>,
        id: u32,
        branch: BranchId,
        who: (PasswordId, Role),
        limit: usize,
    ) -> Option<Registration> {
        let mut inner = self.lock();
        let entry = inner.branches.entry(branch).or_default();
        if entry.sessions.len() >= limit {
            return None;
        }
        entry.sessions.push(id);
        let handle = Arc::new(Handle {
            id,
            branch,
            who: Mutex::new(who),
            thread: AtomicU32::new(0),
            orders: Mutex::default(),
            ordered: Notify::new(),
            last: Arc::clone(&entry.last),
            why: Arc::clone(&entry.why),
        });
        inner.sessions.insert(id, Arc::clone(&handle));
        Some(Registration {
            registry: Arc::clone(self),
            handle,
        })
    }

    pub(crate) fn find(&self, id: u32) -> Option<Arc<Handle>> {
        self.lock().sessions.get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Handle>> {
        self.lock().sessions.values().cloned().collect()
    }

    fn of_branch(&self, branch: BranchId) -> Vec<Arc<Handle>> {
        let inner = self.lock();
        let ids = inner.branches.get(&branch).map(|e| e.sessions.as_slice());
        ids.unwrap_or_default()
            .iter()
            .filter_map(|id| inner.sessions.get(id).cloned())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

/// Nothing panics while holding these locks; if it did, the maps are still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Sessions for SessionRegistry {
    fn traffic(&self, branch: BranchId) -> Traffic {
        let inner = self.lock();
        let Some(entry) = inner.branches.get(&branch) else {
            return Traffic::default();
        };
        let last = entry.last.load(Relaxed);
        Traffic {
            connections: u32::try_from(entry.sessions.len()).unwrap_or(u32::MAX),
            last_command: (last != 0)
                .then(|| Timestamp::from_microsecond(last).ok())
                .flatten(),
        }
    }

    async fn close_password(&self, password: PasswordId) {
        for handle in self.all() {
            if handle.password() == password {
                handle.order(Order::Close(Ending::Password));
            }
        }
    }

    async fn close_branch(&self, branch: BranchId) {
        for handle in self.of_branch(branch) {
            handle.order(Order::Close(Ending::Branch));
        }
        let mut inner = self.lock();
        if let Some(entry) = inner.branches.get_mut(&branch) {
            entry.gone = true;
            if entry.sessions.is_empty() {
                inner.branches.remove(&branch);
            }
        }
    }

    async fn park(&self, branch: BranchId) -> bool {
        let handles = self.of_branch(branch);
        let (decide, verdict) = watch::channel(None);
        let (done, mut carried_out) = mpsc::channel(1);
        let mut votes = Vec::with_capacity(handles.len());
        for handle in &handles {
            let (vote, voted) = oneshot::channel();
            votes.push(voted);
            handle.order(Order::Park(Park {
                vote,
                verdict: verdict.clone(),
                done: done.clone(),
            }));
        }
        drop((verdict, done));
        let all = async {
            for vote in votes {
                // A session that ended meanwhile has nothing against it.
                if matches!(vote.await, Ok(false)) {
                    return false;
                }
            }
            true
        };
        let quiet = tokio::time::timeout(PARK_VOTE, all).await.unwrap_or(false);
        let unchanged = self
            .of_branch(branch)
            .iter()
            .all(|now| handles.iter().any(|then| then.id == now.id));
        let agreed = quiet && unchanged;
        decide.send_replace(Some(agreed));
        if agreed {
            let _ = tokio::time::timeout(PARK_VOTE, carried_out.recv()).await;
        }
        agreed
    }

    async fn close_writers(&self, branch: BranchId, why: &str) {
        let why: Arc<str> = why.into();
        let ended: Vec<u32> = self
            .of_branch(branch)
            .iter()
            .filter(|handle| handle.role() != Role::Reader)
            .map(|handle| {
                handle.order(Order::Close(Ending::Told(Arc::clone(&why))));
                handle.id
            })
            .collect();
        let gone = async {
            while ended.iter().any(|id| self.find(*id).is_some()) {
                tokio::time::sleep(CLOSE_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE, gone).await;
    }

    fn explain(&self, branch: BranchId, why: Option<String>) {
        let mut inner = self.lock();
        let entry = inner.branches.entry(branch).or_default();
        *lock(&entry.why) = why.map(Into::into);
    }
}
