//! A caller and its session, over the time of one request.

use super::handle::{Claim, Handle, Signer};
use super::line::{Line, Lost};
use super::seats::{Gone, Seat, Seats};
use super::statement::{Notice, notice};
use crate::listen::Shared;
use metrics::{Gauge, gauge};
use offshoot_core::port::Credential;
use offshoot_wire::{error, reply};
use std::net::IpAddr;
use std::sync::Arc;

/// What all requests share.
pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) seats: Arc<Seats>,
    pub(super) signer: Signer,
    pinned: Gauge,
}

/// Who calls: a credential whose secret was proved.
#[derive(Clone)]
pub(super) struct Guest {
    pub(super) username: String,
    pub(super) credential: Credential,
    pub(super) address: IpAddr,
}

/// What a client is told of its session.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) handle: Handle,
    pub(super) signature: Vec<u8>,
    pub(super) autocommit: bool,
    /// The schema in use, where it is not the one that the database began with.
    pub(super) target: String,
    pub(super) warnings: u16,
}

/// What becomes of a request before its statement runs.
pub(super) enum Entered {
    /// It runs, on this handle.
    Good(Handle),
    /// It is answered with this error.
    Refused(reply::Err, Handle),
    /// There is nothing to do: a lost transaction is undone.
    Done(Handle),
}

impl Inner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let seats = Arc::new(Seats::default());
        seats.watch();
        Self {
            signer: Signer::new(&*shared.ids),
            seats,
            shared,
            pinned: gauge!("offshoot_data_api_sessions"),
        }
    }

    /// Looks at the handle that came with a statement. `None`: it is not this credential's.
    pub(super) fn enter(&self, guest: &Guest, handle: &[u8], text: &[u8]) -> Option<Entered> {
        if handle.is_empty() {
            return Some(Entered::Good(Handle::default()));
        }
        Some(match self.signer.check(handle, guest.credential.password) {
            Claim::Forged => return None,
            Claim::Gone { in_transaction } => {
                let text =
                    "the session is from before the server's restart, and what it held is gone";
                gone(
                    in_transaction,
                    error::SERVER_SHUTDOWN,
                    text,
                    Handle::default(),
                )
            }
            Claim::Good(handle) if handle.aborted => {
                let light = Handle {
                    workload: handle.workload,
                    ..Handle::default()
                };
                match notice(text) {
                    Notice::Rollback => Entered::Done(light),
                    Notice::Begin => Entered::Good(light),
                    Notice::Other => Entered::Refused(
                        reply::Err::new(
                            error::CLIENT_INTERACTION_TIMEOUT,
                            "the transaction is gone; say ROLLBACK, and begin again",
                        ),
                        handle,
                    ),
                }
            }
            Claim::Good(handle) => Entered::Good(handle),
        })
    }

    /// The line for a statement.
    ///
    /// # Errors
    /// What the client is told, and the session that it has from then on.
    pub(super) async fn seat(
        &self,
        guest: &Guest,
        handle: Handle,
    ) -> Result<Seat, (reply::Err, Handle)> {
        let Guest {
            username,
            credential,
            address,
        } = guest;
        if handle.key != 0 {
            return match self.seats.pinned(handle.key, credential.password).await {
                Ok(seat) => Ok(seat),
                Err(Gone) => {
                    let text = "the session was ended because of inactivity or by its branch, and what it held is gone";
                    let code = error::CLIENT_INTERACTION_TIMEOUT;
                    match gone(handle.in_transaction, code, text, handle) {
                        Entered::Refused(err, handle) => Err((err, handle)),
                        _ => Err((reply::Err::new(code, text), Handle::default())),
                    }
                }
            };
        }
        let wanted = (handle.line, handle.uses);
        let who = (username.as_str(), credential);
        let seat = self.seats.light(&self.shared, who, *address, wanted).await;
        seat.map_err(|err| (err, handle))
    }

    /// Gives the line back, and says what the session is now.
    pub(super) fn leave(
        &self,
        guest: &Guest,
        seat: Seat,
        mut handle: Handle,
        warnings: u16,
    ) -> View {
        let line = &seat.line;
        let target = elsewhere(line, &guest.credential);
        let autocommit = line.status & reply::AUTOCOMMIT != 0;
        handle.in_transaction = line.in_transaction();
        (handle.line, handle.uses) = (line.id, line.uses);
        handle.key = self.seats.give_back(seat, || {
            let mut key = [0; 8];
            self.shared.ids.fill(&mut key);
            u64::from_le_bytes(key)
        });
        self.pinned.set(self.seats.count() as f64);
        View {
            signature: self.signer.sign(handle, guest.credential.password),
            handle,
            autocommit,
            target,
            warnings,
        }
    }

    /// A session without a line.
    pub(super) fn view(&self, guest: &Guest, handle: Handle) -> View {
        View {
            signature: self.signer.sign(handle, guest.credential.password),
            handle,
            autocommit: true,
            target: String::new(),
            warnings: 0,
        }
    }

    /// What is left of a session whose line broke in the middle of a statement.
    pub(super) fn broken(
        &self,
        guest: &Guest,
        seat: Seat,
        handle: Handle,
        why: Lost,
    ) -> (reply::Err, View) {
        let in_transaction = seat.line.in_transaction();
        let pinned = handle.key;
        drop(seat);
        self.seats.end(pinned, guest.credential.password);
        let err = match why {
            Lost::Told(err) => err,
            Lost::TooLong => reply::Err::new(error::PACKET_TOO_LARGE, why.to_string()),
            Lost::Gone(_) | Lost::Malformed(_) => {
                tracing::info!(branch.id = ?guest.credential.branch, failure = %why, "a session of the data API broke");
                reply::Err::new(
                    error::SERVER_SHUTDOWN,
                    "the connection to the branch's engine was lost; what the session held is gone",
                )
            }
        };
        (err, self.view(guest, after(in_transaction, handle)))
    }
}

fn elsewhere(line: &Line, credential: &Credential) -> String {
    match line.schema() {
        Some(schema) if schema != credential.schema.as_bytes() => {
            String::from_utf8_lossy(schema).into_owned()
        }
        _ => String::new(),
    }
}

/// The session after its state was lost: within a transaction nothing may go on unnoticed.
fn after(in_transaction: bool, handle: Handle) -> Handle {
    Handle {
        aborted: in_transaction,
        in_transaction,
        workload: handle.workload,
        ..Handle::default()
    }
}

fn gone(in_transaction: bool, code: u16, text: &str, handle: Handle) -> Entered {
    let advice = match in_transaction {
        true => "say ROLLBACK, and begin again",
        false => "the next statement begins a new one",
    };
    let err = reply::Err::new(code, format!("{text}; {advice}"));
    Entered::Refused(err, after(in_transaction, handle))
}
