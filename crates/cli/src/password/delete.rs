//! `password delete`.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::password::find::{by_name, find};
use crate::place;
use crate::session::Session;
use crate::tunnel::Place;
use clap::Args;

#[derive(Debug, Args)]
#[command(override_usage = "offshoot password delete [OPTIONS] [DATABASE] [BRANCH] <PASSWORD>")]
pub struct Delete {
    /// Database and branch (not needed where the project file names them), id or name of the password
    #[arg(num_args = 1..=3, required_unless_present = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Name of the password, in place of the last argument
    #[arg(long)]
    name: Option<String>,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let mut names = args.names.clone();
    names.extend(args.name.clone());
    let (Place { database, branch }, shown) = place::before(session, &names)?;
    let (database, branch) = (database.as_str(), branch.as_str());
    confirm(session, args.force, &format!("password {shown}"), shown)?;
    let password = match &args.name {
        Some(name) => by_name(session, database, branch, name).await?,
        None => find(session, database, branch, shown).await?,
    };
    session
        .client
        .delete_password(&session.org, database, branch, &password.id)
        .await?;
    let text = format!("Password {shown} was deleted; its sessions end.");
    session.output.gone("password", shown, &text)
}
