//! Automations as one file says. Whatever is wrong in it is told with its place.

use super::delivery::{Tokens, by_rule};
use super::effects::{Agreement, agree};
use crate::failure::Failure;
use crate::integration::text;
use crate::place;
use crate::session::Session;
use clap::{ArgGroup, Args};
use offshoot_api_types::{
    Automation, AutomationEffect, AutomationRule, CreateAutomation, UpdateAutomation,
};
use offshoot_client::{Error, PageOf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").multiple(true))]
pub struct Apply {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// File with the automations, YAML or JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    agreement: Agreement,
}

/// The file: rules by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    automations: BTreeMap<String, AutomationRule>,
}

/// What is to be done about one rule.
enum Doing {
    Create(CreateAutomation),
    Update(String, UpdateAutomation),
}

/// As it can be applied again.
pub(super) fn yaml(automation: &Automation) -> Result<String, Failure> {
    let file = File {
        automations: BTreeMap::from([(automation.name.clone(), automation.rule.clone())]),
    };
    serde_saphyr::to_string(&file).map_err(|error| std::io::Error::other(error.to_string()).into())
}

pub(super) async fn run(session: &mut Session<'_>, args: Apply) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let text = text(&args.file)?;
    let file = read(&args.file, &text)?;
    let mut tokens = by_rule(args.tokens.read()?, &file.automations)?;
    let there = all(session, &database).await?;
    let mut doings = Vec::new();
    let mut effects = Vec::new();
    for (name, rule) in file.automations {
        let known = there.iter().find(|a| a.name == name);
        let tokens = tokens.remove(&name).unwrap_or_default();
        if tokens.is_empty() && known.is_some_and(|a| a.rule == rule) {
            session
                .output
                .note(&format!("Automation {name} is as the file says."))?;
            continue;
        }
        let doing = match known {
            Some(_) => Doing::Update(
                name.clone(),
                UpdateAutomation {
                    rule: Some(rule),
                    tokens: tokens.into_iter().map(|(c, t)| (c, Some(t))).collect(),
                    ..UpdateAutomation::default()
                },
            ),
            None => Doing::Create(CreateAutomation {
                name: name.clone(),
                rule,
                enabled: None,
                tokens,
            }),
        };
        let previewed = preview(session, &database, &doing).await;
        effects.extend(previewed.map_err(|error| placed(error, &args.file, &text, &name))?);
        doings.push(doing);
    }
    if doings.is_empty() || !agree(session, &args.agreement, &effects)? {
        return Ok(());
    }
    for doing in doings {
        carry_out(session, &database, doing).await?;
    }
    Ok(())
}

async fn preview(
    session: &Session<'_>,
    database: &str,
    doing: &Doing,
) -> Result<Vec<AutomationEffect>, Error> {
    let (client, org) = (&session.client, &session.org);
    let previewed = match doing {
        Doing::Create(body) => client.preview_new_automation(org, database, body).await?,
        Doing::Update(name, body) => client.preview_automation(org, database, name, body).await?,
    };
    Ok(previewed.effects)
}

async fn carry_out(session: &mut Session<'_>, database: &str, doing: Doing) -> Result<(), Failure> {
    let (made, verb) = match doing {
        Doing::Create(body) => {
            let client = &session.client;
            let made = client.create_automation(&session.org, database, &body);
            (made.await?, "created")
        }
        Doing::Update(name, body) => {
            let client = &session.client;
            let changed = client.update_automation(&session.org, database, &name, &body);
            (changed.await?, "changed")
        }
    };
    super::told(
        session,
        format!("Automation {} was {verb}.", made.name),
        &made,
    )
}

async fn all(session: &Session<'_>, database: &str) -> Result<Vec<Automation>, Failure> {
    /// More than a database may have.
    const MOST: u32 = 100;
    let page = PageOf {
        page: None,
        per_page: Some(MOST),
    };
    let client = &session.client;
    let listed = client
        .list_automations(&session.org, database, page)
        .await?;
    Ok(listed.data)
}

fn read(path: &Path, text: &str) -> Result<File, Failure> {
    serde_saphyr::from_str(text).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", path.display()),
            "a file of automations has one key, automations, with a rule for each name",
        )
    })
}

