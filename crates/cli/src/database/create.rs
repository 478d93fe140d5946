//! `database create`.

use crate::connection;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{CreateBranchPassword, CreateDatabase};
use offshoot_client::Wait;

#[derive(Debug, Args)]
pub struct Create {
    /// Name of the database, and of the MySQL schema in its branches
    database: String,
    /// mysql, mariadb, or one with its version such as mysql-9.7.4 [default: the server's default]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// Name of the production branch it starts with [default: main]
    #[arg(long, value_name = "BRANCH")]
    default_branch: Option<String>,
    /// Refuse to delete it until the protection is taken off
    #[arg(long)]
    deletion_protected: bool,
    /// Return when its branch is ready
    #[arg(long)]
    wait: bool,
    /// Make a password of its branch with this role, and print it
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    password_role: Option<String>,
    /// Accepted for compatibility and ignored
    #[arg(long, hide = true)]
    region: Option<String>,
    /// Accepted for compatibility and ignored
    #[arg(long, hide = true)]
    cluster_size: Option<String>,
    /// Accepted for compatibility and ignored
    #[arg(long, hide = true)]
    replicas: Option<u32>,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let body = CreateDatabase {
        name: Some(args.database.clone()),
        kind: None,
        engine: args.engine,
        default_branch: args.default_branch,
        deletion_protected: args.deletion_protected.then_some(true),
        password: args.password_role.map(|role| CreateBranchPassword {
            role: Some(role),
            ..CreateBranchPassword::default()
        }),
    };
    let watched = session.output.human() && session.output.terminal.watched;
    let progress = Progress::start(watched, format!("Creating database {}", args.database));
    let wait = args.wait.then_some(Wait::LONGEST);
    let client = &session.client;
    let database = client.create_database(&session.org, &body, wait).await?;
    drop(progress);
    let state = if database.ready {
        "is ready"
    } else {
        "is being made"
    };
    let mut text = format!(
        "Database {} was created; its branch {} {state}.",
        database.name, database.default_branch
    );
    if let Some(password) = &database.password {
        text.push_str("\n\n");
        text.push_str(&connection::describe(password));
    }
    let columns = connection::columns(database.password.as_ref());
    session.output.secret(&text, &database, &columns)?;
    if args.wait && !database.ready {
        let branch = format!("{} of {}", database.default_branch, database.name);
        return Err(Failure::NotReady { branch });
    }
    Ok(())
}
