//! Accepting clients, within limits, until told to stop; then letting them end.

use crate::client::ClientStream;
use crate::data::DataApi;
use crate::login;
use crate::meters::Meters;
use crate::options::{
    GatewayOptions, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, LAST_WORD, Listener,
};
use crate::registry::{Ending, Order, SessionRegistry};
use crate::session::Session;
use crate::threads::Threads;
use crate::throttle::Throttle;
use offshoot_core::credential::Verifier;
use offshoot_core::engine::EngineRef;
use offshoot_core::port::{Clock, Ids, Routes};
use offshoot_wire::{error, packet, reply};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after a failed accept (no file descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The MySQL endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) options: GatewayOptions,
    pub(crate) routes: Arc<dyn Routes>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) registry: Arc<SessionRegistry>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) throttle: Mutex<Throttle>,
    pub(crate) meters: Meters,
    /// What an unknown user's secret is verified against: nothing matches it, in the usual time.
    pub(crate) nobody: Verifier,
    connections: AtomicUsize,
}

impl Gateway {
    /// `registry` is the one that `control` has as its `Sessions`. Without `tls` no TLS is offered.
    pub fn new(
        options: GatewayOptions,
        routes: Arc<dyn Routes>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        registry: Arc<SessionRegistry>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let mut nobody = Verifier {
            native: [0; 20],
            sha2: [0; 32],
        };
        ids.fill(&mut nobody.native);
        ids.fill(&mut nobody.sha2);
        Self {
            shared: Arc::new(Shared {
                options,
                routes,
                clock,
                ids,
                registry,
                tls: tls.map(TlsAcceptor::from),
                throttle: Mutex::default(),
                meters: Meters::new(),
                nobody,
                connections: AtomicUsize::new(0),
            }),
        }
    }

    /// The same branches and credentials over HTTP. Its sessions are the gateway's, with all limits.
    ///
    /// Must be called within a runtime, on which its sessions live.
    pub fn data_api(&self) -> DataApi {
        DataApi::new(Arc::clone(&self.shared))
    }

    /// Serves until `cancel`, then closes idle sessions with error 1053, gives running commands
    /// the grace time, and returns when no session is left.
    ///
    /// # Errors
    /// When the threads that sessions live on cannot be started.
    pub async fn serve(
        &self,
        listeners: Vec<Listener>,
        cancel: CancellationToken,
    ) -> io::Result<()> {
        let threads = Arc::new(Threads::start(self.shared.options.threads)?);
        let sessions = TaskTracker::new();
        let accepting = TaskTracker::new();
        for listener in listeners {
            accepting.spawn(accept(
                Arc::clone(&self.shared),
                listener,
                cancel.clone(),
                Arc::clone(&threads),
                sessions.clone(),
            ));
        }
        accepting.close();
        accepting.wait().await;
        cancel.cancelled().await;
        self.drain(&sessions).await;
        Ok(())
    }

    async fn drain(&self, sessions: &TaskTracker) {
        sessions.close();
        self.order_all(|| Order::Drain);
        let grace = self.shared.options.drain_grace;
        if tokio::time::timeout(grace, sessions.wait()).await.is_ok() {
            return;
        }
        self.order_all(|| Order::Close(Ending::Shutdown));
        // Handshakes end by their own timeout; nobody waits for them.
        let _ = tokio::time::timeout(LAST_WORD * 4, sessions.wait()).await;
    }

    fn order_all(&self, order: impl Fn() -> Order) {
        for handle in self.shared.registry.all() {
            handle.order(order());
        }
    }
}

impl Shared {
    /// Counts a connection; `None` when there are as many as there may be.
    pub(crate) fn count(self: &Arc<Self>) -> Option<Counted> {
        self.meters.accepted.increment(1);
        self.meters.open.increment(1.0);
        let before = self.connections.fetch_add(1, Relaxed);
        let counted = Counted(Arc::clone(self));
        (before < self.options.max_connections).then_some(counted)
    }
}

/// Counts a connection while it lives.
pub(crate) struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
        self.0.meters.open.decrement(1.0);
    }
}

async fn accept(
    shared: Arc<Shared>,
    listener: Listener,
    cancel: CancellationToken,
    threads: Arc<Threads>,
    sessions: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        // Taken out of this reactor: it goes into that of its thread.
        let accepted = accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(failure) => {
                tracing::warn!(%failure, "a client could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(counted) = shared.count() else {
            tracing::warn!(
                limit = shared.options.max_connections,
                "too many connections"
            );
            threads.spawn(&sessions, turn_away(stream));
            continue;
        };
        prepare(&stream);
        let (shared, cancel) = (Arc::clone(&shared), cancel.clone());
        threads.spawn(&sessions, async move {
            let client = match TcpStream::from_std(stream) {
                Ok(stream) => ClientStream::new(stream, counted),
                Err(failure) => {
                    tracing::warn!(%failure, "a client could not be served");
                    return;
                }
            };
            serve_one(&shared, listener.engine, client, peer.ip(), &cancel).await;
        });
    }
}

async fn serve_one(
    shared: &Arc<Shared>,
    engine: Option<EngineRef>,
    client: ClientStream,
    peer: std::net::IpAddr,
    cancel: &CancellationToken,
) {
    // Boxed, so that an open session does not carry the memory of its beginning.
    let receiving = Box::pin(login::receive(shared, engine, client, peer));
    let guest = tokio::select! {
        guest = receiving => guest,
        () = cancel.cancelled() => return,
    };
    let Some(guest) = guest else { return };
    if let Some(session) = Box::pin(Session::open(shared, guest)).await {
        if cancel.is_cancelled() {
            session.drain();
        }
        session.run().await;
    }
}

fn prepare(stream: &std::net::TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    let socket = SockRef::from(stream);
    if let Err(failure) = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
    {
        tracing::debug!(%failure, "socket options of a client");
    }
}

async fn turn_away(stream: std::net::TcpStream) {
    let Ok(mut stream) = TcpStream::from_std(stream) else {
        return;
    };
    let full = reply::Err::new(error::CON_COUNT, "Too many connections");
    let bytes = packet::packet(0, |out| full.encode_early(out));
    let _ = tokio::time::timeout(LAST_WORD, stream.write_all(&bytes)).await;
}
