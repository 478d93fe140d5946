//! `database import`: a dump into a branch that is there.

use crate::failure::Failure;
use crate::import::{Dump, Ending, Flags, How, OnFailure, into_branch};
use crate::place;
use crate::session::Session;
use crate::tunnel::Place;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(override_usage = "offshoot database import [OPTIONS] [DATABASE] [BRANCH] <DUMP>")]
pub struct Import {
    /// Database and branch (not needed where the project file names them; without a branch the
    /// default branch), and the dump: a file of statements (plain, .gz or .zst), a directory that
    /// mydumper wrote, or - for standard input
    #[arg(num_args = 1..=3, required = true, value_name = "NAME")]
    names: Vec<String>,
    /// What becomes of the branch when the dump cannot be loaded
    #[arg(long, value_enum, default_value = "revert")]
    on_failure: OnFailure,
    /// Take the branch back so long after this program has died
    #[arg(long, value_name = "TIME", default_value = "60", value_parser = crate::duration::parse)]
    expire_after: Duration,
    #[command(flatten)]
    flags: Flags,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Import) -> Result<(), Failure> {
    let (dump, names) = args.names.split_last().ok_or_else(|| {
        Failure::usage("no dump was named", "see offshoot database import --help")
    })?;
    let dump = Dump::find(dump)?;
    let name = |i: usize| names.get(i).map(String::as_str);
    let place = place::of(session, name(0), name(1)).await?;
    let client = &session.client;
    let database = client.show_database(&session.org, &place.database).await?;
    let branch = client
        .show_branch(&session.org, &place.database, &place.branch)
        .await?;
    let place = Place {
        database: database.name,
        branch: branch.name,
    };
    let how = How::new(args.flags, branch.engine, database.schema_name);
    let ending = Ending {
        on_failure: args.on_failure,
        expire_after: args.expire_after,
    };
    let report = into_branch(session, &place, &dump, &how, ending).await?;
    session.output.done(&report.sentence(), &report)
}
