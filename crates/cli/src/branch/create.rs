//! `branch create`.

use crate::connection;
use crate::duration::{self, wire};
use crate::failure::Failure;
use crate::label;
use crate::limit::{self, Connections, Quota};
use crate::place;
use crate::progress::Progress;
use crate::session::Session;
use crate::switch;
use clap::Args;
use offshoot_api_types::{Branch, CreateBranch, CreateBranchPassword, Seed};
use offshoot_client::Wait;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct Create {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name of the new branch
    branch: String,
    /// Branch to make it from [default: the database's default branch]
    #[arg(long, value_name = "BRANCH")]
    from: Option<String>,
    /// Start with the data of the latest good backup of the branch it is made from
    #[arg(long, conflicts_with_all = ["restore", "live", "restore_point"])]
    seed_data: bool,
    /// Start with what this backup holds
    #[arg(long, value_name = "BACKUP", conflicts_with_all = ["from", "live", "restore_point"])]
    restore: Option<String>,
    /// Start with the data of the branch it is made from, as it is now
    #[arg(long, conflicts_with = "restore_point")]
    live: bool,
    /// Start with the data of the branch it is made from, as it was then: a time such as
    /// 2026-12-31T18:00:00Z, or a GTID set
    #[arg(long, value_name = "MOMENT")]
    restore_point: Option<String>,
    /// Return when the branch is ready, with a password for it
    #[arg(long)]
    wait: bool,
    /// Role of the password that is made along [default: admin]
    #[arg(long, value_name = "ROLE", value_parser = ["reader", "writer", "readwriter", "admin"])]
    password_role: Option<String>,
    /// Name of the password
    #[arg(long, value_name = "NAME")]
    password_name: Option<String>,
    /// Time after which the password expires, such as 24h
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    password_ttl: Option<Duration>,
    /// Make no password
    #[arg(long, conflicts_with_all = ["password_role", "password_name", "password_ttl"])]
    no_password: bool,
    /// Time after which the branch is deleted, such as 14d; a plain number is seconds
    #[arg(long, value_name = "TIME", value_parser = duration::parse, conflicts_with = "expires_at")]
    ttl: Option<Duration>,
    /// Moment at which the branch is deleted, such as 2026-12-31T18:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Label, repeatable
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label::parse_pair)]
    labels: Vec<(String, String)>,
    /// Idle time after which it sleeps, 0 = never [default: the server's]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    sleep_after: Option<Duration>,
    /// Run its events [default: off, a copy does not do its parent's work]
    #[arg(long, value_name = "on|off", value_parser = switch::parse)]
    event_scheduler: Option<bool>,
    /// Clients that may be connected at once [default: the server's]
    #[arg(long, value_name = "N", value_parser = limit::connections)]
    max_connections: Option<Connections>,
    /// What its data may take on disk, such as 5G, or none [default: the server's]
    #[arg(long, value_name = "SIZE", value_parser = limit::quota)]
    disk_quota: Option<Quota>,
    /// Refuse to delete it until the protection is taken off
    #[arg(long)]
    deletion_protected: bool,
    /// Accepted for compatibility and ignored: there is one region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Memory, cores and connections, such as PS_20: see `offshoot size list`
    #[arg(long, alias = "cluster-size", value_name = "SIZE")]
    size: Option<String>,
}

impl Create {
    /// A password is wanted when one of its flags says so, or when the branch is to be used at once.
    fn password(&self) -> Option<CreateBranchPassword> {
        let asked = self.password_role.is_some()
            || self.password_name.is_some()
            || self.password_ttl.is_some();
        ((asked || self.wait) && !self.no_password).then(|| CreateBranchPassword {
            name: self.password_name.clone(),
            role: self.password_role.clone(),
            ttl: self.password_ttl.map(wire),
        })
    }

