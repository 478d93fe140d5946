//! Credentials on their way: links that open once, files, signed webhooks, and stores of secrets that others
//! read: GitHub Actions, GitLab CI, Vault, Kubernetes.

mod format;
mod github;
mod gitlab;
mod manifest;
mod names;
mod receiver;
mod send;
mod succeed;
mod token;
mod vault;
mod webhook;

pub use format::Revealed;
pub(crate) use github::check_prefix;
pub(crate) use names::{target, variables};
pub(crate) use succeed::Successor;
pub use succeed::resend;
pub(crate) use token::source;

use crate::Control;
use crate::trail::Actor;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use offshoot_core::branch::BranchState;
use offshoot_core::credential::equal;
use offshoot_core::handover::{Handover, HandoverState};
use offshoot_core::id::HandoverId;
use offshoot_core::refusal::{Kind, Refusal, code};
use offshoot_store::Session;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What a link is about, without opening it: a preview of it does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub database: String,
    pub branch: String,
    pub credential: String,
}

/// Whether a link can be opened. Refused (`REVEALED`): one that was opened, that is too old, or that never
/// was; the answer does not tell which.
pub async fn peek(control: &Control, id: &str, token: &SecretString) -> Result<Sealed, Refusal> {
    let mut session = control.0.store.read().await?;
    let handover = pending(control, &mut session, id, token).await?;
    let found = format::place(&mut session, &handover).await?;
    let (_, branch, database) = found.ok_or_else(revealed)?;
    Ok(Sealed {
        database: database.name.to_string(),
        branch: branch.name.to_string(),
        credential: handover.credential,
    })
}

/// Opens a link: the secret, this once; it is gone from here before it is returned. Refused as by
/// [`peek`], and, without being used up, while the branch is being made.
pub async fn reveal(
    control: &Control,
    id: &str,
    token: &SecretString,
    remote_ip: Option<IpAddr>,
) -> Result<Revealed, Refusal> {
    let mut tx = control.0.store.write().await?;
    let handover = pending(control, &mut tx, id, token).await?;
    let place = format::place(&mut tx, &handover).await?;
    let (password, branch, database) = place.ok_or_else(revealed)?;
    let ready = tx
        .handover_branch(handover.id)
        .await?
        .is_some_and(|(_, known)| known);
    if branch.state == BranchState::Pending || !ready {
        return Err(
            Refusal::unavailable(format!("branch \"{}\" is being made", branch.name))
                .hint("try again in a moment; the link stays good"),
        );
    }
    let secret = tx.handover_secret(handover.id).await?;
    let secret = secret.ok_or_else(revealed)?;
    if !tx.handover_delivered(handover.id, control.now()).await? {
        return Err(revealed());
    }
    let mut event = control.event(
        database.organization_id,
        &Actor::System,
        "password.revealed",
        ("Password", password.id.as_str(), &password.name),
        &[
            ("branch", branch.name.as_str()),
            ("database", database.name.as_str()),
        ],
    );
    event.remote_ip = remote_ip.map(|ip| ip.to_string());
    tx.insert_audit(&event).await?;
    control
        .tell_handover(&mut tx, &handover, "credential.delivered")
        .await?;
    tx.commit().await?;
    tracing::info!(handover.id = %handover.id, branch.id = %branch.id, "a reveal link was opened");
    Ok(control.revealed(password, &branch, &database, secret))
}

/// The handover of a link that fits its token and is in its time.
async fn pending(
    control: &Control,
    session: &mut Session,
    id: &str,
    token: &SecretString,
) -> Result<Handover, Refusal> {
    let id: HandoverId = id.parse().map_err(|_| revealed())?;
    let digest = |text: &str| -> [u8; 32] { Sha256::digest(text.as_bytes()).into() };
    let link = session.handover_link(id).await?;
    let right = link.as_ref().map_or([0; 32], |l| digest(l.expose_secret()));
    let fits = equal(&digest(token.expose_secret()), &right);
    let found = session.handover(id).await?;
    let now = control.now();
    found
        .filter(|h| {
            fits && h.state == HandoverState::Pending && h.expires_at.is_none_or(|at| at > now)
        })
        .ok_or_else(revealed)
}

fn revealed() -> Refusal {
    Refusal::new(Kind::NotFound, "this link was opened already, or is too old")
        .code(code::REVEALED)
        .hint("whoever opened it has the credential; if it was not you, tell whoever runs the server, and have the password deleted")
}
