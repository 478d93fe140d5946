//! What can be set, and the limits that cannot.

use ipnet::IpNet;
use offshoot_core::engine::{EngineKind, EngineRef};
use std::time::Duration;
use tokio::net::TcpListener;

/// From whom TLS is demanded. It is offered to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequireTls {
    /// From clients that are not on this machine.
    #[default]
    Remote,
    Always,
    Never,
}

#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// The engine whose version and plugin the greeting of an unbound listener carries.
    pub default_engine: EngineRef,
    /// The kinds that branches run on. The greeting of an unbound listener offers what all share.
    pub engines: Vec<EngineKind>,
    pub require_tls: RequireTls,
    /// Threads that sessions live on.
    pub threads: usize,
    /// Clients at the gateway in all, those that are logging in included. Each takes two file
    /// descriptors.
    pub max_connections: usize,
    /// Clients of one branch; the engine's own limit is above it.
    pub max_connections_per_branch: usize,
    /// Time for greeting, TLS and login; waking the branch does not count.
    pub handshake_timeout: Duration,
    /// How long running commands may go on when the gateway ends.
    pub drain_grace: Duration,
    /// Load balancers that begin every connection with a PROXY header. From these addresses the
    /// header is demanded, from others it is not understood.
    pub proxies: Vec<IpNet>,
}

impl GatewayOptions {
    pub fn new(default_engine: EngineRef) -> Self {
        Self {
            default_engine,
            engines: vec![default_engine.kind],
            require_tls: RequireTls::default(),
            threads: threads(),
            max_connections: 8_000,
            max_connections_per_branch: 500,
            handshake_timeout: Duration::from_secs(10),
            drain_grace: Duration::from_secs(10),
            proxies: Vec::new(),
        }
    }
}

/// Engines and clients do most of the work, so a few are enough; but one alone is full with many
/// clients while a processor is idle. A query takes about 15 microseconds of it.
fn threads() -> usize {
    /// Processors for each thread of ours.
    const SHARE: usize = 4;
    const LEAST: usize = 2;
    const MOST: usize = 8;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / SHARE).clamp(LEAST, MOST)
}

/// A socket that clients connect to.
#[derive(Debug)]
pub struct Listener {
    pub socket: TcpListener,
    /// Lets in clients of branches of this engine's kind alone, and offers all that it can.
    pub engine: Option<EngineRef>,
}

/// Bytes of a command that are held back and looked at before they pass. Longer commands are
/// passed on after so many: nothing the gateway acts on is longer, and what they leave behind in
/// their session is taken as unknown.
pub(crate) const INSPECT: usize = 16 * 1024;
/// Bytes read at once in one direction. The buffer is one per worker thread, not per connection.
pub(crate) const CHUNK: usize = 64 * 1024;
/// Chunks that a session moves in one direction before the others of its thread have their turn.
pub(crate) const TURN: usize = 16;
/// Settings of a session that are said again after a sleep: number, and bytes in all. Clients
/// send a handful; a session with more is taken to hold state.
pub(crate) const MAX_SETTINGS: usize = 32;
pub(crate) const MAX_SETTINGS_BYTES: usize = 4 * 1024;
/// Time for a last packet to a client that is being closed, so that closing takes under a second
/// even when the client does not read.
pub(crate) const LAST_WORD: Duration = Duration::from_millis(250);
/// Time for what an engine that ended had said to reach the client.
pub(crate) const LAST_BYTES: Duration = Duration::from_secs(5);
/// Time for all sessions of a branch to say whether they can be parked. An idle engine answers
/// each in well under a millisecond.
pub(crate) const PARK_VOTE: Duration = Duration::from_secs(2);
/// Time for sessions that are ended together to be gone, and between two looks whether they are.
pub(crate) const CLOSE: Duration = Duration::from_secs(1);
pub(crate) const CLOSE_LOOK: Duration = Duration::from_millis(5);
/// Tries to reach an engine that [`Routes::open`] named: it may fall asleep in between.
///
/// [`Routes::open`]: offshoot_core::port::Routes::open
pub(crate) const OPEN_TRIES: u32 = 3;
/// Time for an engine that is awake to let the gateway in.
pub(crate) const ENGINE_LOGIN: Duration = Duration::from_secs(10);
/// Longest wait for a sleeping branch; `Routes` has limits of its own below it.
pub(crate) const WAKE: Duration = Duration::from_secs(180);
/// A peer that vanished is noticed after about two minutes.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
pub(crate) const KEEPALIVE_PROBES: u32 = 4;