    fn body(&self) -> CreateBranch {
        CreateBranch {
            name: Some(self.branch.clone()),
            parent_branch: self.from.clone(),
            seed_data: self.seed_data.then(|| "last_successful_backup".to_owned()),
            backup_id: self.restore.clone(),
            seed: self.live.then(|| "live".to_owned()),
            restore_point: self.restore_point.clone(),
            deletion_protected: self.deletion_protected.then_some(true),
            password: self.password(),
            ttl: self.ttl.map(wire),
            expires_at: self.expires_at.clone(),
            labels: (!self.labels.is_empty()).then(|| self.labels.iter().cloned().collect()),
            sleep_after_seconds: self.sleep_after.map(wire),
            event_scheduler: self.event_scheduler,
            max_connections: self.max_connections.and_then(|n| n.0),
            disk_quota_bytes: self.disk_quota.and_then(|n| n.0),
            cluster_size: self.size.clone(),
            ..CreateBranch::default()
        }
    }
}

pub(crate) async fn run(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    create(session, &database, &args.body(), args.wait).await
}

/// A branch that starts with what a backup holds; with a password when it is waited for.
pub(crate) async fn restore(
    session: &mut Session<'_>,
    database: &str,
    branch: String,
    backup: String,
    size: Option<String>,
    wait: bool,
) -> Result<(), Failure> {
    let body = CreateBranch {
        name: Some(branch),
        backup_id: Some(backup),
        cluster_size: size,
        password: wait.then(CreateBranchPassword::default),
        ..CreateBranch::default()
    };
    create(session, database, &body, wait).await
}

async fn create(
    session: &mut Session<'_>,
    database: &str,
    body: &CreateBranch,
    wait: bool,
) -> Result<(), Failure> {
    let watched = session.output.human() && session.output.terminal.watched;
    let name = body.name.as_deref().unwrap_or_default();
    let progress = Progress::start(watched, format!("Creating branch {name}"));
    let branch = session
        .client
        .create_branch(&session.org, database, body, wait.then_some(Wait::LONGEST))
        .await?;
    drop(progress);
    let columns = connection::columns(branch.password.as_ref());
    let ttl = body.ttl.and_then(|s| u64::try_from(s).ok());
    let text = sentence(&branch, ttl.map(Duration::from_secs));
    session.output.secret(&text, &branch, &columns)?;
    if wait && !branch.ready {
        return Err(Failure::NotReady {
            branch: branch.name,
        });
    }
    Ok(())
}

/// `ttl` as it was typed: a plain number means seconds, and the sentence says so.
fn sentence(branch: &Branch, ttl: Option<Duration>) -> String {
    let from = match &branch.parent_branch {
        Some(parent) => format!(" from {parent}"),
        None => String::new(),
    };
    let state = if branch.ready {
        "is ready"
    } else {
        "is being made"
    };
    let origin = branch.origin.as_ref();
    let backup = origin.and_then(|o| o.backup_id.as_deref());
    let moment = origin.and_then(|o| o.restore_point.as_deref());
    let with = match branch.seed {
        Seed::Backup => format!(", with the data of backup {},", backup.unwrap_or_default()),
        Seed::Live => ", with its data,".to_owned(),
        Seed::PointInTime => format!(", with its data of {},", moment.unwrap_or_default()),
        Seed::Empty | Seed::Schema => String::new(),
    };
    let mut text = format!(
        "Branch {} was created{from}{with} and {state}.",
        branch.name
    );
    if let Some(version) = branch.seed_rules_version {
        text.push_str(&format!(
            " Its data passed version {version} of the seed rules."
        ));
    }
    if let Some(at) = branch.expires_at {
        let after = ttl.map(|t| format!(" after {},", duration::words(t)));
        let after = after.unwrap_or_default();
        text.push_str(&format!(" It is deleted{after} at {at}."));
    }
    if let Some(password) = &branch.password {
        text.push_str("\n\n");
        text.push_str(&connection::describe(password));
    }
    text
}
