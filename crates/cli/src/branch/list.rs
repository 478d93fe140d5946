//! `branch list`.

use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use crate::web::Web;
use clap::Args;

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    args.web.explain(session)?;
    let database = place::database(session, args.database.as_deref())?;
    let page = session
        .client
        .list_branches(&session.org, &database, args.paging.wanted())
        .await?;
    session.output.list(&page.data, "There are no branches.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}
