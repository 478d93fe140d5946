//! Creating requests that may be sent again: the same key gives the same thing.
//!
//! What a request made is written down in the transaction that made it, so a replay finds it also
//! when the answer was lost with the process. Refused requests made nothing and are not remembered.

use crate::caller::Caller;
use crate::{Control, lock};
use jiff::Timestamp;
use offshoot_core::id::{PasswordId, RawId};
use offshoot_core::refusal::{Kind, Refusal, code};
use offshoot_store::idempotency::Keyed;
use offshoot_store::{StoreError, Tx};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Longest key, in characters: a UUID has 36.
const MAX_KEY: usize = 255;
/// The header that carries it.
const FIELD: &str = "Idempotency-Key";

/// A creating request, as far as it matters for being the same one again.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// What the client calls it.
    pub key: &'a str,
    pub body: &'a [u8],
}

/// The permission to make something once. Hold it until the answer is on its way: until then
/// the same key is refused as being in flight.
pub struct Once {
    key: Option<Key>,
    made: Option<Made>,
}

/// What the request made when it came the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) subject: RawId,
    pub(crate) password: Option<PasswordId>,
}

struct Key {
    scope: [u8; 32],
    body: [u8; 32],
    _flight: Flight,
}

/// Removes its scope from those in flight when it goes.
struct Flight {
    control: Control,
    scope: [u8; 32],
}

impl Flight {
    fn begin(control: &Control, scope: [u8; 32]) -> Option<Self> {
        lock(&control.0.in_flight).insert(scope).then(|| Self {
            control: control.clone(),
            scope,
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        lock(&self.control.0.in_flight).remove(&self.scope);
    }
}

impl Once {
    /// A request without a key: it makes something every time.
    pub fn unnamed() -> Self {
        Self {
            key: None,
            made: None,
        }
    }

    /// Refused: a malformed key, one that was used with another body (`KEY_REUSED`), one whose
    /// request is still under way (`IN_FLIGHT`).
    pub async fn begin(
        control: &Control,
        caller: &Caller,
        asked: Asked<'_>,
    ) -> Result<Self, Refusal> {
        if asked.key.is_empty()
            || asked.key.len() > MAX_KEY
            || !asked.key.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Refusal::invalid(
                FIELD,
                format!("a key has 1 to {MAX_KEY} visible ASCII characters"),
            )
            .hint("a UUID does"));
        }
        let scope = digest(&[
            caller.token().id.as_str(),
            asked.method,
            asked.path,
            asked.key,
        ]);
        let body = Sha256::digest(asked.body).into();
        let flight = Flight::begin(control, scope).ok_or_else(in_flight)?;
        let known = control.0.store.read().await?.keyed(&scope).await?;
        let made = match known.filter(|k| k.created_at > control.keys_expired()) {
            Some(known) if known.body != body => {
                let mut refusal =
                    Refusal::new(Kind::Invalid, "this key came with another body before")
                        .code(code::KEY_REUSED)
                        .hint("send the same body again, or choose another key");
                refusal.field = Some(FIELD);
                return Err(refusal);
            }
            known => known.map(|k| Made {
                subject: k.subject,
                password: k.password,
            }),
        };
        Ok(Self {
            key: Some(Key {
                scope,
                body,
                _flight: flight,
            }),
            made,
        })
    }

    /// What this request made before: the same is to be answered again.
    pub(crate) fn made(&self) -> Option<Made> {
        self.made
    }

    /// Writes down what is made now, in the transaction that makes it.
    pub(crate) async fn record(
        &self,
        control: &Control,
        tx: &mut Tx,
        caller: &Caller,
        made: Made,
    ) -> Result<(), Refusal> {
        let Some(key) = &self.key else { return Ok(()) };
        let keyed = Keyed {
            scope: key.scope,
            token: caller.token().id,
            body: key.body,
            subject: made.subject,
            password: made.password,
            created_at: control.now(),
        };
        tx.insert_keyed(&keyed, control.keys_expired())
            .await
            .map_err(|error| match error {
                StoreError::Taken(_) => in_flight(),
                other => other.into(),
            })
    }
}

/// What a replay is told of a thing that is no longer there.
pub(crate) fn gone(what: &str) -> Refusal {
    Refusal::not_found(format!("the {what} that this key made"))
        .hint("it was deleted since; use another Idempotency-Key to make a new one")
}

fn in_flight() -> Refusal {
    Refusal::conflict("a request with this Idempotency-Key is still under way")
        .code(code::IN_FLIGHT)
        .hint("send it again in a moment")
}

/// Parts cannot run into each other: none but the last has a NUL.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

impl Control {
    /// Keys older than this are forgotten.
    pub(crate) fn keys_expired(&self) -> Timestamp {
        let now = self.now();
        now.checked_sub(self.0.settings.limits.keys_kept)
            .unwrap_or(now)
    }
}

/// How often old keys are swept away. They are ignored from the moment they are old.
pub(crate) const SWEEP: Duration = Duration::from_secs(600);
