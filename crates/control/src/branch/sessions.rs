//! The sessions that clients have in a branch's engine.

use crate::Control;
use crate::fail::Fail;
use crate::locate::LocatedBranch;
use crate::password::connects;
use crate::trail::Actor;
use offshoot_core::instance::{EngineSession, Kill};
use offshoot_core::password::Role;
use offshoot_core::refusal::Refusal;

/// Statements hold data, so this needs what a connection of role `admin` needs. A branch that
/// sleeps has none, and is not woken.
pub async fn sessions(
    control: &Control,
    at: &LocatedBranch,
) -> Result<Vec<EngineSession>, Refusal> {
    at.within
        .require(connects(at.branch.production, Role::Admin))?;
    let Some(endpoint) = control.0.fleet.endpoint(at.branch.id) else {
        return Ok(Vec::new());
    };
    let found = control.0.ports.instances.sessions(&endpoint).await;
    Ok(found.map_err(Fail::from)?)
}

/// Ends one, or its statement. Same accesses as [`sessions`].
pub async fn kill(
    control: &Control,
    at: &LocatedBranch,
    session: u64,
    what: Kill,
) -> Result<(), Refusal> {
    at.within
        .require(connects(at.branch.production, Role::Admin))?;
    let nobody = || {
        Refusal::not_found(format!(
            "session {session} of branch \"{}\"",
            at.branch.name
        ))
        .hint("it may have ended; list those there are")
    };
    let endpoint = control.0.fleet.endpoint(at.branch.id).ok_or_else(nobody)?;
    let killed = control
        .0
        .ports
        .instances
        .kill(&endpoint, session, what)
        .await;
    if !killed.map_err(Fail::from)? {
        return Err(nobody());
    }
    let mut tx = control.0.store.write().await?;
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        "branch.session_killed",
        ("Branch", at.branch.id.as_str(), at.branch.name.as_str()),
        &[("session", &session.to_string())],
    );
    tx.insert_audit(&event).await?;
    Ok(tx.commit().await?)
}
