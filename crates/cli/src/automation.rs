//! Automations: which iterations make which branches.

mod apply;
mod delivery;
mod effects;
mod fields;
mod test;

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use clap::{ArgGroup, Args, Subcommand};
use delivery::Tokens;
use effects::{Agreement, agree};
use fields::Fields;
use offshoot_api_types::{Automation, CreateAutomation, UpdateAutomation};
use std::collections::BTreeMap;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a rule: which iterations get a branch of the database, and what becomes of it
    Create(Box<Create>),
    /// List the automations of a database
    #[command(visible_alias = "ls")]
    List(List),
    /// Show an automation; as YAML it can be applied again
    Show(At),
    /// Change an automation; says first what that does to branches that are there
    Update(Box<Update>),
    /// Delete an automation; the branches that it made stay
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Make or change automations as a file says; says first what that does
    Apply(apply::Apply),
    /// See what an event would do, without doing it
    Test(test::Test),
}

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Which automation.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct At {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the automation
    automation: String,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
#[command(group = ArgGroup::new("change").multiple(true))]
pub struct Create {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name of the automation
    name: String,
    /// Make it without switching it on
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    agreement: Agreement,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    #[command(flatten)]
    at: At,
    /// New name
    #[arg(long, value_name = "NAME", group = "change")]
    new_name: Option<String>,
    /// Switch it on or off
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    enabled: Option<bool>,
    /// Draw another secret that its webhooks are signed with, and print it
    #[arg(long, group = "change")]
    new_webhook_secret: bool,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    tokens: Tokens,
    /// Forget the token of a credential
    #[arg(long, value_name = "CREDENTIAL", group = "change")]
    no_token: Vec<String>,
    #[command(flatten)]
    agreement: Agreement,
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
    fn database(&self, session: &Session<'_>) -> Result<String, Failure> {
        place::database(session, self.database.as_deref())
    }
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(session, *args).await,
        Command::List(args) => list(session, &args).await,
        Command::Show(at) => show(session, &at).await,
        Command::Update(args) => update(session, *args).await,
        Command::Delete(args) => delete(session, &args).await,
        Command::Apply(args) => apply::run(session, args).await,
        Command::Test(args) => test::run(session, args).await,
    }
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let body = CreateAutomation {
        name: args.name,
        rule: args.fields.rule(None)?,
        enabled: args.disabled.then_some(false),
        tokens: args.tokens.read()?,
    };
    let effects = session
        .client
        .preview_new_automation(&session.org, &database, &body)
        .await?;
    if !agree(session, &args.agreement, &effects.effects)? {
        return Ok(());
    }
    let made = session
        .client
        .create_automation(&session.org, &database, &body)
        .await?;
    let text = format!("Automation {} was created.", made.name);
    told(session, text, &made)
}

/// A sentence with a secret, where one was drawn.
fn told(session: &mut Session<'_>, mut text: String, made: &Automation) -> Result<(), Failure> {
    if let Some(secret) = &made.webhook_secret {
        text.push_str(&format!(
            "\nIts webhooks are signed with this secret, which is not shown again:\n  {secret}"
        ));
    }
    let secret = made.webhook_secret.clone().unwrap_or_default();
    session
        .output
        .secret(&text, made, &[("webhook_secret", secret)])
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let page = session
        .client
        .list_automations(&session.org, &database, args.paging.wanted())
        .await?;
    let none = "There are no automations. Write a rule: offshoot automation create DATABASE NAME --integration INTEGRATION";
    session.output.list(&page.data, none)?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let database = at.database(session)?;
    let found = session
        .client
        .show_automation(&session.org, &database, &at.automation)
        .await?;
    if !session.output.human() {
        return session.output.one(&found);
    }
    session.output.text(apply::yaml(&found)?.trim_end())?;
    let on = match found.enabled {
        true => "",
        false => " It is switched off.",
    };
    if !found.tokens.is_empty() {
        session.output.note(&format!(
            "Credentials with a token of their own, which is not shown: {}.",
            found.tokens.join(", ")
        ))?;
    }
    session.output.note(&format!(
        "{} iterations; changed by {} at {}.{on}",
        found.iterations, found.actor.display_name, found.updated_at
    ))
}

async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let name = &args.at.automation;
    let rule = match args.fields.given() {
        false => None,
        true => {
            let client = &session.client;
            let now = client
                .show_automation(&session.org, &database, name)
                .await?;
            Some(args.fields.rule(Some(&now.rule))?)
        }
    };
    let given = args.tokens.read()?.into_iter();
    let mut tokens: BTreeMap<_, _> = given.map(|(name, t)| (name, Some(t))).collect();
    tokens.extend(args.no_token.into_iter().map(|name| (name, None)));
    let body = UpdateAutomation {
        tokens,
        new_name: args.new_name,
        rule,
        enabled: args.enabled,
        draw_webhook_secret: args.new_webhook_secret.then_some(true),
    };
    let effects = session
        .client
        .preview_automation(&session.org, &database, name, &body)
        .await?;
    if !agree(session, &args.agreement, &effects.effects)? {
        return Ok(());
    }
    let changed = session
        .client
        .update_automation(&session.org, &database, name, &body)
        .await?;
    let text = format!("Automation {} was changed.", changed.name);
    told(session, text, &changed)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let name = &args.at.automation;
    confirm(session, args.force, &format!("automation {name}"), name)?;
    session
        .client
        .delete_automation(&session.org, &database, name)
        .await?;
    let text = format!("Automation {name} was deleted; the branches that it made stay.");
    session.output.gone("automation", name, &text)
}
