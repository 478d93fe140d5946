//! `backup list`.

use crate::branch::At;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::Args;
use offshoot_client::{BackupsOf, WhichBackups};

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    at: At,
    /// Those of all branches of the database, of deleted ones, too
    #[arg(long)]
    all: bool,
    /// Only these
    #[arg(long, value_parser = ["pending", "running", "success", "failed"])]
    state: Option<String>,
    /// Only those of a policy
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    args.at.explain(session)?;
    let at = args.at.place(session)?;
    let of = BackupsOf {
        org: &session.org,
        database: &at.database,
        branch: &at.branch,
    };
    let which = WhichBackups {
        all: args.all,
        state: args.state.as_deref(),
        policy: args.policy.as_deref(),
    };
    let page = session
        .client
        .list_backups(of, which, args.paging.wanted())
        .await?;
    session.output.list(&page.data, "There are no backups.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}
