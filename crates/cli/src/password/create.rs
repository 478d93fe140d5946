//! `password create`.

use crate::connection;
use crate::duration::{self, wire, words};
use crate::failure::Failure;
use crate::place;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::CreatePassword;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(override_usage = "offshoot password create [OPTIONS] [DATABASE] [BRANCH] <NAME>")]
pub struct Create {
    /// Database and branch (not needed where the project file names them), name of the password
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
    /// What it may do [default: admin]
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    role: Option<String>,
    /// Time after which it expires, such as 24h; 0 = never
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    ttl: Option<Duration>,
    /// Address or network that may use it, repeatable [default: all]
    #[arg(long = "cidr", value_name = "CIDR", value_delimiter = ',')]
    cidrs: Vec<String>,
    /// The role is reader unless another one is given
    #[arg(long)]
    replica: bool,
}

/// The unit of a plain number is said, not guessed.
fn ending(ttl: Option<Duration>) -> String {
    let ttl = ttl.filter(|t| !t.is_zero());
    ttl.map(|t| format!(" and expires after {}", words(t)))
        .unwrap_or_default()
}

pub(crate) async fn run(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let (at, name) = place::before(session, &args.names)?;
    let body = CreatePassword {
        name: Some(name.to_owned()),
        role: args.role,
        ttl: args.ttl.map(wire),
        cidrs: (!args.cidrs.is_empty()).then_some(args.cidrs),
        replica: args.replica.then_some(true),
    };
    let password = session
        .client
        .create_password(&session.org, &at.database, &at.branch, &body)
        .await?;
    let text = format!(
        "Password {} of branch {} was created{}.\n\n{}",
        password.name,
        password.database_branch.name,
        ending(args.ttl),
        connection::describe(&password)
    );
    let columns = connection::columns(Some(&password));
    session.output.secret(&text, &password, &columns)
}
