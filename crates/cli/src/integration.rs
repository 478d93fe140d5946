//! Integrations with planning tools.

mod deliveries;
mod settings;

pub(crate) use settings::{read_secret, text};

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::{ArgGroup, Args, Subcommand};
use offshoot_api_types::{CreateIntegration, Integration, UpdateIntegration};
use settings::settings;
use std::path::PathBuf;
use std::time::Duration;

/// Tools that are told, and send nothing.
const CHATS: [&str; 4] = ["slack", "teams", "mattermost", "discord"];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connect a planning tool, or a chat
    Create(Create),
    /// List the integrations
    #[command(visible_alias = "ls")]
    List(List),
    /// Show an integration, with the address that the tool sends its events to
    Show(Show),
    /// Change an integration
    Update(Box<Update>),
    /// Delete an integration, with its deliveries and iterations
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// List the events that came in, with what became of each
    Deliveries(deliveries::List),
    /// Show an event that came in
    Delivery(deliveries::Show),
    /// Read an event again, with the settings of today
    Replay(deliveries::Replay),
}

#[derive(Debug, Args)]
pub struct Create {
    /// Name of the integration
    name: String,
    /// Planning tool, such as github; generic for any that sends JSON; or chat: slack, teams, mattermost, discord
    #[arg(long, value_name = "TOOL")]
    tool: String,
    /// Setting of the tool, such as repositories=acme/shop; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// File with settings, YAML or JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// File with the secret that the tool signs with; - is standard input [default: one is drawn]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// File with the token that the tool's API is asked with, or with the address of a chat's incoming
    /// webhook; - is standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How often the tool is asked, such as 5m [default: it is not asked]
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse)]
    poll_every: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name or id of the integration
    name: String,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// Name or id of the integration
    name: String,
    /// New name
    #[arg(long, value_name = "NAME", group = "change")]
    new_name: Option<String>,
    /// Setting to change; the others stay
    #[arg(long = "set", value_name = "NAME=VALUE", group = "change")]
    set: Vec<String>,
    /// File with all settings, YAML or JSON; - is standard input
    #[arg(long, value_name = "FILE", group = "change")]
    settings: Option<PathBuf>,
    /// Switch it on or off
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    enabled: Option<bool>,
    /// File with one more secret, which counts beside the others; - is standard input
    #[arg(long, value_name = "FILE", group = "change")]
    secret_file: Option<PathBuf>,
    /// Draw one more secret, and print it
    #[arg(long, group = "change")]
    new_secret: bool,
    /// Id of a secret that does not count any more
    #[arg(long, value_name = "ID", group = "change")]
    remove_secret: Vec<String>,
    /// File with another token for the tool's API; - is standard input
    #[arg(long, value_name = "FILE", group = "change")]
    token_file: Option<PathBuf>,
    /// Forget the token
    #[arg(long, group = "change", conflicts_with = "token_file")]
    no_token: bool,
    /// How often the tool is asked, such as 5m
    #[arg(long, value_name = "TIME", value_parser = crate::duration::parse, group = "change")]
    poll_every: Option<Duration>,
    /// Ask the tool no more
    #[arg(long, group = "change", conflicts_with = "poll_every")]
    no_poll: bool,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Name or id of the integration
    name: String,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(session, args).await,
        Command::List(args) => list(session, &args).await,
        Command::Show(args) => show(session, &args).await,
        Command::Update(args) => update(session, *args).await,
        Command::Delete(args) => delete(session, &args).await,
        Command::Deliveries(args) => deliveries::list(session, &args).await,
        Command::Delivery(args) => deliveries::show(session, &args).await,
        Command::Replay(args) => deliveries::replay(session, &args).await,
    }
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let body = CreateIntegration {
        name: Some(args.name),
        tool: Some(args.tool),
        settings: settings(args.settings.as_deref(), &args.set, None)?,
        secret: args.secret_file.as_deref().map(read_secret).transpose()?,
        token: args.token_file.as_deref().map(read_secret).transpose()?,
        poll_seconds: args.poll_every.map(crate::duration::wire),
    };
    let made = session
        .client
        .create_integration(&session.org, &body)
        .await?;
    if CHATS.contains(&made.tool.as_str()) {
        let text = format!(
            "Integration {0} was created.\nA rule tells it by its name: offshoot automation create DATABASE NAME --tell {0}",
            made.name
        );
        return told(session, &text, &made);
    }
    let mut text = format!(
        "Integration {} was created.\nLet {} send its events to:\n  {}",
        made.name, made.tool, made.url
    );
    if let Some(secret) = &made.plain_text {
        text.push_str(&format!(
            "\nwith this secret, which is not shown again:\n  {secret}"
        ));
    }
    told(session, &text, &made)
}

