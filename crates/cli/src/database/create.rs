//! `database create`.

use crate::connection;
use crate::failure::Failure;
use crate::import::{Dump, Flags, How, fill};
use crate::progress::Progress;
use crate::session::Session;
use crate::tunnel::Place;
use clap::Args;
use offshoot_api_types::{CreateBranchPassword, CreateDatabase, Database};
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
    /// Load a dump into it: a file of statements (plain, .gz or .zst), a directory that mydumper wrote, or -
    #[arg(long, value_name = "DUMP")]
    import: Option<String>,
    /// Keep the database when its dump cannot be loaded, with what was loaded until then
    #[arg(long, requires = "import")]
    keep_on_failure: bool,
    #[command(flatten)]
    flags: Flags,
    /// Return when its branch is ready
    #[arg(long)]
    wait: bool,
    /// Make a password of its branch with this role, and print it
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    password_role: Option<String>,
    /// Accepted for compatibility and ignored
    #[arg(long, hide = true)]
    region: Option<String>,
    /// Memory, cores and connections of its branch, such as PS_20: see `offshoot size list`
    #[arg(long, alias = "cluster-size", value_name = "SIZE")]
    size: Option<String>,
    /// Accepted for compatibility and ignored
    #[arg(long, hide = true)]
    replicas: Option<u32>,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    // What cannot be read is said before anything is made.
    let dump = args.import.as_deref().map(Dump::find).transpose()?;
    let body = CreateDatabase {
        name: Some(args.database.clone()),
        kind: None,
        cluster_size: args.size,
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
    let wait = (args.wait || dump.is_some()).then_some(Wait::LONGEST);
    let client = &session.client;
    let database = client.create_database(&session.org, &body, wait).await?;
    drop(progress);
    let imported = match &dump {
        Some(dump) => {
            Some(import(session, &args.flags, args.keep_on_failure, &database, dump).await?)
        }
        None => None,
    };
    let state = if database.ready {
        "is ready"
    } else {
        "is being made"
    };
    let mut text = format!(
        "Database {} was created; its branch {} {state}.",
        database.name, database.default_branch
    );
    if let Some(imported) = &imported {
        text.push('\n');
        text.push_str(imported);
    }
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

/// Fills the new database; what was done, as a sentence. When that fails, the database goes again.
async fn import(
    session: &mut Session<'_>,
    flags: &Flags,
    keep: bool,
    database: &Database,
    dump: &Dump,
) -> Result<String, Failure> {
    let place = Place {
        database: database.name.clone(),
        branch: database.default_branch.clone(),
    };
    let how = How::new(
        *flags,
        database.engine.clone(),
        database.schema_name.clone(),
    );
    let filled = match database.ready {
        true => fill(session, &place, dump, &how).await,
        false => Err(Failure::NotReady {
            branch: database.default_branch.clone(),
        }),
    };
    let failure = match filled {
        Ok(report) => return Ok(report.sentence()),
        Err(failure) => failure,
    };
    let name = &database.name;
    if keep {
        return Err(failure.with_outcome(format!(
            "Database {name} is there, with what was loaded until then."
        )));
    }
    let outcome = match session.client.delete_database(&session.org, name).await {
        Ok(()) => format!("Database {name} was deleted again."),
        Err(error) => format!("Database {name} is there, half filled: {error}."),
    };
    Err(failure.with_outcome(outcome))
}
