//! `backup restore`: a branch that starts with what a backup holds.

use crate::branch::create;
use crate::failure::Failure;
use crate::place;
use crate::session::Session;
use clap::Args;

#[derive(Debug, Args)]
#[command(override_usage = "offshoot backup restore [OPTIONS] [DATABASE] <NEW_BRANCH> <BACKUP>")]
pub struct Restore {
    /// Database (not needed where the project file names it), name of the new branch, id of the backup
    #[arg(required = true, num_args = 2..=3, value_name = "NAME")]
    names: Vec<String>,
    /// Return when the branch is ready, with a password for it
    #[arg(long)]
    wait: bool,
    /// Memory, cores and connections, such as PS_20: see `offshoot size list`
    #[arg(long, alias = "cluster-size", value_name = "SIZE")]
    size: Option<String>,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Restore) -> Result<(), Failure> {
    let (database, branch, backup) = match args.names.as_slice() {
        [branch, backup] => (None, branch, backup),
        [database, branch, backup] => (Some(database.as_str()), branch, backup),
        _ => return Err(Failure::usage("a name is missing", "see --help")),
    };
    let database = place::database(session, database)?;
    create::restore(
        session,
        &database,
        branch.clone(),
        backup.clone(),
        args.size,
        args.wait,
    )
    .await
}
