//! Makes and drops users' schemas. Other than what [`super::apply`] replays, this is done to the branch itself: it
//! is in the binlog, so that copies of the branch's history have it.

use super::channel::Channel;
use crate::admin::AdminError;
use crate::admin::session::identifier;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::Refusal;

/// The engine's numbers for a schema that is there already, one that is not, and a lock that was waited for in vain.
const EXISTS: u16 = 1007;
const MISSING: u16 = 1008;
const LOCKED: u16 = 1205;

pub(super) async fn create(channel: &mut Channel, name: &str) -> PortResult<bool> {
    let sql = format!("CREATE DATABASE {}", identifier(name));
    done(channel.query(sql).await, EXISTS, "made", name)
}

pub(super) async fn drop(channel: &mut Channel, name: &str) -> PortResult<bool> {
    let sql = format!("DROP DATABASE {}", identifier(name));
    done(channel.query(sql).await, MISSING, "dropped", name)
}

/// `already`: the number that says that there was nothing to do.
fn done<T>(
    answer: Result<T, AdminError>,
    already: u16,
    what: &str,
    name: &str,
) -> PortResult<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(AdminError::Server { code, .. }) if code == already => Ok(false),
        Err(AdminError::Server { code: LOCKED, .. }) => Err(PortError::fatal(
            Refusal::conflict(format!(
                "keyspace \"{name}\" could not be {what}: somebody uses a table of it"
            ))
            .hint("try again when its transactions have ended: offshoot branch connections show"),
        )),
        Err(AdminError::Server { code, message, .. }) => {
            Err(PortError::fatal(Refusal::unprocessable(format!(
                "keyspace \"{name}\" could not be {what}: the engine says {message} ({code})"
            ))))
        }
        Err(other) => Err(other.into()),
    }
}
