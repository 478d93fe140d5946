//! What was sent to a webhook: listed, shown, sent again; and tests.

use super::At;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::WebhookDelivery;
use offshoot_client::{PageOf, WhichSent};
use std::time::Duration;

/// Longer than a receiver has for its answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    at: At,
    /// Only those that are that far
    #[arg(long, value_parser = ["pending", "delivered", "failed"])]
    state: Option<String>,
    /// Only those of one event, such as branch.ready
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Which delivery.
#[derive(Debug, Args)]
pub struct Sent {
    /// Name of the database [default: the project file's], id of the webhook, id of the delivery
    #[arg(required = true, num_args = 2..=3, value_name = "NAME")]
    names: Vec<String>,
}

impl Sent {
    /// Database, webhook, delivery.
    fn place(&self, session: &Session<'_>) -> Result<(String, &str, &str), Failure> {
        let (database, webhook, delivery) = match self.names.as_slice() {
            [database, webhook, delivery] => (Some(database.as_str()), webhook, delivery),
            [webhook, delivery] => (None, webhook, delivery),
            _ => return Err(Failure::usage("a name is missing", "see --help")),
        };
        Ok((place::database(session, database)?, webhook, delivery))
    }
}

pub(super) async fn list(session: &mut Session<'_>, args: List) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let which = WhichSent {
        state: args.state,
        event: args.event,
    };
    let page = session
        .client
        .list_webhook_deliveries(
            &session.org,
            &database,
            &args.at.webhook,
            &which,
            args.paging.wanted(),
        )
        .await?;
    session.output.list(&page.data, "Nothing was sent.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

pub(super) async fn show(session: &mut Session<'_>, args: &Sent) -> Result<(), Failure> {
    let (database, webhook, delivery) = args.place(session)?;
    let found = session
        .client
        .show_webhook_delivery(&session.org, &database, webhook, delivery)
        .await?;
    session.output.one(&found)?;
    let mut lines: Vec<String> = found.failure.iter().cloned().collect();
    if let Some(payload) = &found.payload {
        lines.push(serde_json::to_string_pretty(payload).unwrap_or_default());
    }
    session.output.note(&lines.join("\n"))
}

pub(super) async fn replay(session: &mut Session<'_>, args: &Sent) -> Result<(), Failure> {
    let (database, webhook, delivery) = args.place(session)?;
    let found = session
        .client
        .replay_webhook_delivery(&session.org, &database, webhook, delivery)
        .await?;
    let text = format!("Delivery {} is sent again.", found.id);
    session.output.done(&text, &found)
}

pub(super) async fn test(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let database = at.database(session)?;
    let client = &session.client;
    client
        .test_webhook(&session.org, &database, &at.webhook, PATIENCE)
        .await?;
    let which = WhichSent {
        event: Some("webhook.test".to_owned()),
        ..WhichSent::default()
    };
    let newest = PageOf {
        page: None,
        per_page: Some(1),
    };
    let page = client
        .list_webhook_deliveries(&session.org, &database, &at.webhook, &which, newest)
        .await?;
    match page.data.into_iter().next() {
        Some(sent) => told(session, at, &sent),
        None => session
            .output
            .text("A test was sent, and is forgotten already."),
    }
}

fn told(session: &mut Session<'_>, at: &At, sent: &WebhookDelivery) -> Result<(), Failure> {
    let status = sent.status_code.unwrap_or_default();
    let took = sent.duration_ms.unwrap_or_default();
    match sent.state.as_str() {
        "delivered" => {
            let text = format!("The test arrived: status {status} after {took} ms.");
            session.output.done(&text, sent)
        }
        "pending" => {
            let text = format!(
                "The test is on its way; see what becomes of it: offshoot webhook deliveries {}",
                at.webhook
            );
            session.output.done(&text, sent)
        }
        _ => {
            let why = sent.failure.as_deref().unwrap_or("the reason is not known");
            let reason = why.to_owned();
            session.output.failed(Failure::WebhookTest { reason }, sent)
        }
    }
}
