//! `branch delete`.

use crate::branch::Named;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;

#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    at: Named,
    /// Delete without a question
    #[arg(long)]
    force: bool,
    /// Delete the branches made from it, too
    #[arg(long)]
    delete_descendants: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let place = args.at.place(session)?;
    let name = &place.branch;
    let with = if args.delete_descendants {
        " with all its descendants"
    } else {
        ""
    };
    confirm(session, args.force, &format!("branch {name}{with}"), name)?;
    session
        .client
        .delete_branch(&session.org, &place.database, name, args.delete_descendants)
        .await?;
    let text = format!("Branch {name} was deleted{with}.");
    session.output.gone("branch", name, &text)
}
