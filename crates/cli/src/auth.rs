//! `auth`: who the server takes the caller for, and the programs that act for users.

use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::{Args, Subcommand};
use offshoot_client::PageOf;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check that the server answers and knows the service token
    Check,
    /// List sessions: programs that users logged in, with `pscale auth login` or another
    Sessions(Sessions),
    /// End a session
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct Sessions {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Id of the session
    session: String,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Check => check(session).await,
        Command::Sessions(args) => sessions(session, &args).await,
        Command::Revoke(args) => revoke(session, &args.session).await,
    }
}

async fn sessions(session: &mut Session<'_>, args: &Sessions) -> Result<(), Failure> {
    let wanted = args.paging.wanted();
    let page = session.client.list_sessions(&session.org, wanted).await?;
    session.output.list(&page.data, "There are no sessions.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn revoke(session: &mut Session<'_>, id: &str) -> Result<(), Failure> {
    session.client.revoke_session(&session.org, id).await?;
    let text = format!("Session {id} is over.");
    session.output.gone("session", id, &text)
}

async fn check(session: &mut Session<'_>) -> Result<(), Failure> {
    let page = session.client.list_organizations(PageOf::default()).await?;
    let member = page
        .data
        .iter()
        .any(|o| o.name == session.org || o.id == session.org);
    if !member {
        return Err(Failure::usage(
            format!(
                "the service token is good, but not for organization {}",
                session.org
            ),
            "choose another one with --org; `offshoot org list` shows them",
        ));
    }
    let url = session.client.address();
    if !session.output.human() {
        let object = json!({"status": "ok", "authenticated": true, "auth_method": "service_token",
            "organization": session.org, "api_url": url, "issues": [], "next_steps": []});
        return session.output.json(&object);
    }
    let text = format!(
        "{url} knows the service token, for organization {}.",
        session.org
    );
    session.output.text(&text)
}
