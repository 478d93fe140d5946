//! Whether a rule can be, and whether its author may do what it does.

use super::{filter, name};
use crate::handover::{check_prefix, source, target, variables};
use crate::locate::{LocatedDatabase, quoted};
use offshoot_core::access::Access;
use offshoot_core::automation::{Deliver, Ending, Rule, RuleSeed};
use offshoot_core::id::IntegrationId;
use offshoot_core::integration::Integration;
use offshoot_core::refusal::{FieldPath, Refusal};
use offshoot_planning::{Tool, chat, note};
use offshoot_store::Session;
use std::collections::{BTreeMap, BTreeSet};

/// Refuses a rule that cannot be, or that does what the caller may not do. `tokens`: credentials that have one of
/// their own for their receiver. The integration that it names.
pub(super) async fn judge(
    session: &mut Session,
    at: &LocatedDatabase,
    rule: &Rule,
    tokens: &BTreeSet<String>,
) -> Result<IntegrationId, Refusal> {
    at.require(&[Access::CreateBranch])?;
    if !rule.credentials.is_empty() {
        at.require(&[Access::ConnectBranch])?;
    }
    for ending in [rule.on.ended, rule.on.deleted] {
        if let Ending::Delete { backup, .. } = ending {
            at.require(&[Access::DeleteBranch])?;
            if backup {
                at.require(&[Access::WriteBackups])?;
            }
        }
    }
    if rule.branch.seed != RuleSeed::Schema {
        // The parent may become a production branch at any time.
        at.require(&[Access::RestoreProductionBranchBackup])?;
    }
    if let Some(filter) = &rule.filter {
        filter::check(filter)?;
    }
    name::check("rule.branch.name", &rule.branch.name)?;
    for (credential, c) in &rule.credentials {
        templates(credential, &c.deliver)?;
    }
    apart(rule)?;
    if let Some(parent) = &rule.branch.parent
        && session.branch(at.database.id, parent).await?.is_none()
    {
        let mut refusal = Refusal::not_found(format!("parent branch {}", quoted(parent)));
        refusal.field = Some("rule.branch.parent");
        return Err(refusal.hint(format!(
            "list them: offshoot branch list {}",
            at.database.name
        )));
    }
    let found = session
        .integration_named(at.organization().id, &rule.integration)
        .await?;
    let integration = found.ok_or_else(|| {
        let mut refusal = Refusal::not_found(format!("integration {}", quoted(&rule.integration)));
        refusal.field = Some("rule.integration");
        refusal.hint("list them: offshoot integration list")
    })?;
    reachable(rule, &integration, tokens)?;
    judge_telling(session, at, rule, &integration).await?;
    Ok(integration.id)
}

/// Templates that are wrong whatever is put into them, and texts that are no names.
fn templates(credential: &str, deliver: &Deliver) -> Result<(), Refusal> {
    let check = |field: &'static str, template: &str| {
        name::check_at(field, Some(place(credential, field)), template)
    };
    match deliver {
        Deliver::Link(_) => Ok(()),
        Deliver::File(file) => {
            check("rule.credentials.deliver.file.name", &file.name)?;
            check_file_prefix(credential, &file.prefix)
        }
        Deliver::Webhook(webhook) => check_url(credential, &webhook.url),
        Deliver::GithubActions(github) => {
            const PREFIX: &str = "rule.credentials.deliver.github_actions.prefix";
            check(PREFIX, &github.prefix)?;
            check_prefix(&github.prefix.to_ascii_uppercase())
                .map_err(|why| Refusal::invalid_at(place(credential, PREFIX), PREFIX, why))?;
            let environment = github.environment.as_deref().unwrap_or_default();
            check(
                "rule.credentials.deliver.github_actions.environment",
                environment,
            )
        }
        Deliver::GitlabCi(gitlab) => {
            check("rule.credentials.deliver.gitlab_ci.prefix", &gitlab.prefix)?;
            check(
                "rule.credentials.deliver.gitlab_ci.environment_scope",
                &gitlab.environment_scope,
            )
        }
        Deliver::Vault(vault) => check("rule.credentials.deliver.vault.path", &vault.path),
        Deliver::Kubernetes(secret) => {
            check("rule.credentials.deliver.kubernetes.file", &secret.file)?;
            check("rule.credentials.deliver.kubernetes.name", &secret.name)?;
            check("rule.credentials.deliver.kubernetes.prefix", &secret.prefix)
        }
    }
}

