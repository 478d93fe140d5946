//! The threads that sessions live on, each with a reactor of its own.
//!
//! A session stays on one thread from its first byte to its last. So what wakes it runs it: no
//! queue is shared and no other thread is called to help, which costs more than a query's own work.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) struct Threads {
    all: Vec<Thread>,
    /// The threads end with it, and what still runs on them.
    _end: DropGuard,
}

struct Thread {
    runtime: Handle,
    /// Clients on this thread.
    clients: Arc<AtomicUsize>,
}

/// A client's place on its thread.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Threads {
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let end = CancellationToken::new();
        let threads = (0..count.max(1)).map(|n| Thread::start(n, end.clone()));
        let all = threads.collect::<io::Result<_>>();
        Ok(Self {
            // After a failure the threads that did start end too.
            _end: end.drop_guard(),
            all: all?,
        })
    }

    /// Runs a client to its end on the thread that has the fewest.
    pub(crate) fn spawn(
        &self,
        tracker: &TaskTracker,
        client: impl Future<Output = ()> + Send + 'static,
    ) {
        let least = |t: &&Thread| t.clients.load(Relaxed);
        let Some(thread) = self.all.iter().min_by_key(least) else {
            return;
        };
        thread.clients.fetch_add(1, Relaxed);
        let place = Place(Arc::clone(&thread.clients));
        let client = async move {
            client.await;
            drop(place);
        };
        tracker.spawn_on(client, &thread.runtime);
    }
}

impl Thread {
    fn start(n: usize, end: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name(format!("gateway-{n}"))
            .spawn(move || runtime.block_on(end.cancelled()))?;
        Ok(Self {
            runtime: handle,
            clients: Arc::default(),
        })
    }
}
