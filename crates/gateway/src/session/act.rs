//! The commands that concern the gateway, and what else the pump cannot do.

use super::holds::Holds;
use super::pump::Event;
use super::{End, Session};
use crate::engine::EngineError;
use crate::listen::Shared;
use crate::login::{
    LoginError, Place, Proof, Talk, access_denied, answer_to, draw_nonce, last_word, prove,
};
use crate::options::INSPECT;
use crate::registry::{Ending, Order};
use offshoot_core::id::BranchId;
use offshoot_core::port::Credential;
use offshoot_wire::auth::{Nonce, Plugin};
use offshoot_wire::command::{self, ChangeUser, Fate};
use offshoot_wire::packet::{self, HEADER, Header};
use offshoot_wire::statement::kill;
use offshoot_wire::switch::{self, FAST_AUTH_OK};
use offshoot_wire::{Malformed, capability as cap, error, reply};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Session {
    pub(super) async fn act(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::ClientGone => Err(End::Silent),
            Event::EngineGone => Err(End::Engine),
            Event::Answered => self.drained(),
            Event::Pong(status) => self.ponged(status).await,
            Event::Wake => self.wake().await,
            Event::Refused(code, fate) => {
                self.refuse(code, fate);
                Ok(())
            }
            Event::TooLarge => Err(End::Told(reply::Err::new(
                error::PACKET_TOO_LARGE,
                format!("A packet of this command may have {INSPECT} bytes at most"),
            ))),
            Event::OutOfOrder => Err(End::Told(reply::Err::new(
                error::PACKETS_OUT_OF_ORDER,
                "Got packets out of order",
            ))),
            Event::Command(packet) => match packet.get(HEADER) {
                Some(&command::CHANGE_USER) => {
                    let handle = Arc::clone(self.handle());
                    tokio::select! {
                        changed = self.change_user(&packet[HEADER..]) => changed,
                        () = handle.closing() => Err(End::Silent),
                    }
                }
                Some(&command::PROCESS_KILL) => self.process_kill(&packet[HEADER..]),
                _ => self.kill(&packet[HEADER..]),
            },
        }
    }

    fn refuse(&mut self, code: u8, fate: Fate) {
        let err = match fate {
            Fate::Privileged => reply::Err::new(
                error::SPECIFIC_ACCESS_DENIED,
                "Access denied; this command is not available on a branch",
            ),
            _ => reply::Err::new(error::UNKNOWN_COMMAND, "Unknown command"),
        };
        tracing::debug!(code, "a command was refused");
        self.reply(|out| err.encode(out));
    }

    /// The first command after a sleep, which is in `held`.
    async fn wake(&mut self) -> Result<(), End> {
        let (Some(header), Some(&code)) = (Header::read(&self.held), self.held.get(HEADER)) else {
            return Ok(());
        };
        self.fresh = true;
        if code == command::QUIT {
            return Err(End::Silent);
        }
        let total = HEADER + header.length;
        if code == command::PING && header.length == 1 {
            let ok = reply::Ok {
                status: reply::AUTOCOMMIT,
                ..reply::Ok::default()
            };
            self.held.drain(..total);
            self.reply(|out| ok.encode(out));
            return Ok(());
        }
        match self.attach().await {
            Ok(_) => Ok(()),
            // The client may try again: the session stays, without an engine.
            Err(End::Told(err)) if err.code != error::SERVER_SHUTDOWN => {
                self.frames.refuse(total);
                self.reply(|out| err.encode(out));
                Ok(())
            }
            Err(end) => Err(end),
        }
    }

    fn process_kill(&mut self, payload: &[u8]) -> Result<(), End> {
        let Ok(id) = command::parse_process_kill(payload) else {
            return Ok(());
        };
        if let Some(thread) = self.target(id, true) {
            packet::put(&mut self.up.bytes, 0, |out| {
                command::encode_process_kill(thread, out);
            });
            self.answer.began(command::PROCESS_KILL);
        }
        Ok(())
    }

    fn kill(&mut self, payload: &[u8]) -> Result<(), End> {
        let start = command::query_text(payload, self.login.capabilities).unwrap_or(1);
        let text = &payload[start..];
        let Some(kill) = kill(text) else {
            return Ok(());
        };
        let id = u32::try_from(kill.thread).unwrap_or_default();
        if let Some(thread) = self.target(id, kill.connection) {
            packet::put(&mut self.up.bytes, 0, |out| {
                out.extend_from_slice(&payload[..start]);
                out.extend_from_slice(&text[..kill.digits.start]);
                out.extend_from_slice(thread.to_string().as_bytes());
                out.extend_from_slice(&text[kill.digits.end..]);
            });
            self.answer.began(command::QUERY);
        }
        Ok(())
    }

    /// The engine's thread id of the session with this id in its greeting, when it is of the same
    /// branch. Where the engine need not be asked, the client gets its answer here.
    fn target(&mut self, id: u32, connection: bool) -> Option<u32> {
        let found = self.shared.registry.find(id);
        let Some(target) = found.filter(|t| t.branch == self.handle().branch) else {
            let err = reply::Err::new(error::NO_SUCH_THREAD, format!("Unknown thread id: {id}"));
            self.reply(|out| err.encode(out));
            return None;
        };
        let thread = target.thread.load(Relaxed);
        if thread != 0 {
            return Some(thread);
        }
        // Parked: it runs nothing, and the engine knows nothing of it.
        if target.role() != self.handle().role() {
            let text = format!("You are not owner of thread {id}");
            let err = reply::Err::new(error::KILL_DENIED, text);
            self.reply(|out| err.encode(out));
            return None;
        }
        if connection {
            target.order(Order::Close(Ending::Killed));
        }
        let ok = reply::Ok {
            status: reply::AUTOCOMMIT,
            ..reply::Ok::default()
        };
        self.reply(|out| ok.encode(out));
        None
    }

    /// COM_CHANGE_USER: another credential of the same branch, proved here, then changed to at the
    /// engine. Any failure ends the session.
    async fn change_user(&mut self, payload: &[u8]) -> Result<(), End> {
        let limit = self.shared.options.handshake_timeout;
        let flush = poll_fn(|cx| self.poll_rest(cx));
        let flushed = tokio::time::timeout(limit, flush).await;
        flushed.ok().and_then(Result::ok).ok_or(End::Silent)?;
        let shared = Arc::clone(&self.shared);
        let mut talk = Talk {
            client: &mut self.client,
            sequence: 1,
        };
        let branch = self.registration.handle.branch;
        let known = (self.login.capabilities, self.nonce, self.address);
        let proving = prove_again(&shared, &mut talk, payload, known, branch);
        let proved = tokio::time::timeout(limit, proving).await;
        let sequence = talk.sequence;
        let failed = match proved.map_err(|_| End::Silent)? {
            Ok(changed) => match self.change_to(changed, sequence).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            },
            Err(failed) => failed,
        };
        if let Some(err) = answer_to(&failed) {
            let bytes = packet::packet(sequence, |out| err.encode(out));
            let _ = tokio::time::timeout(limit, last_word(&mut self.client, &bytes)).await;
        }
        Err(End::Silent)
    }

    async fn change_to(&mut self, changed: Changed, sequence: u8) -> Result<(), LoginError> {
        let Changed {
            credential,
            change,
            nonce,
            confirm,
        } = changed;
        let denied = || access_denied(&change.username, self.address, true);
        let account = self.handle().account(credential.role);
        let Some(engine) = &mut self.engine else {
            return Err(Malformed("a change of user without an engine").into());
        };
        let asked = change.clone();
        let ok = engine
            .change_user(account, asked)
            .await
            .map_err(|failure| {
                LoginError::Refused(match failure {
                    EngineError::Refused(err) => err,
                    failure => {
                        tracing::error!(%failure, "an engine did not change user");
                        reply::Err::new(error::UNKNOWN, "the branch's engine does not answer")
                    }
                })
            })?;
        self.handle().became(credential.password, credential.role);
        // Whoever renews an admin's sessions did not know yet that it is one.
        if self.handle().account(credential.role) != account {
            return Err(LoginError::Refused(denied()));
        }
        // A credential deleted before the session was known to be its own ends it now.
        let username = String::from_utf8_lossy(&change.username);
        let now = self.shared.routes.credential(&username).await;
        if !matches!(now, Ok(Some(c)) if c.password == credential.password) {
            return Err(LoginError::Refused(denied()));
        }
        self.shared
            .routes
            .used(credential.password, self.shared.clock.now());
        self.nonce = nonce;
        self.holds = Holds::new(change.schema);
        self.login.username = change.username;
        self.login.attributes = change.attributes;
        if let Some(charset) = change.charset {
            // The login packet has one byte for it; larger ids are utf8mb4's.
            self.login.charset = u8::try_from(charset).unwrap_or(u8::MAX);
        }
        let mut next = sequence;
        if confirm {
            packet::put(&mut self.down.bytes, next, |out| {
                switch::encode_more(&[FAST_AUTH_OK], out);
            });
            next = next.wrapping_add(1);
        }
        packet::put(&mut self.down.bytes, next, |out| out.extend_from_slice(&ok));
        Ok(())
    }
}

