//! The document of a rule, as YAML or JSON says it. What can be wrong in it without knowing the
//! database is refused while it is read, so that the reader says where it stands.

mod deliver;

pub use deliver::{
    Deliver, FileDelivery, GithubDelivery, GitlabDelivery, KubernetesDelivery, LinkDelivery,
    SecretFormat, SecretValues, VaultDelivery, WebhookDelivery,
};

use crate::iteration::IterationKind;
use crate::name::{AutomationName, IntegrationName};
use crate::password::Role;
use crate::span::Span;
use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Longest text of a filter or template, in characters: more is not read by people any more.
const MAX_TEXT: usize = 2_000;
/// Credentials of one branch that a rule makes.
const MAX_CREDENTIALS: usize = 10;

/// What an automation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
pub struct Rule {
    /// Name or id of the integration whose iterations are meant.
    pub integration: String,
    /// Which sort of iterations is meant.
    #[serde(default = "sprint")]
    pub kind: IterationKind,
    /// What pull requests from other repositories get.
    #[serde(default)]
    pub forks: Forks,
    /// A CEL expression over `iteration`; absent = all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    #[serde(default)]
    pub when: When,
    #[serde(default)]
    pub branch: BranchRule,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, CredentialRule>,
    #[serde(default)]
    pub on: OnRule,
    #[serde(default, skip_serializing_if = "TellRule::is_silent")]
    pub tell: TellRule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    integration: String,
    #[serde(default = "sprint")]
    kind: IterationKind,
    #[serde(default)]
    forks: Forks,
    #[serde(default)]
    filter: Option<Text>,
    #[serde(default)]
    when: When,
    #[serde(default)]
    branch: BranchRule,
    #[serde(default)]
    credentials: BTreeMap<CredentialName, CredentialRule>,
    #[serde(default)]
    on: OnRule,
    #[serde(default)]
    tell: TellRule,
}

impl TryFrom<Unchecked> for Rule {
    type Error = String;

    fn try_from(rule: Unchecked) -> Result<Self, String> {
        if rule.integration.is_empty() || rule.integration.len() > crate::name::MAX_NAME {
            return Err("integration: name the integration whose iterations are meant".to_owned());
        }
        if rule.credentials.len() > MAX_CREDENTIALS {
            return Err(format!(
                "credentials: a rule makes at most {MAX_CREDENTIALS} for each branch"
            ));
        }
        if rule.tell.chats.len() > TellRule::MAX_CHATS {
            return Err(format!(
                "tell.chats: a rule tells at most {}",
                TellRule::MAX_CHATS
            ));
        }
        let credentials = rule.credentials.into_iter();
        Ok(Self {
            integration: rule.integration,
            kind: rule.kind,
            forks: rule.forks,
            filter: rule.filter.map(|t| t.0).filter(|t| !t.trim().is_empty()),
            when: rule.when,
            branch: rule.branch,
            credentials: credentials.map(|(name, c)| (name.0, c)).collect(),
            on: rule.on,
            tell: rule.tell,
        })
    }
}

fn sprint() -> IterationKind {
    IterationKind::Sprint
}

/// What a pull request from another repository gets: whoever wrote it may be a stranger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forks {
    /// No branch.
    #[default]
    None,
    /// A branch with the schema alone.
    Schema,
}

/// Text within its limit.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        match text.chars().count() > MAX_TEXT {
            true => Err(de::Error::custom(format!(
                "this is longer than {MAX_TEXT} characters"
            ))),
            false => Ok(Self(text)),
        }
    }
}

/// Has the form of a name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct CredentialName(String);

impl<'de> Deserialize<'de> for CredentialName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        AutomationName::parse(&text).map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is not a name of a credential: use lower-case letters, digits, - and _"
            ))
        })?;
        Ok(Self(text))
    }
}

/// When the branch is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// As soon as the iteration is known.
    #[default]
    Planned,
    Started,
    /// So long before it starts; one without a date waits until it has started.
    Before(Span),
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Planned => f.write_str("planned"),
            When::Started => f.write_str("started"),
            When::Before(span) => write!(f, "{span} before start"),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = words(text);
        match words.as_str() {
            "planned" => Ok(When::Planned),
            "started" => Ok(When::Started),
            other => match other.strip_suffix(" before start") {
                Some(span) => span_of(span).map(When::Before),
                None => Err(format!(
                    "{text:?} is not a time: use planned, started, or a span such as 2d before start"
                )),
            },
        }
    }
}

