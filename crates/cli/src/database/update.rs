//! `database update`.

use crate::failure::Failure;
use crate::session::Session;
use clap::{ArgAction, Args};
use offshoot_api_types::UpdateDatabase;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// Name or id
    database: String,
    /// The MySQL schema inside keeps its name
    #[arg(long, value_name = "NAME", group = "change")]
    new_name: Option<String>,
    /// Branch that new branches are made from
    #[arg(long, value_name = "BRANCH", group = "change")]
    default_branch: Option<String>,
    /// Refuse to delete it
    #[arg(long, value_name = "true|false", action = ArgAction::Set, group = "change")]
    deletion_protected: Option<bool>,
    /// Let branches start with data
    #[arg(long, value_name = "true|false", action = ArgAction::Set, group = "change")]
    allow_data_branching: Option<bool>,
    /// Make no branch with data unless there are seed rules for it to pass
    #[arg(long, value_name = "true|false", action = ArgAction::Set, group = "change")]
    require_seed_rules: Option<bool>,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let body = UpdateDatabase {
        new_name: args.new_name,
        deletion_protected: args.deletion_protected,
        allow_data_branching: args.allow_data_branching,
        default_branch: args.default_branch,
        require_seed_rules: args.require_seed_rules,
    };
    let client = &session.client;
    let database = client
        .update_database(&session.org, &args.database, &body)
        .await?;
    let text = format!("Database {} was changed.", database.name);
    session.output.done(&text, &database)
}
