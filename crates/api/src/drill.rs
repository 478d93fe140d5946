//! Restore drills of backups: a file per verb.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod list_of_backup;
pub(crate) mod show;

use crate::request::Parameters;
use offshoot_control::drill::DrillFilter;
use offshoot_core::Refusal;
use offshoot_core::drill::DrillState;

/// `None`: nothing can fit.
fn filter(parameters: &Parameters) -> Result<Option<DrillFilter>, Refusal> {
    let state = match parameters.text("state") {
        Some(text) => {
            let known = DrillState::ALL.into_iter().find(|s| s.as_str() == text);
            Some(known.ok_or_else(|| {
                Refusal::invalid("state", "there is no such state")
                    .hint("use pending, running, success, failed or error")
            })?)
        }
        None => None,
    };
    let backup = match parameters.text("backup").map(str::parse) {
        Some(Err(_)) => return Ok(None),
        backup => backup.and_then(Result::ok),
    };
    Ok(Some(DrillFilter { backup, state }))
}
