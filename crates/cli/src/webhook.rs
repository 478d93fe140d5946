//! Webhooks of databases.

mod deliveries;

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use clap::{ArgGroup, Args, Subcommand};
use offshoot_api_types::{CreateWebhook, UpdateWebhook, Webhook};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a webhook: a signed request for each thing that happens to a database
    Create(Create),
    /// List the webhooks of a database
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a webhook
    Show(At),
    /// Change a webhook; switches on again one that failed too often
    Update(Update),
    /// Delete a webhook, with what was on its way to it
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Send a test to a webhook, and say what became of it
    Test(At),
    /// List what was sent to a webhook, the newest first
    Deliveries(deliveries::List),
    /// Show what was sent to a webhook, with its body
    Delivery(deliveries::Sent),
    /// Send something to a webhook again, under its id
    Replay(deliveries::Sent),
}

#[derive(Debug, Args)]
pub struct Create {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Where events are sent to, https://…
    #[arg(long, value_name = "URL")]
    url: String,
    /// Events that it gets, such as branch.ready,branch.sleeping [default: all]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    events: Vec<String>,
    /// Switch it on [default: true]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enabled: Option<bool>,
}

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Which webhook.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct At {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Id of the webhook
    webhook: String,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    #[command(flatten)]
    at: At,
    /// Where events are sent to, https://…
    #[arg(long, value_name = "URL", group = "change")]
    url: Option<String>,
    /// Events that it gets, in the place of those of today; "" for all
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', group = "change")]
    events: Option<Vec<String>>,
    /// Switch it on or off
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    enabled: Option<bool>,
}

#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    at: At,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

impl At {
    pub(super) fn database(&self, session: &Session<'_>) -> Result<String, Failure> {
        place::database(session, self.database.as_deref())
    }
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(session, args).await,
        Command::List(args) => list(session, &args).await,
        Command::Show(at) => show(session, &at).await,
        Command::Update(args) => update(session, args).await,
        Command::Delete(args) => delete(session, &args).await,
        Command::Test(at) => deliveries::test(session, &at).await,
        Command::Deliveries(args) => deliveries::list(session, args).await,
        Command::Delivery(args) => deliveries::show(session, &args).await,
        Command::Replay(args) => deliveries::replay(session, &args).await,
    }
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let body = CreateWebhook {
        url: Some(args.url),
        enabled: Some(args.enabled.unwrap_or(true)),
        events: Some(args.events).filter(|events| !events.is_empty()),
    };
    let made = session
        .client
        .create_webhook(&session.org, &database, &body)
        .await?;
    let secret = made.secret.clone().unwrap_or_default();
    let text = format!(
        "Webhook {} was created.\nBodies are signed with this secret, in X-PlanetScale-Signature:\n  {secret}",
        made.id
    );
    session.output.secret(&text, &made, &[("secret", secret)])
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let page = session
        .client
        .list_webhooks(&session.org, &database, args.paging.wanted())
        .await?;
    let none = "There are no webhooks. Make one: offshoot webhook create DATABASE --url https://…";
    session.output.list(&page.data, none)?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let database = at.database(session)?;
    let found = session
        .client
        .show_webhook(&session.org, &database, &at.webhook)
        .await?;
    session.output.one(&found)?;
    session.output.note(&details(&found))
}

async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let events = args.events.map(|all| {
        let all = all.into_iter();
        all.filter(|event| !event.trim().is_empty()).collect()
    });
    let body = UpdateWebhook {
        url: args.url,
        enabled: args.enabled,
        events,
    };
    let changed = session
        .client
        .update_webhook(&session.org, &database, &args.at.webhook, &body)
        .await?;
    let text = format!("Webhook {} was changed.", changed.id);
    session.output.done(&text, &changed)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let id = &args.at.webhook;
    confirm(session, args.force, &format!("webhook {id}"), id)?;
    session
        .client
        .delete_webhook(&session.org, &database, id)
        .await?;
    let text = format!("Webhook {id} was deleted.");
    session.output.gone("webhook", id, &text)
}

/// What no column has room for.
fn details(found: &Webhook) -> String {
    let mut lines = vec![format!("Events: {}", found.events.join(", "))];
    if let Some(secret) = &found.secret {
        lines.push(format!("Secret: {secret}"));
    }
    match (&found.disabled_reason, &found.last_sent_result) {
        (Some(reason), _) => lines.push(format!(
            "It was switched off: {reason}. Switch it on again: offshoot webhook update --enabled"
        )),
        (None, Some(result)) if found.last_sent_success == Some(false) => {
            lines.push(format!("The last try failed: {result}"));
        }
        _ => {}
    }
    lines.join("\n")
}