/// What becomes of a branch when its iteration is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Keep,
    Sleep,
    /// So long after the end; zero = at once. `backup`: backed up before that.
    Delete {
        after: Span,
        backup: bool,
    },
}

impl Ending {
    const SAY: &'static str = "use keep, sleep, delete, delete after 14d, back up then delete, or back up then delete after 14d";
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Keep => f.write_str("keep"),
            Ending::Sleep => f.write_str("sleep"),
            Ending::Delete { after, backup } => {
                f.write_str(if *backup {
                    "back up then delete"
                } else {
                    "delete"
                })?;
                match after.duration().is_zero() {
                    true => Ok(()),
                    false => write!(f, " after {after}"),
                }
            }
        }
    }
}

impl FromStr for Ending {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = words(text);
        let (verb, backup) = match words.strip_prefix("back up then ") {
            Some(rest) => (rest, true),
            None => (words.as_str(), false),
        };
        match verb {
            "keep" if !backup => Ok(Ending::Keep),
            "sleep" if !backup => Ok(Ending::Sleep),
            "delete" => Ok(Ending::Delete {
                after: Span::days(0),
                backup,
            }),
            other => match other.strip_prefix("delete after ") {
                Some(span) => span_of(span).map(|after| Ending::Delete { after, backup }),
                None => Err(format!("{text:?} is not known: {}", Self::SAY)),
            },
        }
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `14d`, and `14 days` as people say it.
fn span_of(text: &str) -> Result<Span, String> {
    let short = match text.split_once(' ') {
        Some((n, unit)) if n.bytes().all(|b| b.is_ascii_digit()) => {
            let unit = unit.trim_end_matches('s');
            let letter = match unit {
                "week" => "w",
                "day" => "d",
                "hour" => "h",
                "minute" => "m",
                _ => "?",
            };
            format!("{n}{letter}")
        }
        _ => text.to_owned(),
    };
    Span::parse(&short)
}

macro_rules! said {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

said!(When, Ending);

/// What a rule's branch starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSeed {
    #[default]
    Schema,
    /// The latest good backup of the parent.
    Backup,
    /// The parent as it is.
    Live,
}

impl RuleSeed {
    pub fn as_str(self) -> &'static str {
        match self {
            RuleSeed::Schema => "schema",
            RuleSeed::Backup => "backup",
            RuleSeed::Live => "live",
        }
    }
}

/// How the branch is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BranchRule {
    /// A template of its name over `iteration`, `automation` and `database`.
    pub name: String,
    /// Absent = the database's default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub seed: RuleSeed,
    pub deletion_protected: bool,
    /// Idle time after which it sleeps; absent = the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_after: Option<Span>,
}

impl BranchRule {
    /// What a branch is called where the rule does not say it.
    pub const NAME: &'static str = "{{ iteration.name | slug }}";
}

impl Default for BranchRule {
    fn default() -> Self {
        Self {
            name: Self::NAME.to_owned(),
            parent: None,
            seed: RuleSeed::default(),
            deletion_protected: false,
            sleep_after: None,
        }
    }
}

/// What happens later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnRule {
    pub renamed: OnName,
    pub ended: Ending,
    pub reopened: OnReopened,
    pub deleted: Ending,
    /// Somebody deleted the branch while the iteration is under way.
    pub gone: OnGone,
    /// Branches go even where they hold changes of the schema that their parent has not.
    pub delete_unmerged: bool,
}

impl Default for OnRule {
    fn default() -> Self {
        Self {
            renamed: OnName::Rename,
            ended: Ending::Sleep,
            reopened: OnReopened::Remake,
            deleted: Ending::Sleep,
            gone: OnGone::Leave,
            delete_unmerged: false,
        }
    }
}

/// Who is told what was made, how to connect, and when it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TellRule {
    /// A note in the planning tool, with the iteration. Writing it takes a token that may write.
    pub note: bool,
    /// Names of integrations with chats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chats: Vec<ChatName>,
    /// What is told has the links that open a credential once, for whoever reads it first.
    pub links: bool,
}

impl TellRule {
    /// Chats that one rule tells.
    pub const MAX_CHATS: usize = 5;

    /// Nobody is told anything.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for TellRule {
    fn default() -> Self {
        Self {
            note: false,
            chats: Vec::new(),
            links: true,
        }
    }
}