/// A change of user that the client has proved.
struct Changed {
    credential: Credential,
    change: ChangeUser,
    nonce: Nonce,
    confirm: bool,
}

/// Reads a change of user and has its secret proved with a new nonce.
async fn prove_again(
    shared: &Shared,
    talk: &mut Talk<'_>,
    payload: &[u8],
    (capabilities, old_nonce, address): (u32, Nonce, IpAddr),
    branch: BranchId,
) -> Result<Changed, LoginError> {
    let change = ChangeUser::parse(payload, capabilities)?;
    let named = change.plugin.as_deref().unwrap_or_default();
    let (plugin, nonce, response) = if capabilities & cap::PLUGIN_AUTH == 0 {
        (Plugin::Native, old_nonce, change.response.clone())
    } else {
        let plugin = Plugin::of_name(named).unwrap_or(Plugin::Native);
        let nonce = draw_nonce(shared);
        (plugin, nonce, talk.switch(plugin, nonce).await?)
    };
    let proof = Proof {
        username: &change.username,
        response: &response,
        plugin,
        nonce: &nonce,
        place: Place::Session(branch),
    };
    let credential = prove(shared, proof, address).await?;
    Ok(Changed {
        credential,
        change,
        nonce,
        confirm: plugin == Plugin::CachingSha2 && capabilities & cap::PLUGIN_AUTH != 0,
    })
}
