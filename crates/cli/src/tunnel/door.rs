//! A local port to which MySQL clients connect; each is logged in at the gateway and then pumped.

use crate::failure::Failure;
use crate::tunnel::Tunnel;
use crate::tunnel::login::{self, Refused};
use crate::tunnel::upstream::Gateway;
use offshoot_wire::auth::Plugin;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Ports after the wished one that are tried before the system chooses.
const NEIGHBOURS: u16 = 100;
/// Local connections at a time; a branch takes fewer.
const MAX_CONNECTIONS: usize = 1024;
/// Pause after an accept that failed, as when the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that are pumped at once in each direction.
const CHUNK: usize = 64 * 1024;
/// Messages that wait to be shown; more are dropped.
const MESSAGES: usize = 16;

/// Which local port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Exactly(u16),
    /// This one, or the next that is free.
    From(u16),
    Any,
}

/// How local clients come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// What they have to know; `None`: anybody may.
    pub(crate) secret: Option<String>,
    /// Plugin that is offered; `None`: the gateway's.
    pub(crate) plugin: Option<Plugin>,
}

pub(crate) struct Door {
    listener: TcpListener,
    tunnel: Tunnel,
    gateway: Arc<Gateway>,
    entry: Arc<Entry>,
}

impl Door {
    /// Binds the port, and proves that the gateway answers and can be trusted.
    pub(crate) async fn open(
        tunnel: Tunnel,
        host: &str,
        port: Port,
        entry: Entry,
    ) -> Result<Self, Failure> {
        let listener = bind(host, port).await?;
        let gateway = Arc::new(Gateway::of(&tunnel)?);
        gateway.open().await.map_err(|why| why.failure(&gateway))?;
        let entry = Arc::new(entry);
        Ok(Self {
            listener,
            tunnel,
            gateway,
            entry,
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until it is dropped, and with it every connection. `say` is told what goes wrong.
    pub(crate) async fn serve(&self, mut say: impl FnMut(&str)) {
        let (messages, mut received) = mpsc::channel::<String>(MESSAGES);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(text) = received.recv() => {
                    say(&text);
                    continue;
                }
                Some(_) = connections.join_next() => continue,
            };
            let Ok((client, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                let _ = messages.try_send(format!(
                    "More than {MAX_CONNECTIONS} connections at a time."
                ));
                continue;
            };
            let (tunnel, messages) = (self.tunnel.clone(), messages.clone());
            let (gateway, entry) = (Arc::clone(&self.gateway), Arc::clone(&self.entry));
            connections.spawn(async move {
                if let Err(Refused(text)) = pass(client, &tunnel, &gateway, &entry).await {
                    let _ = messages.try_send(text);
                }
                drop(place);
            });
        }
    }
}

/// One connection from its first to its last byte.
async fn pass(
    mut client: TcpStream,
    tunnel: &Tunnel,
    gateway: &Gateway,
    entry: &Entry,
) -> Result<(), Refused> {
    // A connection that was reset meanwhile ends with the first read.
    let _ = client.set_nodelay(true);
    if let Some(mut engine) = login::introduce(&mut client, tunnel, gateway, entry).await? {
        // However it ends, it has ended for both.
        let _ =
            tokio::io::copy_bidirectional_with_sizes(&mut client, &mut engine, CHUNK, CHUNK).await;
    }
    Ok(())
}

async fn bind(host: &str, port: Port) -> Result<TcpListener, Failure> {
    let candidates = match port {
        Port::Exactly(port) => vec![port],
        Port::Any => vec![0],
        Port::From(first) => (first..=first.saturating_add(NEIGHBOURS))
            .chain([0])
            .collect(),
    };
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in &candidates {
        match TcpListener::bind((host, *port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                let busy = error.kind() == io::ErrorKind::AddrInUse;
                last = error;
                if !busy {
                    break;
                }
            }
        }
    }
    let port = candidates.first().copied().unwrap_or_default();
    Err(Failure::Listen {
        at: format!("{host}:{port}"),
        source: last,
    })
}
