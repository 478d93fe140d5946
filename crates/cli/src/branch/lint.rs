//! `branch lint`, `branch refresh-schema` and `branch safe-migrations`.

use crate::branch::At;
use crate::failure::Failure;
use crate::session::Session;
use crate::tunnel::Place;
use clap::Subcommand;
use offshoot_client::PageOf;

#[derive(Debug, Subcommand)]
pub enum SafeMigrations {
    /// Let no statement change the schema of a production branch, whatever its role
    Enable(At),
    /// Let statements change the schema again
    Disable(At),
    /// Show whether statements may change the schema
    Show(At),
}

pub(crate) async fn lint(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let page = PageOf {
        page: None,
        per_page: Some(100),
    };
    let client = &session.client;
    let found = client
        .lint_branch(&session.org, &at.database, &at.branch, page)
        .await?;
    let none = "There is nothing to find fault with.";
    session.output.list(&found.data, none)
}

pub(crate) async fn refresh(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let Place { database, branch } = at;
    let client = &session.client;
    client
        .refresh_schema(&session.org, database, branch)
        .await?;
    if !session.output.human() {
        let object = serde_json::json!({"result": "schema refreshed", "branch": branch});
        return session.output.json(&object);
    }
    session
        .output
        .text("The schema is fresh: it is read from the engine each time.")
}

pub(crate) async fn safe_migrations(
    session: &mut Session<'_>,
    command: SafeMigrations,
) -> Result<(), Failure> {
    let (at, on) = match command {
        SafeMigrations::Enable(at) => (at, Some(true)),
        SafeMigrations::Disable(at) => (at, Some(false)),
        SafeMigrations::Show(at) => (at, None),
    };
    let Place { database, branch } = at.place(session)?;
    let (client, org) = (&session.client, &session.org);
    let branch = match on {
        Some(on) => {
            client
                .set_safe_migrations(org, &database, &branch, on)
                .await?
        }
        None => client.show_branch(org, &database, &branch).await?,
    };
    let state = if branch.safe_migrations { "on" } else { "off" };
    let text = format!("Safe migrations of branch {} are {state}.", branch.name);
    session.output.done(&text, &branch)
}
