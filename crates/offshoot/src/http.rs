//! The HTTP port: TLS and plain HTTP on one socket, told apart by a connection's first byte.
//!
//! Every connection has limits: how long it may take to speak, to finish its handshake and to send
//! a request's head, and how many there may be. Plain HTTP from another machine is answered, but
//! only with a refusal that says what to use: the router finds [`Unprotected`] in such requests.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use offshoot_api::Unprotected;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

/// TLS handshakes at once. One costs about a millisecond of a core; a flood of them shall not take
/// the machine from the engines.
const MAX_HANDSHAKES: usize = 256;
/// From the accepted connection to its first byte, and from there to the end of the TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// For the head of a request; also how long a connection may stay without one.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// HTTP/2: how often the other side is asked whether it is still there, and its time to answer.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// HTTP/2: requests at once on one connection.
const MAX_STREAMS: u32 = 128;
/// Bytes of a request's head.
const MAX_HEAD: u32 = 32 * 1024;
/// At the end, requests under way have this long; those that wait for a branch are cut off.
const DRAIN: Duration = Duration::from_secs(10);
/// After a failed accept, as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// First byte of a TLS record that holds a handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

pub(crate) struct HttpPort {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) routes: Router,
    /// Plain HTTP is for this machine only.
    pub(crate) require_tls: bool,
    /// Connections at once; further ones wait in the listen queue.
    pub(crate) max_connections: usize,
}

/// The certificate of `tls`, and the protocols that HTTP clients choose from.
pub(crate) fn offering_http(tls: &ServerConfig) -> Arc<ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
    Arc::new(tls)
}

/// What all connections share.
struct Shared {
    acceptor: TlsAcceptor,
    routes: Router,
    require_tls: bool,
    handshakes: Semaphore,
}

impl HttpPort {
    /// Serves until `end`, and then until the requests under way are answered, or `DRAIN`.
    pub(crate) async fn serve(self, end: CancellationToken) {
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(self.tls),
            routes: self.routes,
            require_tls: self.require_tls,
            handshakes: Semaphore::new(MAX_HANDSHAKES),
        });
        let connections = Arc::new(Semaphore::new(self.max_connections));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                let slot = connections.clone().acquire_owned().await;
                (slot, self.socket.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                () = end.cancelled() => break,
                accepted = accepted => accepted,
            };
            let (Ok(slot), Ok((stream, peer))) = (slot, accepted) else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (shared, watcher) = (shared.clone(), graceful.watcher());
            let end = end.clone();
            tokio::spawn(async move {
                let begun = tokio::select! {
                    () = end.cancelled() => return,
                    begun = shared.begin(stream) => begun,
                };
                match begun {
                    Ok(Begun::Plain(stream)) => {
                        let builder = connection().http1_only();
                        let open = shared.require_tls && !peer.ip().to_canonical().is_loopback();
                        shared.run(builder, stream, peer, open, watcher, slot).await;
                    }
                    Ok(Begun::Tls(stream)) => {
                        let builder = match stream.get_ref().1.alpn_protocol() {
                            Some(HTTP_2) => connection().http2_only(),
                            _ => connection().http1_only(),
                        };
                        shared
                            .run(builder, *stream, peer, false, watcher, slot)
                            .await;
                    }
                    Err(error) => tracing::debug!(%peer, %error, "no connection came about"),
                }
            });
        }
        drop(self.socket);
        if tokio::time::timeout(DRAIN, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::info!("requests that were still under way are cut off");
        }
    }
}

enum Begun {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl Shared {
    /// Waits for the first byte, and does the handshake when it is TLS's.
    async fn begin(&self, stream: TcpStream) -> io::Result<Begun> {
        stream.set_nodelay(true)?;
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let mut first = [0];
        let read = tokio::time::timeout(HANDSHAKE_TIME, stream.peek(&mut first));
        if read.await.map_err(late)?? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first != [TLS_HANDSHAKE] {
            return Ok(Begun::Plain(stream));
        }
        let _slot = self.handshakes.try_acquire().map_err(io::Error::other)?;
        let handshake = tokio::time::timeout(HANDSHAKE_TIME, self.acceptor.accept(stream));
        Ok(Begun::Tls(Box::new(handshake.await.map_err(late)??)))
    }

    async fn run(
        &self,
        builder: Builder<TokioExecutor>,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        peer: SocketAddr,
        unprotected: bool,
        watcher: hyper_util::server::graceful::Watcher,
        _slot: OwnedSemaphorePermit,
    ) {
        let service = ServiceBuilder::new()
            .map_request(move |mut request: Request<_>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                if unprotected {
                    request.extensions_mut().insert(Unprotected);
                }
                request.map(Body::new)
            })
            .service(self.routes.clone());
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%peer, %error, "a connection broke");
        }
    }
}

fn connection() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD);
    builder
}
