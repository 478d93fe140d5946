//! The flags that a rule is written with.

use super::delivery;
use crate::failure::Failure;
use clap::Args;
use offshoot_api_types::{AutomationRule, DELIVERIES as KINDS};
use serde_json::{Map, Value, json};

const ENDINGS: &str = "keep, sleep, delete, \"delete after 14d\", \"back up then delete\"";

#[derive(Debug, Args)]
pub(super) struct Fields {
    /// Name or id of the integration whose iterations are meant
    #[arg(long, value_name = "NAME", group = "change")]
    integration: Option<String>,
    /// Which sort of iterations is meant [default: sprint]
    #[arg(long, value_parser = ["sprint", "pull_request"], group = "change")]
    kind: Option<String>,
    /// CEL expression over iteration, such as 'iteration.name.startsWith("Sprint")'
    #[arg(long, value_name = "CEL", group = "change")]
    filter: Option<String>,
    /// When the branch is made: planned, started, or "2d before start" [default: planned]
    #[arg(long, value_name = "WHEN", group = "change")]
    when: Option<String>,
    /// Template of the branch's name [default: {{ iteration.name | slug }}]
    #[arg(long, value_name = "TEMPLATE", group = "change")]
    branch_name: Option<String>,
    /// Branch that it is made from [default: the default branch]
    #[arg(long, value_name = "BRANCH", group = "change")]
    from: Option<String>,
    /// What it starts with [default: schema]
    #[arg(long, value_parser = ["schema", "backup", "live"], group = "change")]
    seed: Option<String>,
    /// Protect it from deletion by hand
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    deletion_protected: Option<bool>,
    /// Idle time after which it sleeps
    #[arg(long, value_name = "TIME", group = "change")]
    sleep_after: Option<String>,
    /// Credential that every branch gets: NAME, NAME=ROLE or NAME=ROLE,TTL; by a link that opens once, unless
    /// --deliver says otherwise. May be given several times
    #[arg(long, value_name = "NAME=ROLE,TTL", group = "change")]
    credential: Vec<String>,
    #[arg(long, value_name = "NAME=KIND,KEY=VALUE", group = "change", help = format!("How a credential arrives: {}; with the keys of a rule's file, such as ci=github_actions,repository=acme/shop. May be given several times", KINDS.join(", ")))]
    deliver: Vec<String>,
    /// Write a note with the iteration, in the planning tool
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    note: Option<bool>,
    /// Chat that is told, by the name of its integration; may be given several times, "" for none
    #[arg(long, value_name = "INTEGRATION", group = "change")]
    tell: Vec<String>,
    /// Tell the links that open a credential once [default: true]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    tell_links: Option<bool>,
    #[arg(long, value_name = "ENDING", group = "change", help = format!("What becomes of it when the iteration has ended: {ENDINGS} [default: sleep]"))]
    on_ended: Option<String>,
    /// The same for an iteration that was deleted [default: sleep]
    #[arg(long, value_name = "ENDING", group = "change")]
    on_deleted: Option<String>,
    /// What a new name of the iteration does [default: rename]
    #[arg(long, value_parser = ["rename", "keep"], group = "change")]
    on_renamed: Option<String>,
    /// What happens when an iteration goes on whose branch the rule had deleted [default: remake]
    #[arg(long, value_parser = ["remake", "leave"], group = "change")]
    on_reopened: Option<String>,
    /// What happens when somebody deleted the branch [default: leave]
    #[arg(long, value_parser = ["remake", "leave"], group = "change")]
    on_gone: Option<String>,
    /// Delete branches even where they hold changes of the schema that their parent has not
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", group = "change")]
    delete_unmerged: Option<bool>,
}

