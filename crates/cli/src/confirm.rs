//! The question before something is destroyed.

use crate::failure::Failure;
use crate::session::Session;

/// Asks for `name` to be typed. `what` as a person would say it: `branch sprint-42`.
pub(crate) fn confirm(
    session: &mut Session<'_>,
    force: bool,
    what: &str,
    name: &str,
) -> Result<(), Failure> {
    if force {
        return Ok(());
    }
    let what = what.to_owned();
    if !session.output.terminal.interactive || !session.output.human() {
        return Err(Failure::Unconfirmed { what });
    }
    let question = format!("Deleting {what} cannot be undone. Type {name:?} to go on:");
    if session.output.terminal.ask(&question)? == name {
        Ok(())
    } else {
        Err(Failure::Declined { what })
    }
}
