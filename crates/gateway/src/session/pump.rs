//! Moves bytes between the client and the engine.
//!
//! One read buffer per worker thread serves all its sessions: bytes are read into it, looked at and
//! written at once; only what the other side does not take is kept with the session, which then
//! reads no more from that side. An idle session owns no buffer.

use super::answer::{SHORT_OK, pong};
use super::frames::{Step, full};
use super::{Outgoing, Session};
use crate::options::{CHUNK, INSPECT, TURN};
use crate::registry::GATEWAY_ID;
use offshoot_core::password::{Role, SAFE_ADMIN};
use offshoot_wire::command::{self, Fate, fate};
use offshoot_wire::packet::{self, HEADER};
use offshoot_wire::statement::kill;
use offshoot_wire::{error, reply};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK + INSPECT + HEADER]);
}

/// What the pump cannot do itself.
#[derive(Debug)]
pub(super) enum Event {
    ClientGone,
    EngineGone,
    /// A command for the gateway, whole, with its header.
    Command(Vec<u8>),
    /// A command that is not passed.
    Refused(u8, Fate),
    TooLarge,
    OutOfOrder,
    /// A command came while parked; it is in `held`.
    Wake,
    /// A part of an answer passed while the gateway ends.
    Answered,
    /// The engine answered our ping, with these status flags.
    Pong(u16),
}

/// What the front of the client's bytes is.
struct Examined {
    /// So many bytes go to the engine,
    pass: usize,
    /// so many after them nowhere,
    skip: usize,
    /// and then this happens.
    event: Option<Event>,
    /// The bytes behind were looked at: more are needed.
    starved: bool,
}