/// A field of a credential with the credential in it: `rule.credentials.ci.deliver.vault.path`.
fn place(credential: &str, field: &str) -> String {
    field.replacen("credentials", &format!("credentials.{credential}"), 1)
}

/// Refuses credentials of which one would overwrite the other.
fn apart(rule: &Rule) -> Result<(), Refusal> {
    const FIELD: &str = "rule.credentials.deliver";
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for (credential, c) in &rule.credentials {
        // What a template gives that needs an iteration is not known yet.
        let Ok(Some(target)) = target(&c.deliver, &variables("database", "branch", credential))
        else {
            continue;
        };
        if let Some(other) = seen.insert(target, credential) {
            return Err(Refusal::invalid_at(
                place(credential, FIELD),
                FIELD,
                format!(
                    "credentials {other} and {credential} would overwrite each other in {}",
                    c.deliver.destination()
                ),
            )
            .hint("give them different names, paths or prefixes"));
        }
    }
    Ok(())
}

/// Refuses deliveries for which there is no token.
fn reachable(
    rule: &Rule,
    integration: &Integration,
    tokens: &BTreeSet<String>,
) -> Result<(), Refusal> {
    const FIELD: &str = "rule.credentials.deliver";
    for (credential, c) in &rule.credentials {
        let found = source(&c.deliver, tokens.contains(credential), integration);
        found.map_err(|refusal| Refusal {
            field: Some(FIELD),
            path: Some(Box::new(FieldPath(place(credential, FIELD)))),
            ..refusal
        })?;
    }
    Ok(())
}

fn check_file_prefix(credential: &str, prefix: &str) -> Result<(), Refusal> {
    const FIELD: &str = "rule.credentials.deliver.file.prefix";
    let fits = (1..=64).contains(&prefix.len())
        && prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match fits {
        true => Ok(()),
        false => Err(Refusal::invalid_at(
            place(credential, FIELD),
            FIELD,
            "a prefix has letters, digits and _, and does not begin with a digit",
        )),
    }
}

fn check_url(credential: &str, url: &str) -> Result<(), Refusal> {
    const FIELD: &str = "rule.credentials.deliver.webhook.url";
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let fits = host.is_some_and(|h| !h.is_empty() && !h.starts_with('/'))
        && url.len() <= 2_000
        && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    match fits {
        true => Ok(()),
        false => Err(Refusal::invalid_at(
            place(credential, FIELD),
            FIELD,
            "write an address that begins with https://",
        )),
    }
}

/// Refuses what nobody could be told.
async fn judge_telling(
    session: &mut Session,
    at: &LocatedDatabase,
    rule: &Rule,
    integration: &Integration,
) -> Result<(), Refusal> {
    let tool: Tool = integration.tool.parse()?;
    let title = tool.description().title;
    if chat::is_chat(tool) {
        let text =
            format!("{title} is a chat: it has no iterations, and is named under tell.chats");
        return Err(Refusal::invalid("rule.integration", text));
    }
    if rule.tell.note && !note::has_place(tool) {
        let text = format!("{title} has no place for notes");
        return Err(Refusal::invalid("rule.tell.note", text)
            .hint("tell a chat instead: tell.chats names integrations with chats"));
    }
    if rule.tell.note && !integration.has_token {
        let text = format!(
            "integration \"{}\" has no token to write notes with",
            integration.name
        );
        return Err(Refusal::invalid("rule.tell.note", text).hint(format!(
            "give it one: offshoot integration update {} --token-file FILE",
            integration.name
        )));
    }
    for name in &rule.tell.chats {
        let found = session
            .integration_named(at.organization().id, name.as_str())
            .await?;
        let tool = found.map(|i| i.tool.parse::<Tool>()).transpose()?;
        match tool {
            Some(tool) if chat::is_chat(tool) => {}
            Some(tool) => {
                let text = format!(
                    "integration \"{}\" is with {}, which is no chat",
                    name.as_str(),
                    tool.description().title
                );
                return Err(Refusal::invalid("rule.tell.chats", text));
            }
            None => {
                let mut refusal =
                    Refusal::not_found(format!("integration {}", quoted(name.as_str())));
                refusal.field = Some("rule.tell.chats");
                return Err(refusal.hint(
                    "make one: offshoot integration create NAME --tool slack --token-file FILE",
                ));
            }
        }
    }
    Ok(())
}
