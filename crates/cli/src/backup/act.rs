//! What is done to one backup: show, change, delete.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::place;
use crate::session::Session;
use crate::tunnel::Place;
use crate::web::Web;
use clap::{ArgGroup, Args};
use offshoot_api_types::{Backup, UpdateBackup};
use offshoot_client::BackupsOf;

/// Which backup.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Database and branch (not needed where the project file names them), id of the backup
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    web: Web,
}

#[derive(Debug, Args)]
#[command(override_usage = "offshoot backup delete [OPTIONS] [DATABASE] [BRANCH] <BACKUP>")]
pub struct Delete {
    #[command(flatten)]
    at: At,
    /// Delete without a question
    #[arg(long)]
    force: bool,
    /// Leave its off-site copy in the store, where that is whole
    #[arg(long)]
    keep_copy: bool,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "offshoot backup update [OPTIONS] [DATABASE] [BRANCH] <BACKUP>",
    group = ArgGroup::new("change").required(true).multiple(true)
)]
pub struct Update {
    #[command(flatten)]
    at: At,
    /// Neither delete it nor let it expire; --protected=false takes that back
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    protected: Option<bool>,
    /// New name
    #[arg(long, value_name = "NAME", group = "change")]
    name: Option<String>,
    /// Moment at which it is deleted, such as 2026-12-31T18:00:00Z
    #[arg(
        long,
        value_name = "TIME",
        group = "change",
        conflicts_with = "never_expires"
    )]
    expires_at: Option<String>,
    /// Keep it until it is deleted
    #[arg(long, group = "change")]
    never_expires: bool,
}

/// The branch and the backup's id.
pub(super) fn found<'a>(session: &Session<'_>, at: &'a At) -> Result<(Place, &'a str), Failure> {
    place::before(session, &at.names)
}

pub(super) fn of<'a>(org: &'a str, at: &'a Place) -> BackupsOf<'a> {
    BackupsOf {
        org,
        database: &at.database,
        branch: &at.branch,
    }
}

pub(crate) async fn show(session: &mut Session<'_>, args: &Show) -> Result<(), Failure> {
    args.web.explain(session)?;
    let (at, id) = found(session, &args.at)?;
    let client = &session.client;
    let backup = client.show_backup(of(&session.org, &at), id).await?;
    session.output.one(&backup)?;
    session.output.note(&details(&backup))
}

pub(crate) async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let (at, id) = found(session, &args.at)?;
    let body = UpdateBackup {
        protected: args.protected,
        name: args.name,
        expires_at: match args.expires_at {
            Some(time) => Some(Some(time)),
            None => args.never_expires.then_some(None),
        },
    };
    let client = &session.client;
    let of = of(&session.org, &at);
    let backup = client.update_backup(of, id, &body).await?;
    let text = match args.protected {
        Some(true) => format!("Backup {} is protected.", backup.name),
        Some(false) => format!("Backup {} can be deleted.", backup.name),
        None => format!("Backup {} was changed.", backup.name),
    };
    session.output.done(&text, &backup)
}

pub(crate) async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let (at, id) = found(session, &args.at)?;
    confirm(session, args.force, &format!("backup {id}"), id)?;
    let client = &session.client;
    let of = of(&session.org, &at);
    client.delete_backup(of, id, args.keep_copy).await?;
    let text = format!("Backup {id} was deleted; branches that were made of it keep their data.");
    session.output.gone("backup", id, &text)
}

/// What no column has room for.
fn details(backup: &Backup) -> String {
    let mut lines = Vec::new();
    if let Some(failure) = &backup.failure {
        lines.push(format!("It failed: {failure}"));
    }
    if let Some(examined) = &backup.examined {
        lines.push(format!("Content: sha256 {}", examined.digest));
    }
    if let Some(drill) = &backup.last_drill {
        lines.push(match &drill.failure {
            Some(failure) => format!(
                "Damaged: its restore drill at {} failed: {failure}",
                drill.completed_at
            ),
            None => format!("Drilled: restored and compared at {}", drill.completed_at),
        });
    }
    let position = backup.position.as_ref();
    if let Some(position) = position.filter(|p| !p.gtid_set.is_empty()) {
        lines.push(format!("Position: {}", position.gtid_set));
    }
    if let Some(copy) = &backup.off_site {
        lines.push(match &copy.failure {
            Some(failure) => format!("Off-site copy: {}: {failure}", copy.state.as_str()),
            None => format!("Off-site copy: {}, in {}", copy.state.as_str(), copy.store),
        });
    }
    if let Some(copy) = &backup.imported_from {
        lines.push(format!("Made of off-site copy {copy}"));
    }
    let restored: Vec<&str> = backup
        .restored_branches
        .iter()
        .map(|b| b.name.as_str())
        .collect();
    if !restored.is_empty() {
        lines.push(format!("Branches made of it: {}", restored.join(", ")));
    }
    lines.join("\n")
}
