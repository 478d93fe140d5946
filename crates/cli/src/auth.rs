//! `auth`: who the server takes the caller for.

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;
use offshoot_client::PageOf;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check that the server answers and knows the service token
    Check,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    let Command::Check = command;
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