impl Fields {
    /// Any of them was given.
    pub(super) fn given(&self) -> bool {
        let texts = [
            &self.integration,
            &self.kind,
            &self.filter,
            &self.when,
            &self.branch_name,
            &self.from,
            &self.seed,
            &self.sleep_after,
            &self.on_ended,
            &self.on_deleted,
            &self.on_renamed,
            &self.on_reopened,
            &self.on_gone,
        ];
        texts.iter().any(|t| t.is_some())
            || self.deletion_protected.is_some()
            || self.delete_unmerged.is_some()
            || self.note.is_some()
            || self.tell_links.is_some()
            || !self.tell.is_empty()
            || !self.credential.is_empty()
            || !self.deliver.is_empty()
    }

    /// A new rule, or one of today with what was given on top.
    pub(super) fn rule(self, today: Option<&AutomationRule>) -> Result<AutomationRule, Failure> {
        let mut rule = match today {
            Some(rule) => match serde_json::to_value(rule) {
                Ok(Value::Object(rule)) => rule,
                _ => Map::new(),
            },
            None => Map::new(),
        };
        for (name, value) in [
            ("integration", self.integration),
            ("kind", self.kind),
            ("filter", self.filter),
            ("when", self.when),
        ] {
            put(&mut rule, name, value.map(Value::from));
        }
        let branch = inner(&mut rule, "branch");
        for (name, value) in [
            ("name", self.branch_name.map(Value::from)),
            ("parent", self.from.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
            (
                "deletion_protected",
                self.deletion_protected.map(Value::from),
            ),
            ("sleep_after", self.sleep_after.map(Value::from)),
        ] {
            put(branch, name, value);
        }
        let on = inner(&mut rule, "on");
        for (name, value) in [
            ("ended", self.on_ended.map(Value::from)),
            ("deleted", self.on_deleted.map(Value::from)),
            ("renamed", self.on_renamed.map(Value::from)),
            ("reopened", self.on_reopened.map(Value::from)),
            ("gone", self.on_gone.map(Value::from)),
            ("delete_unmerged", self.delete_unmerged.map(Value::from)),
        ] {
            put(on, name, value);
        }
        let tell = inner(&mut rule, "tell");
        let chats: Vec<&str> = self.tell.iter().map(|chat| chat.trim()).collect();
        let named = chats.iter().filter(|chat| !chat.is_empty());
        for (name, value) in [
            ("note", self.note.map(Value::from)),
            ("links", self.tell_links.map(Value::from)),
            (
                "chats",
                (!chats.is_empty()).then(|| json!(named.collect::<Vec<_>>())),
            ),
        ] {
            put(tell, name, value);
        }
        let credentials = inner(&mut rule, "credentials");
        for text in &self.credential {
            let (name, said) = text.split_once('=').unwrap_or((text, ""));
            let (role, ttl) = said.split_once(',').unwrap_or((said, ""));
            // How it is delivered stays as it was.
            let mut credential = match credentials.remove(name.trim()) {
                Some(Value::Object(there)) => there,
                _ => Map::new(),
            };
            for (key, value) in [("role", some(role)), ("ttl", some(ttl))] {
                credential.remove(key);
                put(&mut credential, key, value);
            }
            credentials.insert(name.trim().to_owned(), credential.into());
        }
        for text in &self.deliver {
            let (name, deliver) = delivery::parse(text)?;
            let Some(Value::Object(credential)) = credentials.get_mut(&name) else {
                return Err(Failure::usage(
                    format!("the rule has no credential {name} to deliver"),
                    format!("make it: --credential {name}=ROLE,TTL"),
                ));
            };
            credential.insert("deliver".to_owned(), deliver);
        }
        if !rule.contains_key("integration") {
            return Err(Failure::usage(
                "no integration was named",
                "name the one whose iterations are meant: --integration NAME (offshoot integration list)",
            ));
        }
        serde_json::from_value(json!(rule)).map_err(|error| {
            Failure::usage(
                error.to_string(),
                "see --help, or write the rule into a file: offshoot automation apply",
            )
        })
    }
}

fn some(text: &str) -> Option<Value> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

fn put(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value);
    }
}

fn inner<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(name).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was made one")
}
