//! Which clients are connected, and how `control` and other sessions reach them.

use crate::options::{CLOSE, CLOSE_LOOK, PARK_VOTE};
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::id::{BranchId, PasswordId};
use offshoot_core::password::{Role, SAFE_ADMIN};
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
    lacks: Arc<Mutex<Lacks>>,
    /// The branch is deleted: forgotten with its last session.
    gone: bool,
}

/// What a branch's sessions lack at a time, and why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lacks {
    /// What is added to the engine's refusals of a privilege.
    pub(crate) growth: Option<Arc<str>>,
    /// What is said in the place of the engine's refusal of DDL. Admins have another account then.
    pub(crate) ddl: Option<Arc<str>>,
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
    /// The last word to a session that holds state; `None` = the engine's own time-out error.
    pub(crate) why: Option<Arc<str>>,
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
    lacks: Arc<Mutex<Lacks>>,
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

    pub(crate) fn lacks(&self) -> Lacks {
        lock(&self.lacks).clone()
    }

    /// The engine account that a role of the branch has now.
    pub(crate) fn account(&self, role: Role) -> &'static str {
        match role {
            Role::Admin if lock(&self.lacks).ddl.is_some() => SAFE_ADMIN,
            role => role.account(),
        }
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
            lacks: Arc::clone(&entry.lacks),
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

    /// Waits for the end of sessions that were told to end.
    async fn gone(&self, ended: &[u32]) {
        let gone = async {
            while ended.iter().any(|id| self.find(*id).is_some()) {
                tokio::time::sleep(CLOSE_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(CLOSE, gone).await;
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
                why: None,
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
        self.gone(&ended).await;
    }

    fn explain(&self, branch: BranchId, why: Option<String>) {
        let mut inner = self.lock();
        let entry = inner.branches.entry(branch).or_default();
        lock(&entry.lacks).growth = why.map(Into::into);
    }

    fn withhold_ddl(&self, branch: BranchId, why: Option<String>) {
        let mut inner = self.lock();
        let entry = inner.branches.entry(branch).or_default();
        lock(&entry.lacks).ddl = why.map(Into::into);
    }

    async fn renew(&self, branch: BranchId, role: Role, why: &str, busy: bool) {
        let why: Arc<str> = why.into();
        let (decide, verdict) = watch::channel(Some(true));
        let (done, mut carried_out) = mpsc::channel(1);
        let mut asked = Vec::new();
        for handle in self.of_branch(branch) {
            if handle.role() != role {
                continue;
            }
            let (vote, voted) = oneshot::channel();
            handle.order(Order::Park(Park {
                vote,
                verdict: verdict.clone(),
                done: done.clone(),
                why: Some(Arc::clone(&why)),
            }));
            asked.push((handle, voted));
        }
        drop((verdict, done));
        let deadline = tokio::time::Instant::now() + PARK_VOTE;
        let mut ended = Vec::new();
        for (handle, voted) in asked {
            // A session that ended meanwhile has nothing to renew.
            let parked = match tokio::time::timeout_at(deadline, voted).await {
                Ok(vote) => vote.unwrap_or(true),
                Err(_) => false,
            };
            if !parked && busy {
                handle.order(Order::Close(Ending::Told(Arc::clone(&why))));
                ended.push(handle.id);
            }
        }
        let _ = tokio::time::timeout(CLOSE, carried_out.recv()).await;
        drop(decide);
        self.gone(&ended).await;
    }
}