impl Session {
    /// Pumps until something happens that the pump cannot do itself. Cancel-safe.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        SCRATCH.with_borrow_mut(|scratch| {
            if let Poll::Ready(event) = self.poll_down(cx, scratch) {
                return Poll::Ready(event);
            }
            self.poll_up(cx, scratch)
        })
    }

    /// Writes what is left for the client.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.down.is_empty() {
            let n = ready!(self.client.poll_send(cx, self.down.rest()))?;
            self.down.wrote(n);
            self.unflushed = self.client.buffers();
        }
        if self.unflushed {
            ready!(self.client.poll_flush_all(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// From the engine to the client.
    fn poll_down(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Event> {
        for _ in 0..TURN {
            if (!self.down.is_empty() || self.unflushed)
                && let Err(_gone) = ready!(self.poll_rest(cx))
            {
                return Poll::Ready(Event::ClientGone);
            }
            let Some(engine) = &mut self.engine else {
                return Poll::Pending;
            };
            let mut buffer = ReadBuf::new(&mut scratch[..CHUNK]);
            let read = ready!(Pin::new(&mut engine.stream).poll_read(cx, &mut buffer));
            let n = buffer.filled().len();
            if read.is_err() || n == 0 {
                return Poll::Ready(Event::EngineGone);
            }
            let chunk = &scratch[..n];
            if self.ping.is_some() {
                if let Some(status) = self.while_pinging(chunk) {
                    return Poll::Ready(Event::Pong(status));
                }
                continue;
            }
            self.count_down(chunk);
            let explained = self.explained(chunk);
            let chunk = explained.as_deref().unwrap_or(chunk);
            match self.client.poll_send(cx, chunk) {
                Poll::Ready(Ok(n)) => {
                    self.unflushed = self.client.buffers();
                    self.down.bytes.extend_from_slice(&chunk[n..]);
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Event::ClientGone),
                Poll::Pending => self.down.bytes.extend_from_slice(chunk),
            }
            if self.draining && self.answer.looks_finished() {
                if let Err(_gone) = ready!(self.poll_rest(cx)) {
                    return Poll::Ready(Event::ClientGone);
                }
                return Poll::Ready(Event::Answered);
            }
        }
        others_turn(cx)
    }

    fn count_down(&mut self, chunk: &[u8]) {
        if let Some(first) = self.answer.note(chunk) {
            self.holds.answered(first);
        }
        self.shared.meters.down.increment(chunk.len() as u64);
        self.seen();
    }

    /// The engine's refusal of a privilege, with the reason why the branch lacks it at this time: beside its own
    /// words, or for DDL on a branch with safe migrations in the place of them, as PlanetScale's clients know it. In later parts of an answer such a refusal stays as the engine said it.
    fn explained(&self, chunk: &[u8]) -> Option<Vec<u8>> {
        if !self.answer.is_error() {
            return None;
        }
        let lacks = self.handle().lacks();
        if lacks.growth.is_none() && lacks.ddl.is_none() {
            return None;
        }
        let mut err = reply::Err::parse(chunk.get(HEADER..)?).ok()?;
        if !error::LACKS_PRIVILEGE.contains(&err.code) {
            return None;
        }
        let accounts = [Role::Admin.account(), SAFE_ADMIN];
        // A dump names the account as definer that its admin had.
        let ddl = error::refuses_ddl(err.code, &err.message, &accounts)
            || self.handle().role() == Role::Admin
                && error::refuses_definer(err.code, &err.message);
        match (lacks.ddl, lacks.growth) {
            (Some(why), _) if ddl => {
                err = reply::Err::new(error::UNKNOWN, &*why);
            }
            (_, Some(why)) => err.message = format!("{}; {why}", err.message),
            (_, None) => return None,
        }
        Some(packet::packet(chunk[HEADER - 1], |out| err.encode(out)))
    }

    /// A ping keeps a connection, not a branch awake.
    fn seen(&self) {
        if self.answer.code != command::PING {
            self.handle().seen(self.shared.clock.now());
        }
    }

    /// Bytes of the engine after a ping of ours. All but the pong, which comes last, are a result's
    /// that was under way: they go to the client, and the branch cannot be parked.
    fn while_pinging(&mut self, chunk: &[u8]) -> Option<u16> {
        let ping = self.ping.as_mut()?;
        ping.tail.extend_from_slice(chunk);
        if ping.tail.len() == SHORT_OK
            && let Some(status) = pong(&ping.tail)
        {
            return Some(status);
        }
        if ping.tail.len() <= SHORT_OK {
            return None;
        }
        if let Some(vote) = ping.vote.take() {
            let _ = vote.send(false);
        }
        let before: Vec<u8> = ping.tail.drain(..ping.tail.len() - SHORT_OK).collect();
        let status = pong(&ping.tail);
        self.count_down(&before);
        self.down.bytes.extend_from_slice(&before);
        status
    }

    /// From the client to the engine.
    fn poll_up(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Event> {
        for _ in 0..TURN {
            while !self.up.is_empty() {
                let Some(engine) = &mut self.engine else {
                    self.up = Outgoing::default();
                    break;
                };
                match ready!(Pin::new(&mut engine.stream).poll_write(cx, self.up.rest())) {
                    Ok(n) => self.up.wrote(n),
                    Err(_) => {
                        self.broken = true;
                        self.up = Outgoing::default();
                    }
                }
            }
            if let Some(event) = self.event.take() {
                return Poll::Ready(event);
            }
            let paused = self.ping.is_some() || self.draining && self.frames.at_rest();
            if paused || self.broken {
                return Poll::Pending;
            }
            let before = self.held.len();
            if self.fresh {
                self.fresh = false;
                let bytes = std::mem::take(&mut self.held);
                self.pass(cx, &bytes);
                continue;
            }
            scratch[..before].copy_from_slice(&self.held);
            let end = (before + CHUNK).min(scratch.len());
            let n = match ready!(self.client.poll_receive(cx, &mut scratch[before..end])) {
                Ok(0) | Err(_) => return Poll::Ready(Event::ClientGone),
                Ok(n) => n,
            };
            self.shared.meters.up.increment(n as u64);
            self.held.clear();
            self.pass(cx, &scratch[..before + n]);
        }
        others_turn(cx)
    }

    /// Sends what may pass, and keeps the rest in `held`.
    fn pass(&mut self, cx: &mut Context<'_>, bytes: &[u8]) {
        let examined = self.examine(bytes);
        let passing = &bytes[..examined.pass];
        let mut sent = 0;
        if let Some(engine) = &mut self.engine
            && !passing.is_empty()
            && self.up.is_empty()
        {
            // An error shows again, and is handled, at the next write.
            if let Poll::Ready(Ok(n)) = Pin::new(&mut engine.stream).poll_write(cx, passing) {
                sent = n;
            }
        }
        self.up.bytes.extend_from_slice(&passing[sent..]);
        if !passing.is_empty() {
            self.seen();
        }
        self.event = examined.event;
        let rest = &bytes[examined.pass + examined.skip..];
        self.fresh = !rest.is_empty() && !examined.starved;
        self.held = rest.to_vec();
    }

    fn examine(&mut self, bytes: &[u8]) -> Examined {
        let mut examined = Examined {
            pass: 0,
            skip: 0,
            event: None,
            starved: false,
        };
        loop {
            let rest = &bytes[examined.pass..];
            match self.frames.next(rest) {
                Step::More => {
                    examined.starved = true;
                    return examined;
                }
                Step::Pass(n) => {
                    examined.pass += n;
                    if self.frames.in_content() || self.answer.wants_file() {
                        self.answer.continues();
                    }
                }
                Step::Drop(n) => {
                    examined.skip = n;
                    return examined;
                }
                Step::OutOfOrder => {
                    examined.event = Some(Event::OutOfOrder);
                    return examined;
                }
                Step::Command(total) => {
                    if !self.command(rest, total, &mut examined) {
                        return examined;
                    }
                }
            }
        }
    }

    /// Looks at the command at the front of `bytes`; `true` when it was accepted.
    fn command(&mut self, bytes: &[u8], total: usize, examined: &mut Examined) -> bool {
        if total == HEADER {
            examined.skip = HEADER;
            examined.event = Some(Event::Refused(0, Fate::Unknown));
            return false;
        }
        let wanted = match bytes.get(HEADER) {
            Some(&code) if looked_into(code) => total.min(INSPECT),
            _ => HEADER + 1,
        };
        if bytes.len() < wanted {
            examined.starved = true;
            return false;
        }
        let code = bytes[HEADER];
        if self.engine.is_none() {
            examined.event = Some(Event::Wake);
            return false;
        }
        self.shared.meters.commands.increment(1);
        let fate = fate(code);
        if fate != Fate::Allowed {
            self.frames.refuse(total);
            examined.event = Some(Event::Refused(code, fate));
            return false;
        }
        let payload = &bytes[HEADER..bytes.len().min(total)];
        let whole = bytes.len() >= total && !full(total);
        if code == command::CHANGE_USER && !whole {
            examined.event = Some(Event::TooLarge);
            return false;
        }
        let text = match code {
            command::QUERY => command::query_text(payload, self.login.capabilities).ok(),
            _ => Some(1),
        };
        let text = text.filter(|_| whole).map(|start| &payload[start..]);
        if code == command::CHANGE_USER || concerns_gateway(code, text) {
            examined.skip = total;
            examined.event = Some(Event::Command(bytes[..total].to_vec()));
            return false;
        }
        self.holds.command(code, text);
        self.frames.accept(total, may_load(code));
        self.answer.began(code);
        if code == command::QUERY {
            self.answer.of_query(text);
        }
        true
    }
}

/// There is more to move, after the other sessions of the thread.
fn others_turn(cx: &mut Context<'_>) -> Poll<Event> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Commands whose payload matters.
fn looked_into(code: u8) -> bool {
    matches!(
        code,
        command::QUERY
            | command::INIT_DB
            | command::CHANGE_USER
            | command::PROCESS_KILL
            | command::SET_OPTION
            | command::STMT_PREPARE
    )
}

/// Commands after which the engine may ask for a file's content.
fn may_load(code: u8) -> bool {
    matches!(
        code,
        command::QUERY | command::STMT_EXECUTE | command::STMT_BULK_EXECUTE
    )
}

/// Kills of a session by the id in a greeting of ours.
fn concerns_gateway(code: u8, text: Option<&[u8]>) -> bool {
    let ours = |thread: u64| thread & u64::from(GATEWAY_ID) != 0 && thread <= u64::from(u32::MAX);
    match (code, text) {
        (command::QUERY, Some(text)) => kill(text).is_some_and(|k| ours(k.thread)),
        (command::PROCESS_KILL, Some(&[a, b, c, d])) => {
            ours(u32::from_le_bytes([a, b, c, d]).into())
        }
        _ => false,
    }
}
