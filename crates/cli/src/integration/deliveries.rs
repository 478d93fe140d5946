//! Events that came in: listed, shown, replayed.

use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::Args;
use offshoot_api_types::Delivery;

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the integration
    integration: String,
    /// Only those that are that far
    #[arg(long, value_parser = ["received", "applied", "ignored", "failed"])]
    state: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name or id of the integration
    integration: String,
    /// Id of the delivery
    delivery: String,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Name or id of the integration
    integration: String,
    /// Id of the delivery
    delivery: String,
}

pub(super) async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let state = args.state.as_deref();
    let page = session
        .client
        .list_deliveries(&session.org, &args.integration, state, args.paging.wanted())
        .await?;
    session.output.list(&page.data, "No events came in.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

pub(super) async fn show(session: &mut Session<'_>, args: &Show) -> Result<(), Failure> {
    let found = session
        .client
        .show_delivery(&session.org, &args.integration, &args.delivery)
        .await?;
    session.output.one(&found)?;
    session.output.note(&details(&found))
}

pub(super) async fn replay(session: &mut Session<'_>, args: &Replay) -> Result<(), Failure> {
    let found = session
        .client
        .replay_delivery(&session.org, &args.integration, &args.delivery)
        .await?;
    let text = format!(
        "Delivery {} is read again; see what becomes of it: offshoot integration delivery {} {}",
        found.id, args.integration, found.id
    );
    session.output.done(&text, &found)
}

/// What no column has room for.
fn details(found: &Delivery) -> String {
    let mut lines: Vec<String> = found.reason.iter().cloned().collect();
    for told in &found.iterations {
        let changes = match told.changes.is_empty() {
            true => "nothing new".to_owned(),
            false => told.changes.join(", "),
        };
        lines.push(format!("{} ({}): {changes}", told.name, told.id));
    }
    lines.join("\n")
}