/// The name of an integration, by its form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ChatName(String);

impl ChatName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ChatName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        IntegrationName::parse(&text).map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is not the name of an integration: make one with the chat, and name it here"
            ))
        })?;
        Ok(Self(text))
    }
}

/// What a new name of the iteration does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnName {
    /// The branch takes the name that the template gives now; its labels follow.
    Rename,
    /// Only its labels follow.
    Keep,
}

/// What happens when an iteration that was over goes on, and the rule had deleted its branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReopened {
    /// A new branch is made.
    Remake,
    Leave,
}

/// What happens when somebody deleted the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnGone {
    Leave,
    Remake,
}

/// A credential that every branch of the rule gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRule {
    #[serde(default = "admin")]
    pub role: Role,
    /// Absent = it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
    /// Before its time is over a new one is made and delivered in the same way.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub rotate: bool,
    #[serde(default)]
    pub deliver: Deliver,
}

fn admin() -> Role {
    Role::Admin
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Rule, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    #[test]
    fn a_rule_that_says_little_means_what_is_safe() {
        let rule = read(r#"{"integration": "github"}"#).unwrap();
        assert_eq!(rule.when, When::Planned);
        assert_eq!(rule.branch, BranchRule::default());
        assert_eq!(
            (rule.on.ended, rule.on.deleted, rule.on.delete_unmerged),
            (Ending::Sleep, Ending::Sleep, false)
        );
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(read(&text).unwrap(), rule);
        assert!(rule.tell.is_silent() && !text.contains("tell"), "{text}");
    }

    #[test]
    fn what_a_rule_says_is_read_back_as_it_was() {
        let rule = read(
            r#"{"integration": "jira", "filter": "iteration.number > 3", "when": "2 days before start",
                "branch": {"name": "s-{{ iteration.number }}", "seed": "backup", "sleep_after": "1h"},
                "credentials": {"app": {"role": "readwriter", "ttl": "14d"},
                    "ci": {"deliver": {"file": {"format": "my_cnf"}}},
                    "hook": {"rotate": false, "deliver": {"webhook": {"url": "https://ci.example.com/x"}}}},
                "on": {"ended": "back up then delete after 14 days", "deleted": "delete", "renamed": "keep",
                    "gone": "remake", "delete_unmerged": true},
                "tell": {"note": true, "chats": ["team-chat"], "links": false}}"#,
        )
        .unwrap();
        assert_eq!(rule.when.to_string(), "2d before start");
        assert_eq!(rule.on.ended.to_string(), "back up then delete after 14d");
        assert_eq!(rule.credentials["app"].deliver.kind(), "link");
        assert!(rule.credentials["app"].rotate && !rule.credentials["hook"].rotate);
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(read(&text).unwrap(), rule);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (json, part) in [
            (r#"{}"#, "integration"),
            (r#"{"integration": ""}"#, "integration"),
            (r#"{"integration": "x", "wenn": "planned"}"#, "wenn"),
            (
                r#"{"integration": "x", "when": "soon"}"#,
                "planned, started",
            ),
            (
                r#"{"integration": "x", "when": "x before start"}"#,
                "span of time",
            ),
            (
                r#"{"integration": "x", "on": {"ended": "burn"}}"#,
                "back up then delete",
            ),
            (
                r#"{"integration": "x", "on": {"ended": "back up then keep"}}"#,
                "not known",
            ),
            (r#"{"integration": "x", "credentials": {"A B": {}}}"#, "A B"),
            (
                r#"{"integration": "x", "credentials": {"a": {"role": "root"}}}"#,
                "root",
            ),
            (
                r#"{"integration": "x", "branch": {"seed": "rows"}}"#,
                "rows",
            ),
            (
                r#"{"integration": "x", "tell": {"chats": ["https://hooks.slack.com/x"]}}"#,
                "name of an integration",
            ),
            (r#"{"integration": "x", "tell": {"chat": []}}"#, "chat"),
            (
                r#"{"integration": "x", "tell": {"chats": ["a", "b", "c", "d", "e", "f"]}}"#,
                "at most 5",
            ),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
        let long = format!(
            r#"{{"integration": "x", "filter": "{}"}}"#,
            "a".repeat(2_001)
        );
        assert!(read(&long).unwrap_err().contains("2000"));
    }
}
