//! Which line a session's statement runs on.
//!
//! A light session takes a line that waits for its credential, or a new one, and gives it back. A
//! session that holds something keeps its line, one statement at a time, until it holds nothing or
//! was idle for too long.

use super::line::Line;
use crate::listen::Shared;
use offshoot_core::id::{BranchId, PasswordId};
use offshoot_core::port::Credential;
use offshoot_wire::{error, reply};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::OwnedMutexGuard;

/// Time without a statement after which a session that holds something is ended, so that a client
/// that vanished keeps no locks. A person at a prompt may think for a while.
pub(super) const SESSION_IDLE: Duration = Duration::from_secs(600);
/// Time that a line waits for the next statement of its credential.
const LINE_IDLE: Duration = Duration::from_secs(30);
/// Lines that wait for one credential. More clients at once than that open new ones.
const WAITING: usize = 64;
/// Between two looks at what is idle.
const LOOK: Duration = Duration::from_secs(5);
/// A line that is given up is gone in milliseconds; so long is waited for the place it takes.
const MAKE_ROOM: [Duration; 4] = [
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(400),
];

#[derive(Default)]
pub(super) struct Seats {
    waiting: Mutex<HashMap<PasswordId, Vec<Line>>>,
    pinned: Mutex<HashMap<u64, Pinned>>,
}

struct Pinned {
    password: PasswordId,
    /// `None` while a statement runs, and for good when its client went in the middle of it.
    line: Arc<tokio::sync::Mutex<Option<Line>>>,
}

/// A line for one statement. Dropped, the line ends with it.
pub(super) struct Seat {
    pub(super) line: Line,
    place: Option<(u64, OwnedMutexGuard<Option<Line>>)>,
    password: PasswordId,
}

/// The session is not pinned any more, or the line it was pinned to is gone.
pub(super) struct Gone;

impl Seats {
    /// Ends what is idle, for as long as there is somebody who uses the seats.
    pub(super) fn watch(self: &Arc<Self>) {
        let seats: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(seats) = seats.upgrade() else { return };
                seats.sweep(Instant::now());
            }
        });
    }

    /// The line that a session is pinned to, when nobody else uses it any more.
    pub(super) async fn pinned(&self, key: u64, password: PasswordId) -> Result<Seat, Gone> {
        let line = match lock(&self.pinned).get(&key) {
            Some(pinned) if pinned.password == password => Arc::clone(&pinned.line),
            _ => return Err(Gone),
        };
        let mut place = line.lock_owned().await;
        if let Some(mut line) = place.take()
            && line.is_alive()
        {
            return Ok(Seat {
                line,
                place: Some((key, place)),
                password,
            });
        }
        lock(&self.pinned).remove(&key);
        Err(Gone)
    }

    /// A line for a session that holds nothing: the one it used last (`wanted`: id and statements
    /// so far) where it waits unused, else the one that waits the longest, else a new one.
    ///
    /// # Errors
    /// What the gateway tells a client that it turns away.
    pub(super) async fn light(
        &self,
        shared: &Arc<Shared>,
        (username, credential): (&str, &Credential),
        address: IpAddr,
        wanted: (u32, u32),
    ) -> Result<Seat, reply::Err> {
        let password = credential.password;
        let line = match self.take(password, wanted) {
            Some(line) => line,
            None => self.open(shared, username, credential, address).await?,
        };
        Ok(Seat {
            line,
            place: None,
            password,
        })
    }

    fn take(&self, password: PasswordId, wanted: (u32, u32)) -> Option<Line> {
        let mut waiting = lock(&self.waiting);
        let lines = waiting.get_mut(&password)?;
        while !lines.is_empty() {
            let same = lines.iter().position(|l| (l.id, l.uses) == wanted);
            let mut line = lines.remove(same.unwrap_or(0));
            if line.is_alive() {
                return Some(line);
            }
        }
        None
    }

    async fn open(
        &self,
        shared: &Arc<Shared>,
        username: &str,
        credential: &Credential,
        address: IpAddr,
    ) -> Result<Line, reply::Err> {
        let mut cleared = false;
        for pause in MAKE_ROOM {
            match Line::open(shared, username, credential, address).await {
                // Lines that wait for other credentials of the branch may be in the way.
                Err(full) if full.code == error::CON_COUNT => {
                    cleared |= self.clear(credential.branch);
                    if !cleared {
                        return Err(full);
                    }
                    tokio::time::sleep(pause).await;
                }
                opened => return opened,
            }
        }
        Line::open(shared, username, credential, address).await
    }

    /// Gives up the lines that wait for a branch; whether there were any.
    fn clear(&self, branch: BranchId) -> bool {
        let mut any = false;
        lock(&self.waiting).retain(|_, lines| {
            let before = lines.len();
            lines.retain(|line| line.branch != branch);
            any |= lines.len() < before;
            !lines.is_empty()
        });
        any
    }

    /// Gives a line back after a statement; returns the key that the session is pinned with, 0 when
    /// it holds nothing. `draw` makes a new key.
    pub(super) fn give_back(&self, seat: Seat, draw: impl FnOnce() -> u64) -> u64 {
        let Seat {
            mut line,
            place,
            password,
        } = seat;
        line.idle_since = Instant::now();
        if line.is_clean() {
            if let Some((key, _)) = &place {
                lock(&self.pinned).remove(key);
            }
            let mut waiting = lock(&self.waiting);
            let lines = waiting.entry(password).or_default();
            if lines.len() < WAITING {
                lines.push(line);
            }
            return 0;
        }
        match place {
            Some((key, mut place)) => {
                *place = Some(line);
                key
            }
            None => {
                let key = draw().max(1);
                let pinned = Pinned {
                    password,
                    line: Arc::new(tokio::sync::Mutex::new(Some(line))),
                };
                lock(&self.pinned).insert(key, pinned);
                key
            }
        }
    }

    /// Ends a session; what it held is gone.
    pub(super) fn end(&self, key: u64, password: PasswordId) {
        let mut pinned = lock(&self.pinned);
        if pinned.get(&key).is_some_and(|p| p.password == password) {
            pinned.remove(&key);
        }
    }

    /// How many sessions are pinned to a line.
    pub(super) fn count(&self) -> usize {
        lock(&self.pinned).len()
    }

    fn sweep(&self, now: Instant) {
        let idle = |line: &Line, limit| now.saturating_duration_since(line.idle_since) >= limit;
        lock(&self.waiting).retain(|_, lines| {
            lines.retain_mut(|line| !idle(line, LINE_IDLE) && line.is_alive());
            !lines.is_empty()
        });
        lock(&self.pinned).retain(|_, pinned| match pinned.line.try_lock() {
            // A statement runs.
            Err(_) => true,
            Ok(mut place) => match &mut *place {
                Some(line) => !idle(line, SESSION_IDLE) && line.is_alive(),
                None => false,
            },
        });
    }
}

/// Nothing panics while holding these locks; if it did, the maps are still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
