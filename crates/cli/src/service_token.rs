//! Service tokens and what they may do.

use crate::confirm::confirm;
use crate::duration::{self, wire};
use crate::failure::Failure;
use crate::session::Session;
use clap::{Args, Subcommand};
use offshoot_api_types::{ChangeAccess, CreateServiceToken};
use offshoot_client::PageOf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a service token without any access; it is printed once
    Create(Create),
    /// List service tokens
    #[command(visible_alias = "ls")]
    List,
    /// Delete a service token
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Grant accesses
    AddAccess(Access),
    /// Take accesses away
    DeleteAccess(Access),
    /// Show what a service token may do
    ShowAccess(Show),
}

#[derive(Debug, Args)]
pub struct Create {
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    /// Time after which it expires, such as 90d; 0 = never
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    ttl: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Id of the token
    token: String,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub struct Access {
    /// Id of the token
    token: String,
    /// Such as read_branch, create_branch, connect_branch
    #[arg(required = true, value_name = "ACCESS", value_delimiter = ',')]
    accesses: Vec<String>,
    /// On this database only [default: the whole organization]
    #[arg(long)]
    database: Option<String>,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Id of the token
    token: String,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(session, args).await,
        Command::List => list(session).await,
        Command::Delete(args) => delete(session, &args).await,
        Command::AddAccess(args) => add_access(session, args).await,
        Command::DeleteAccess(args) => delete_access(session, args).await,
        Command::ShowAccess(args) => show_access(session, &args.token).await,
    }
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let body = CreateServiceToken {
        name: args.name,
        ttl: args.ttl.map(wire),
    };
    let client = &session.client;
    let token = client.create_service_token(&session.org, &body).await?;
    let secret = token.token.clone().unwrap_or_default();
    let text = format!(
        "Service token {name} was created. It has no access yet: offshoot service-token add-access {id} <access>…\n\n  \
         OFFSHOOT_SERVICE_TOKEN_ID={id}\n  OFFSHOOT_SERVICE_TOKEN={secret}\n\n\
         The token will not be shown again.",
        name = token.display_name,
        id = token.id,
    );
    session.output.secret(&text, &token, &[("token", secret)])
}

async fn list(session: &mut Session<'_>) -> Result<(), Failure> {
    let page = PageOf {
        page: None,
        per_page: Some(100),
    };
    let tokens = session
        .client
        .list_service_tokens(&session.org, page)
        .await?;
    session
        .output
        .list(&tokens.data, "There are no service tokens.")
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let id = &args.token;
    confirm(session, args.force, &format!("service token {id}"), id)?;
    session
        .client
        .delete_service_token(&session.org, id)
        .await?;
    let text = format!("Service token {id} was deleted.");
    session.output.gone("service token", id, &text)
}

async fn add_access(session: &mut Session<'_>, args: Access) -> Result<(), Failure> {
    let body = ChangeAccess {
        database: args.database,
        access: args.accesses,
    };
    let client = &session.client;
    client.add_access(&session.org, &args.token, &body).await?;
    show_access(session, &args.token).await
}

async fn delete_access(session: &mut Session<'_>, args: Access) -> Result<(), Failure> {
    let body = ChangeAccess {
        database: args.database,
        access: args.accesses,
    };
    let client = &session.client;
    client
        .delete_access(&session.org, &args.token, &body)
        .await?;
    show_access(session, &args.token).await
}

async fn show_access(session: &mut Session<'_>, token: &str) -> Result<(), Failure> {
    let client = &session.client;
    let grants = client.service_token_grants(&session.org, token).await?;
    let none = "It has no access.";
    session.output.list(&grants.data, none)
}
