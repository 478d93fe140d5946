//! The queue between the thread that reads and a session: bounded in bytes.

use super::problem::Problem;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes of statements that wait at most; a longer statement waits alone.
const LIMIT: usize = 4 << 20;
/// Statements are handed over in batches of this many bytes, so that small ones cost no wake-up each.
const BATCH: usize = 128 << 10;
/// And of this many statements at most.
const BATCH_COUNT: usize = 1024;

/// A statement that is to run.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) text: Bytes,
    pub(super) at: Place,
}

/// Where a statement stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) number: u64,
    pub(super) line: u64,
    pub(super) offset: u64,
}

pub(super) struct Batch {
    pub(super) orders: Vec<Order>,
    /// Why there are no more, where that is a problem.
    pub(super) problem: Option<Problem>,
    _room: OwnedSemaphorePermit,
}

/// The reading end's side. Blocks its thread while the queue is full.
pub(super) struct Sender {
    batches: mpsc::Sender<Batch>,
    room: Arc<Semaphore>,
    runtime: tokio::runtime::Handle,
    waiting: Vec<Order>,
    bytes: usize,
}

/// Nobody takes statements any more.
pub(super) struct Closed;

pub(super) fn queue() -> (Sender, mpsc::Receiver<Batch>) {
    // Batches are bounded by their bytes; this only has to be enough of them.
    let (batches, receiver) = mpsc::channel(LIMIT / BATCH * 2);
    let sender = Sender {
        batches,
        room: Arc::new(Semaphore::new(LIMIT)),
        runtime: tokio::runtime::Handle::current(),
        waiting: Vec::new(),
        bytes: 0,
    };
    (sender, receiver)
}

impl Sender {
    pub(super) fn push(&mut self, order: Order) -> Result<(), Closed> {
        let long = order.text.len() >= LIMIT;
        self.bytes += order.text.len();
        self.waiting.push(order);
        if long {
            self.flush(None)?;
            // The next one may be as long, and is not read before this one is gone.
            let all = u32::try_from(LIMIT).unwrap_or(u32::MAX);
            let gone = self.room.acquire_many(all);
            drop(self.runtime.block_on(gone).map_err(|_| Closed)?);
        } else if self.bytes >= BATCH || self.waiting.len() >= BATCH_COUNT {
            self.flush(None)?;
        }
        Ok(())
    }

    /// The end: what waits, and why nothing follows.
    pub(super) fn finish(mut self, problem: Option<Problem>) {
        // Nobody is left to hear of it otherwise.
        let _ = self.flush(problem);
    }

    fn flush(&mut self, problem: Option<Problem>) -> Result<(), Closed> {
        let wanted = u32::try_from(self.bytes.min(LIMIT)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(wanted);
        let room = self.runtime.block_on(room).map_err(|_| Closed)?;
        let batch = Batch {
            orders: std::mem::take(&mut self.waiting),
            problem,
            _room: room,
        };
        self.bytes = 0;
        self.batches.blocking_send(batch).map_err(|_| Closed)
    }
}