/// What the server found wrong in a rule, with where it stands in the file.
fn placed(error: Error, path: &Path, text: &str, name: &str) -> Failure {
    let Error::Refused(refused) = &error else {
        return error.into();
    };
    let Some(field) = refused
        .field
        .as_deref()
        .and_then(|f| f.strip_prefix("rule."))
    else {
        return error.into();
    };
    let line = line_of(text, name, field);
    Failure::usage(
        format!("{}, line {line}: {}", path.display(), refused.message),
        refused
            .hint
            .clone()
            .unwrap_or_else(|| "correct the rule, and apply it again".to_owned()),
    )
}

/// The line of a field of a rule; of the rule, where the field is not found.
fn line_of(text: &str, name: &str, field: &str) -> usize {
    let key = |line: &str| -> Option<(usize, String)> {
        let trimmed = line.trim_start();
        let (key, _) = trimmed.split_once(':')?;
        let key = key.trim_matches(['"', '\'', ' ', '{']);
        Some((line.len() - trimmed.len(), key.to_owned()))
    };
    let lines: Vec<&str> = text.lines().collect();
    let rule = lines
        .iter()
        .position(|line| key(line).is_some_and(|(indent, k)| indent > 0 && k == name));
    let Some(rule) = rule else { return 1 };
    let indent = key(lines[rule]).map_or(0, |(indent, _)| indent);
    let mut at = rule;
    let mut parts = field.split('.');
    let mut wanted = parts.next();
    for (n, line) in lines.iter().enumerate().skip(rule + 1) {
        let Some((depth, k)) = key(line) else {
            continue;
        };
        if depth <= indent {
            break;
        }
        if wanted == Some(k.as_str()) {
            at = n;
            wanted = parts.next();
        }
        if wanted.is_none() {
            break;
        }
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
automations:
  other:
    integration: jira
    filter: 'true'
  sprints:
    integration: github
    filter: iteration.number >
    branch:
      name: '{{ x'
    credentials:
      ci:
        deliver:
          vault:
            url: https://v.example.com
            path: a
      ops:
        deliver:
          vault:
            url: https://v.example.com
            path: '{{ x'
";

    #[test]
    fn a_field_is_found_in_its_rule() {
        for (name, field, line) in [
            ("sprints", "filter", 7),
            ("sprints", "branch.name", 9),
            ("sprints", "integration", 6),
            ("other", "filter", 4),
            ("sprints", "credentials.ops.deliver.vault.path", 20),
            ("sprints", "credentials.ci.deliver", 12),
            ("sprints", "nothing", 5),
            ("nobody", "filter", 1),
        ] {
            assert_eq!(line_of(FILE, name, field), line, "{name} {field}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_place() {
        for (text, part) in [
            (
                "automations:\n  a:\n    integration: x\n    when: soon\n",
                "line 4",
            ),
            (
                "automations:\n  a:\n    integration: x\n    on: {ended: burn}\n",
                "line 4",
            ),
            (
                "automations:\n  a:\n    integration: x\n    wenn: planned\n",
                "wenn",
            ),
            (
                "automations:\n  a:\n    integration: x\n    credentials:\n      ci:\n        deliver:\n          github_actions:\n            repository: shop\n",
                "line 8",
            ),
            (
                "automations:\n  a:\n    integration: x\n    credentials:\n      ci:\n        deliver:\n          vault: {url: https://v.example.com, mount: ../x}\n",
                "line 7",
            ),
            (
                "automations:\n  a:\n    integration: x\n    credentials:\n      ci:\n        deliver:\n          kubernetes:\n            namespace: A_B\n",
                "line 8",
            ),
            (
                "automations:\n  a:\n    integration: x\n    credentials:\n      ci:\n        deliver:\n          gitlab_ci:\n            project: a/b\n            masked: perhaps\n",
                "line 9",
            ),
            ("automation: {}\n", "automations"),
        ] {
            let told = read(Path::new("a.yml"), text).unwrap_err().to_string();
            assert!(
                told.contains(part) && told.contains("a.yml"),
                "{text}: {told}"
            );
        }
        let file = read(Path::new("a.yml"), FILE).unwrap();
        assert_eq!(file.automations.len(), 2);
    }
}