/// A sentence with a secret, where one was drawn.
fn told(session: &mut Session<'_>, text: &str, made: &Integration) -> Result<(), Failure> {
    let secret = made.plain_text.clone().unwrap_or_default();
    session.output.secret(text, made, &[("plain_text", secret)])
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let page = session
        .client
        .list_integrations(&session.org, args.paging.wanted())
        .await?;
    let none = "There are no integrations. Connect a planning tool: offshoot integration create NAME --tool github --set repositories=OWNER/NAME";
    session.output.list(&page.data, none)?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, args: &Show) -> Result<(), Failure> {
    let found = session
        .client
        .show_integration(&session.org, &args.name)
        .await?;
    session.output.one(&found)?;
    session.output.note(&details(&found))
}

async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let given = match (args.set.is_empty(), &args.settings) {
        (true, None) => None,
        (true, Some(_)) => settings(args.settings.as_deref(), &[], None)?,
        (false, _) => {
            let client = &session.client;
            let now = client.show_integration(&session.org, &args.name).await?;
            settings(args.settings.as_deref(), &args.set, Some(now.settings))?
        }
    };
    let token = match &args.token_file {
        Some(file) => Some(Some(read_secret(file)?)),
        None => args.no_token.then_some(None),
    };
    let poll = match args.poll_every {
        Some(every) => Some(Some(crate::duration::wire(every))),
        None => args.no_poll.then_some(None),
    };
    let body = UpdateIntegration {
        new_name: args.new_name,
        settings: given,
        enabled: args.enabled,
        secret: args.secret_file.as_deref().map(read_secret).transpose()?,
        draw_secret: args.new_secret.then_some(true),
        remove_secrets: Some(args.remove_secret).filter(|ids| !ids.is_empty()),
        token,
        poll_seconds: poll,
    };
    let changed = session
        .client
        .update_integration(&session.org, &args.name, &body)
        .await?;
    let mut text = format!("Integration {} was changed.", changed.name);
    if let Some(secret) = &changed.plain_text {
        text.push_str(&format!(
            "\nGive {} this secret, which is not shown again; the earlier ones count until you remove them:\n  {secret}",
            changed.tool
        ));
    }
    told(session, &text, &changed)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let name = &args.name;
    confirm(session, args.force, &format!("integration {name}"), name)?;
    session
        .client
        .delete_integration(&session.org, name)
        .await?;
    let text = format!("Integration {name} was deleted.");
    session.output.gone("integration", name, &text)
}

/// What no column has room for.
fn details(found: &Integration) -> String {
    let mut lines = Vec::new();
    if !CHATS.contains(&found.tool.as_str()) {
        lines.push(format!("Address: {}", found.url));
    }
    let settings = serde_json::to_string(&found.settings).unwrap_or_default();
    lines.push(format!("Settings: {settings}"));
    for secret in &found.secrets {
        lines.push(format!("Secret {}, since {}", secret.id, secret.created_at));
    }
    if let Some(failure) = &found.poll_failure {
        lines.push(format!("The tool could not be asked: {failure}"));
    }
    lines.join("\n")
}
