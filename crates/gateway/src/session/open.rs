//! Opening a session, and attaching it to its branch's engine: at its beginning, and when a parked
//! client says something again.

use super::answer::Answer;
use super::frames::Frames;
use super::holds::Holds;
use super::order::ending;
use super::{End, Outgoing, Session};
use crate::engine::{Engine, EngineError, Entrance};
use crate::listen::Shared;
use crate::login::{Guest, access_denied, last_word};
use crate::options::{LAST_WORD, OPEN_TRIES, WAKE};
use crate::registry::{Ending, Order};
use offshoot_core::password::Role;
use offshoot_core::refusal::{Kind, Refusal};
use offshoot_wire::switch::{self, FAST_AUTH_OK};
use offshoot_wire::{capability as cap, error, packet, reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// First pause before the branch's engine is asked for again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

impl Session {
    /// Lets a guest in: counts it, opens its branch, and says OK. `None`: it was turned away.
    pub(crate) async fn open(shared: &Arc<Shared>, mut guest: Guest) -> Option<Self> {
        let credential = guest.credential.clone();
        let most = credential.max_connections.map(|n| n as usize);
        let most = most.unwrap_or(shared.options.max_connections_per_branch);
        // Somebody has to get in to see what the others do, and to end it.
        let limit = most + usize::from(credential.role == Role::Admin);
        let who = (credential.password, credential.role);
        let registration = shared
            .registry
            .register(guest.id, credential.branch, who, limit);
        let Some(registration) = registration else {
            tracing::warn!(branch.id = ?credential.branch, most, "too many connections");
            let text = format!(
                "Too many connections: the branch has {most} already; close some, or allow more: \
                 offshoot branch update DATABASE BRANCH --max-connections N ({})",
                offshoot_core::refusal::code::CONNECTIONS
            );
            turn_away(&mut guest, reply::Err::new(error::CON_COUNT, text)).await;
            return None;
        };
        // A credential deleted before the session was registered ends it now.
        let username = String::from_utf8_lossy(&guest.login.username);
        let same = match shared.routes.credential(&username).await {
            Ok(Some(now)) => now.password == credential.password,
            _ => false,
        };
        if !same {
            let err = access_denied(&guest.login.username, guest.address, true);
            turn_away(&mut guest, err).await;
            return None;
        }
        shared.routes.used(credential.password, shared.clock.now());
        let schema = guest.login.schema.take();
        let mut session = Self {
            shared: Arc::clone(shared),
            registration,
            client: guest.client,
            address: guest.address,
            login: guest.login,
            nonce: guest.nonce,
            engine: None,
            frames: Frames::default(),
            holds: Holds::new(schema),
            answer: Answer::default(),
            held: Vec::new(),
            fresh: false,
            up: Outgoing::default(),
            down: Outgoing::default(),
            unflushed: false,
            event: None,
            ping: None,
            broken: false,
            draining: false,
        };
        let opened = session.attach().await;
        let mut bytes = Vec::new();
        let mut sequence = guest.sequence;
        match opened {
            Ok(ok) => {
                if guest.confirm {
                    packet::put(&mut bytes, sequence, |out| {
                        switch::encode_more(&[FAST_AUTH_OK], out);
                    });
                    sequence = sequence.wrapping_add(1);
                }
                packet::put(&mut bytes, sequence, |out| out.extend_from_slice(&ok));
                session.client.write_all(&bytes).await.ok()?;
                session.client.flush().await.ok()?;
                if session.login.capabilities & cap::COMPRESS != 0 {
                    session.client.start_compression();
                }
                Some(session)
            }
            Err(End::Told(err)) => {
                let bytes = packet::packet(sequence, |out| err.encode(out));
                let word = last_word(&mut session.client, &bytes);
                let _ = tokio::time::timeout(LAST_WORD, word).await;
                None
            }
            Err(_) => None,
        }
    }

    /// Attaches to the branch's engine, waking it; returns the payload of the engine's OK. Orders
    /// are obeyed meanwhile: the session counts as busy.
    pub(super) async fn attach(&mut self) -> Result<Vec<u8>, End> {
        let handle = Arc::clone(self.handle());
        let began = Instant::now();
        let mut opening = Box::pin(tokio::time::timeout(WAKE, self.enter()));
        let entered = loop {
            tokio::select! {
                biased;
                order = handle.next_order() => match order {
                    Order::Close(why) => return Err(ending(why)),
                    Order::Drain => return Err(ending(Ending::Shutdown)),
                    Order::Park(park) => drop(park.vote.send(false)),
                },
                entered = &mut opening => break entered,
            }
        };
        drop(opening);
        let (engine, ok) = entered.unwrap_or_else(|_| {
            let late = Refusal::unavailable("the branch did not wake in time");
            Err(told(&late.hint("try again, or look at its logs")))
        })?;
        self.shared
            .meters
            .wake
            .record(began.elapsed().as_secs_f64());
        handle.thread.store(engine.thread, Relaxed);
        self.engine = Some(engine);
        Ok(ok)
    }

    /// Asks for the engine and connects, again when it fell asleep in between.
    async fn enter(&self) -> Result<(Engine, Vec<u8>), End> {
        let mut pause = RETRY_PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let branch = self.registration.handle.branch;
            let endpoint = match self.shared.routes.open(branch).await {
                Ok(endpoint) => endpoint,
                Err(refusal) => {
                    tracing::warn!(branch.id = ?branch, error = ?refusal, "a branch did not open");
                    return Err(told(&refusal));
                }
            };
            let handle = &self.registration.handle;
            let entrance = Entrance {
                account: handle.account(handle.role()),
                login: &self.login,
                schema: self.holds.schema.as_deref(),
                settings: &self.holds.settings,
                set_option: self.holds.set_option,
            };
            let failure = match Engine::connect(endpoint, entrance).await {
                Ok(attached) => return Ok(attached),
                Err(EngineError::Refused(err)) => return Err(End::Told(err)),
                Err(failure) => failure,
            };
            if !matches!(failure, EngineError::Unreachable(_)) || tries >= OPEN_TRIES {
                tracing::error!(branch.id = ?branch, %failure, "an engine did not let a client in");
                let text = "the branch's engine does not answer";
                let refusal = Refusal::unavailable(text).hint("try again, or look at its logs");
                return Err(told(&refusal));
            }
            tokio::time::sleep(pause).await;
            pause *= 4;
        }
    }
}

/// A refusal as an error packet.
pub(super) fn told(refusal: &Refusal) -> End {
    let code = match refusal.kind {
        Kind::Exhausted => error::CON_COUNT,
        _ => error::UNKNOWN,
    };
    End::Told(reply::Err::new(
        code,
        format!("{refusal} ({})", refusal.code),
    ))
}

async fn turn_away(guest: &mut Guest, err: reply::Err) {
    let bytes = packet::packet(guest.sequence, |out| err.encode(out));
    let word = last_word(&mut guest.client, &bytes);
    let _ = tokio::time::timeout(LAST_WORD, word).await;
}
