//! What a change does to branches, before it does it.

use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::AutomationEffect;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Agreement {
    /// Say what it would do, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do it without a question
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
}

/// Says what would happen, and asks where something would. `false`: nothing is to be done.
pub(super) fn agree(
    session: &mut Session<'_>,
    agreement: &Agreement,
    effects: &[AutomationEffect],
) -> Result<bool, Failure> {
    if agreement.dry_run {
        session
            .output
            .list(effects, "Nothing happens to any branch.")?;
        return Ok(false);
    }
    if effects.is_empty() || agreement.yes {
        return Ok(true);
    }
    if !session.output.terminal.interactive || !session.output.human() {
        return Err(Failure::Effects {
            iterations: effects.len(),
            branches: effects.iter().filter(|e| e.deletes).count(),
        });
    }
    session.output.list(effects, "")?;
    let question = "Type \"yes\" to go on:";
    match session.output.terminal.ask(question)?.as_str() {
        "yes" => Ok(true),
        _ => {
            session.output.note("Nothing was changed.")?;
            Ok(false)
        }
    }
}
