//! What `control` and other sessions want of a session.

use super::answer::Answer;
use super::{End, Ping, Session};
use crate::registry::{Ending, Order, Park};
use offshoot_core::engine::EngineKind;
use offshoot_wire::{command, error, packet, reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::{mpsc, watch};

/// A vote that was a yes, waiting for the verdict.
pub(super) struct Standing {
    verdict: watch::Receiver<Option<bool>>,
    _done: mpsc::Sender<()>,
    why: Option<Arc<str>>,
}

/// What a client is told.
pub(super) fn ending(why: Ending) -> End {
    let text = match &why {
        Ending::Password => "the password of this connection was deleted or has expired",
        Ending::Branch => "the branch of this connection was deleted",
        Ending::Shutdown => "Server shutdown in progress",
        Ending::Killed => "Connection was killed",
        Ending::Told(text) => text,
    };
    End::Told(reply::Err::new(error::SERVER_SHUTDOWN, text))
}

impl Session {
    pub(super) async fn obey(&mut self, order: Order) -> Result<(), End> {
        match order {
            Order::Close(why) => Err(ending(why)),
            Order::Drain => {
                self.draining = true;
                self.drained()
            }
            Order::Park(park) => self.consider(park).await,
        }
    }

    /// Ends the session when the gateway ends and nothing runs.
    pub(super) fn drained(&self) -> Result<(), End> {
        if self.draining && self.resting() && self.answer.looks_finished() {
            return Err(ending(Ending::Shutdown));
        }
        Ok(())
    }

    /// Nothing is on its way in either direction.
    fn resting(&self) -> bool {
        self.frames.at_rest()
            && self.held.is_empty()
            && self.up.is_empty()
            && self.down.is_empty()
            && !self.unflushed
            && self.event.is_none()
            && !self.answer.awaited()
            && !self.answer.wants_file()
    }

    async fn consider(&mut self, park: Park) -> Result<(), End> {
        let Park {
            vote,
            verdict,
            done,
            why,
        } = park;
        if !self.resting() || self.ping.is_some() || self.answer.may_want_file() {
            let _ = vote.send(false);
            return Ok(());
        }
        let standing = Standing {
            verdict,
            _done: done,
            why,
        };
        if self.engine.is_none() {
            let _ = vote.send(true);
            return self.stand(standing, 0).await;
        }
        // The engine itself says whether the session is idle: it answers a ping when nothing is
        // left to do before it, and its answer tells whether a transaction is open.
        packet::put(&mut self.up.bytes, 0, |out| out.push(command::PING));
        self.ping = Some(Ping {
            vote: Some(vote),
            tail: Vec::new(),
            standing,
        });
        Ok(())
    }

    /// The engine answered the ping.
    pub(super) async fn ponged(&mut self, status: u16) -> Result<(), End> {
        let Some(ping) = self.ping.take() else {
            return Ok(());
        };
        let agreed = ping.vote.is_some_and(|vote| vote.send(true).is_ok());
        match agreed {
            true => self.stand(ping.standing, status).await,
            false => self.drained(),
        }
    }

    /// Stands still until the verdict, and carries it out.
    async fn stand(&mut self, standing: Standing, status: u16) -> Result<(), End> {
        let (mut verdict, why) = (standing.verdict, standing.why);
        let handle = Arc::clone(self.handle());
        let parked = tokio::select! {
            decided = verdict.wait_for(Option::is_some) => {
                matches!(decided.as_deref(), Ok(Some(true)))
            }
            () = handle.closing() => false,
        };
        if !parked {
            return Ok(());
        }
        let Some(engine) = self.engine.take() else {
            return Ok(());
        };
        handle.thread.store(0, Relaxed);
        self.shared.meters.parked.increment(1);
        let transaction = (status & reply::IN_TRANSACTION != 0).then_some("a transaction");
        let Some(holds) = transaction.or(self.holds.state()) else {
            return Ok(());
        };
        self.answer = Answer::default();
        tracing::debug!(branch.id = ?handle.branch, holds, "an idle session is closed");
        if let Some(why) = why {
            return Err(ending(Ending::Told(why)));
        }
        Err(match engine.kind {
            EngineKind::Mysql => End::Told(reply::Err::new(
                error::CLIENT_INTERACTION_TIMEOUT,
                "The client was disconnected by the server because of inactivity. See \
                 wait_timeout and interactive_timeout for configuring this behavior.",
            )),
            EngineKind::Mariadb => End::Silent,
        })
    }
}
