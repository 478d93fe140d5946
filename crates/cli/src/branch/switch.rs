//! `branch switch`.

use crate::failure::Failure;
use crate::place;
use crate::progress::Progress;
use crate::project::{self, Project};
use crate::session::Session;
use clap::Args;
use offshoot_api_types::CreateBranch;
use offshoot_client::Wait;

#[derive(Debug, Args)]
pub struct Switch {
    /// Name or id of the branch
    branch: String,
    /// Name or id of the database [default: the project file's]
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Create the branch when it is not there
    #[arg(long)]
    create: bool,
    /// Branch to make it from [default: the database's default branch]
    #[arg(long, value_name = "BRANCH", requires = "create")]
    parent_branch: Option<String>,
    /// Return when the new branch is ready
    #[arg(long, requires = "create")]
    wait: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Switch) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let client = session.client.clone();
    let found = client
        .show_branch(&session.org, &database, &args.branch)
        .await;
    let branch = match found {
        Err(error) if args.create && error.not_found() => {
            let watched = session.output.human() && session.output.terminal.watched;
            let progress = Progress::start(watched, format!("Creating branch {}", args.branch));
            let body = CreateBranch {
                name: Some(args.branch.clone()),
                parent_branch: args.parent_branch.clone(),
                ..CreateBranch::default()
            };
            let wait = args.wait.then_some(Wait::LONGEST);
            let made = client
                .create_branch(&session.org, &database, &body, wait)
                .await?;
            drop(progress);
            made
        }
        found => found?,
    };
    // What a project said stays; an organization of the default needs not be said.
    let project = Project {
        org: session.project.org.clone().or_else(|| session.other_org()),
        database: Some(database.clone()),
        branch: Some(branch.name.clone()),
        ignored: Vec::new(),
    };
    let path = project::save(&session.output.terminal.directory, &project)?;
    let text = format!(
        "Commands in this directory work on branch {} of {database} ({}).",
        branch.name,
        path.display()
    );
    session.output.done(&text, &branch)?;
    if args.wait && !branch.ready {
        return Err(Failure::NotReady {
            branch: branch.name,
        });
    }
    Ok(())
}
