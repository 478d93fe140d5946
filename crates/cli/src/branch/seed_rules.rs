//! `branch seed-rules`: what branches with data start with, and how it is masked.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::progress::Progress;
use crate::session::Session;
use crate::tunnel::Place;
use clap::{Args, Subcommand};
use offshoot_api_types::{
    CreateSeedRulesTest, SeedRulesDocument, SeedRulesTest, SeedRulesTestState, UpdateSeedRules,
};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The name that means standard input.
const INPUT: &str = "-";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the seed rules of a database
    Show(Show),
    /// Set the seed rules of a database, for branches to come
    Set(Set),
    /// Let branches start with what their parent has
    #[command(visible_alias = "rm")]
    Remove(Remove),
    /// List the versions of a database's seed rules
    Versions(Versions),
    /// Try rules out on a copy of a branch, which is thrown away
    Test(Test),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// An earlier version
    #[arg(long, value_name = "N")]
    version: Option<u32>,
}

#[derive(Debug, Args)]
pub struct Set {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// File with the rules, YAML or JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Remove them without a question
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub struct Versions {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch whose data they are tried on [default: the default branch]
    branch: Option<String>,
    /// Rules to test instead of those that are set; - is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Show(args) => show(session, &args).await,
        Command::Set(args) => set(session, &args).await,
        Command::Remove(args) => remove(session, &args).await,
        Command::Versions(args) => versions(session, &args).await,
        Command::Test(args) => test(session, &args).await,
    }
}

async fn show(session: &mut Session<'_>, args: &Show) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let rules = session
        .client
        .show_seed_rules(&session.org, &database, args.version)
        .await?;
    if !session.output.human() {
        return session.output.one(&rules);
    }
    let Some(document) = &rules.rules else {
        let demanded = match rules.required {
            true => ": it makes no branch with data",
            false => ": branches start with what their parent has",
        };
        return session
            .output
            .note(&format!("Database {database} has no seed rules{demanded}."));
    };
    session.output.text(yaml(document)?.trim_end())?;
    let by = rules.actor.map(|a| a.display_name).unwrap_or_default();
    let at = rules.created_at.map(|at| at.to_string());
    let version = rules.version.unwrap_or_default();
    let when = at.unwrap_or_default();
    session
        .output
        .note(&format!("Version {version}, set by {by} at {when}."))
}

async fn set(session: &mut Session<'_>, args: &Set) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let body = UpdateSeedRules {
        rules: read(&args.file)?,
    };
    let rules = session
        .client
        .set_seed_rules(&session.org, &database, &body)
        .await?;
    let text = format!(
        "Version {} of the seed rules of database {database} holds for branches to come.",
        rules.version.unwrap_or_default()
    );
    session.output.done(&text, &rules)
}

async fn remove(session: &mut Session<'_>, args: &Remove) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let what = format!("the seed rules of database {database}");
    confirm(session, args.force, &what, &database)?;
    session
        .client
        .delete_seed_rules(&session.org, &database)
        .await?;
    let text = format!("Database {database} has no seed rules any more.");
    session.output.gone("seed rules", &database, &text)
}

async fn versions(session: &mut Session<'_>, args: &Versions) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let page = session
        .client
        .list_seed_rules_versions(&session.org, &database, args.paging.wanted())
        .await?;
    let none = "There are no seed rules, and there never were.";
    session.output.list(&page.data, none)?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn test(session: &mut Session<'_>, args: &Test) -> Result<(), Failure> {
    let rules = args.file.as_deref().map(read).transpose()?;
    let at = place::of(session, args.database.as_deref(), args.branch.as_deref()).await?;
    let test = over(session, &at, rules).await?;
    match session.output.human() {
        true if test.state == SeedRulesTestState::Passed => {
            session
                .output
                .list(&test.tables, "The rules change nothing.")?;
            session.output.note(&passed(&test))
        }
        true => Err(failed(&test)),
        false => {
            session.output.one(&test)?;
            match test.state {
                SeedRulesTestState::Failed => Err(Failure::Reported(Box::new(failed(&test)))),
                _ => Ok(()),
            }
        }
    }
}

/// Begins a test and waits until it is over.
async fn over(
    session: &mut Session<'_>,
    at: &Place,
    rules: Option<SeedRulesDocument>,
) -> Result<SeedRulesTest, Failure> {
    let watched = session.output.human() && session.output.terminal.watched;
    let doing = format!("Testing seed rules on a copy of branch {}", at.branch);
    let progress = Progress::start(watched, doing.clone());
    let (client, org) = (&session.client, &session.org);
    let body = CreateSeedRulesTest { rules };
    let begun = client.test_seed_rules(org, &at.database, &at.branch, &body, None);
    let began = Instant::now();
    progress
        .follow(
            begun.await?,
            |test| test.state != SeedRulesTestState::Running,
            async |test| {
                client
                    .show_seed_rules_test(org, &at.database, &at.branch, &test.id)
                    .await
            },
            |_| format!("{doing}, {} s", began.elapsed().as_secs()),
        )
        .await
}

fn which(test: &SeedRulesTest) -> String {
    match test.version {
        Some(version) => format!("version {version} of the seed rules"),
        None => "the draft".to_owned(),
    }
}

fn passed(test: &SeedRulesTest) -> String {
    let mut text = which(test);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!(
        "{text} passed on a copy of branch {}, which is gone again.",
        test.branch
    )
}

fn failed(test: &SeedRulesTest) -> Failure {
    let mut reason = test.failure.clone().unwrap_or_default();
    for problem in &test.problems {
        let at = match problem.at.is_empty() {
            true => String::new(),
            false => format!("{}: ", problem.at),
        };
        reason.push_str(&format!("\n  {at}{}", problem.message));
    }
    Failure::SeedRules {
        what: which(test),
        branch: test.branch.clone(),
        reason,
    }
}

/// Reads a document of rules; what is wrong in it is told with line and column.
fn read(file: &Path) -> Result<SeedRulesDocument, Failure> {
    let text = match file.as_os_str() == INPUT {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let text = text.map_err(|source| Failure::File {
        path: file.to_owned(),
        source,
    })?;
    serde_saphyr::from_str(&text).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", file.display()),
            "a document of rules has one key, tables, with a rule for each name or pattern",
        )
    })
}

fn yaml(document: &SeedRulesDocument) -> Result<String, Failure> {
    serde_saphyr::to_string(document)
        .map_err(|error| std::io::Error::other(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_printed_as_it_is_read() {
        let text = r#"tables:
  "*": {columns: {email: fake_email, "odd: name": hash}}
  shop.log_*: empty
  users:
    where: "country = 'DE' AND name <> '#'"
    columns: {note: null, country: {constant: XX}, age: {constant: 7}}
"#;
        let document: SeedRulesDocument = serde_saphyr::from_str(text).unwrap();
        let printed = yaml(&document).unwrap();
        let again: SeedRulesDocument = serde_saphyr::from_str(&printed).unwrap();
        assert_eq!(again, document, "{printed}");
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rules.yml");
        std::fs::write(
            &file,
            "tables:\n  logs: empty\n  users:\n    columns:\n      email: fake_mail\n",
        )
        .unwrap();
        let told = read(&file).unwrap_err().to_string();
        assert!(told.contains("rules.yml"), "{told}");
        assert!(
            told.contains("fake_mail") && told.contains("line 5"),
            "{told}"
        );
    }
}
