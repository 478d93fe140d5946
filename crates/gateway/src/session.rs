//! One client's session, from its proved credential to its end.
//!
//! A session is *attached* to its branch's engine, or *parked* without one until the client's next
//! command. Attached, [`pump`] moves bytes both ways; the few commands that concern the gateway come
//! out of it as events and are handled in [`act`]; what `control` wants comes as orders ([`order`]).

mod act;
mod answer;
mod frames;
pub(crate) mod holds;
mod open;
mod order;
mod pump;

use crate::client::ClientStream;
use crate::engine::Engine;
use crate::listen::Shared;
use crate::login::last_word;
use crate::options::{LAST_BYTES, LAST_WORD};
use crate::registry::{Handle, Order, Registration};
use answer::Answer;
use frames::Frames;
use holds::Holds;
use offshoot_wire::auth::Nonce;
use offshoot_wire::login::Login;
use offshoot_wire::{packet, reply};
use order::Standing;
use pump::Event;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::oneshot;

pub(crate) struct Session {
    shared: Arc<Shared>,
    registration: Registration,
    client: ClientStream,
    address: IpAddr,
    /// What the client said at its beginning, or at its last change of user.
    login: Login,
    nonce: Nonce,
    /// `None` = parked.
    engine: Option<Engine>,
    frames: Frames,
    holds: Holds,
    answer: Answer,
    /// Bytes of the client that are not yet passed on.
    held: Vec<u8>,
    /// `held` was not looked at since it changed.
    fresh: bool,
    /// Bytes on their way to the engine, and to the client.
    up: Outgoing,
    down: Outgoing,
    unflushed: bool,
    /// What to tell the loop once `up` is empty.
    event: Option<Event>,
    /// A ping of ours is under way: the vote it decides, and the last bytes of the engine.
    ping: Option<Ping>,
    /// The engine takes no more bytes: what it said before it ended is still to be read.
    broken: bool,
    draining: bool,
}

/// Bytes that could not be written at once.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
}

struct Ping {
    vote: Option<oneshot::Sender<bool>>,
    standing: Standing,
    tail: Vec<u8>,
}

/// Why a session ends.
enum End {
    /// The client went, or nothing more can be said to it.
    Silent,
    /// With a last error packet, where no result is under way.
    Told(reply::Err),
    /// The engine ended: what it had said still goes to the client.
    Engine,
}

impl Outgoing {
    fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    fn wrote(&mut self, n: usize) {
        self.written += n;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

impl Session {
    fn handle(&self) -> &Arc<Handle> {
        &self.registration.handle
    }

    /// The gateway ends: the session does so as soon as nothing runs.
    pub(crate) fn drain(&self) {
        self.handle().order(Order::Drain);
    }

    /// Serves the client to its end.
    pub(crate) async fn run(mut self) {
        let end = self.serve().await;
        self.handle().thread.store(0, Relaxed);
        match end {
            End::Silent => {}
            End::Engine => {
                let flush = poll_fn(|cx| self.poll_rest(cx));
                let _ = tokio::time::timeout(LAST_BYTES, flush).await;
            }
            End::Told(err) => {
                self.engine = None;
                if self.down.is_empty() && self.answer.looks_finished() || self.unanswered() {
                    // Numbered as the answer to the client's next command, or its present one.
                    let bytes = packet::packet(1, |out| err.encode(out));
                    let word = last_word(&mut self.client, &bytes);
                    let _ = tokio::time::timeout(LAST_WORD, word).await;
                }
            }
        }
    }

    /// A command was passed of whose answer nothing came.
    fn unanswered(&self) -> bool {
        self.down.is_empty() && self.answer.awaited() && self.frames.at_rest()
    }

    async fn serve(&mut self) -> End {
        loop {
            let handle = Arc::clone(self.handle());
            let next = tokio::select! {
                biased;
                order = handle.next_order() => Ok(order),
                event = poll_fn(|cx| self.poll(cx)) => Err(event),
            };
            let done = match next {
                Ok(order) => self.obey(order).await,
                Err(event) => self.act(event).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Answers the present command in the engine's place.
    fn reply(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        packet::put(&mut self.down.bytes, 1, fill);
    }
}
