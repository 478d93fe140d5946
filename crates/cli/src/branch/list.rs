//! `branch list`.

use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::Args;

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database
    database: String,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let page = session
        .client
        .list_branches(&session.org, &args.database, args.paging.wanted())
        .await?;
    session.output.list(&page.data, "There are no branches.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}
