//! The planning tools and chats: which there are, what each of them needs to be told, and what it can do.

mod asana;
mod azure_devops;
mod chat;
mod clickup;
mod generic;
mod github;
mod gitlab;
mod jira;
mod linear;
mod monday;
mod openproject;
mod redmine;
mod shortcut;
mod taiga;
mod trello;
mod youtrack;

use crate::inbound::{Answer, Look, Parsed, Request};
use crate::poll::{Ask, Page, Problem, Reply, What};
use crate::settings::{Fault, Settings};
use crate::signature::{Scheme, Unverified};
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::iteration::Iteration;
use secrecy::SecretString;
use std::fmt;
use std::str::FromStr;

/// A planning tool, or a chat in which a team is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    JiraCloud,
    JiraDataCenter,
    Github,
    Gitlab,
    Linear,
    AzureDevops,
    Taiga,
    Shortcut,
    Clickup,
    Asana,
    Trello,
    Monday,
    Openproject,
    Youtrack,
    Redmine,
    Generic,
    Slack,
    Teams,
    Mattermost,
    Discord,
}

impl Tool {
    pub const ALL: &[Tool] = &[
        Tool::JiraCloud,
        Tool::JiraDataCenter,
        Tool::Github,
        Tool::Gitlab,
        Tool::Linear,
        Tool::AzureDevops,
        Tool::Taiga,
        Tool::Shortcut,
        Tool::Clickup,
        Tool::Asana,
        Tool::Trello,
        Tool::Monday,
        Tool::Openproject,
        Tool::Youtrack,
        Tool::Redmine,
        Tool::Generic,
        Tool::Slack,
        Tool::Teams,
        Tool::Mattermost,
        Tool::Discord,
    ];

    /// As in the API and the command line.
    pub fn as_str(self) -> &'static str {
        self.description().name
    }

    pub fn description(self) -> &'static Description {
        self.adapter().description()
    }

    pub(crate) fn adapter(self) -> &'static dyn Adapter {
        match self {
            Tool::JiraCloud => &jira::Jira::Cloud,
            Tool::JiraDataCenter => &jira::Jira::DataCenter,
            Tool::Github => &github::Github,
            Tool::Gitlab => &gitlab::Gitlab,
            Tool::Linear => &linear::Linear,
            Tool::AzureDevops => &azure_devops::AzureDevops,
            Tool::Taiga => &taiga::Taiga,
            Tool::Shortcut => &shortcut::Shortcut,
            Tool::Clickup => &clickup::Clickup,
            Tool::Asana => &asana::Asana,
            Tool::Trello => &trello::Trello,
            Tool::Monday => &monday::Monday,
            Tool::Openproject => &openproject::Openproject,
            Tool::Youtrack => &youtrack::Youtrack,
            Tool::Redmine => &redmine::Redmine,
            Tool::Generic => &generic::Generic,
            Tool::Slack => &chat::Chat::Slack,
            Tool::Teams => &chat::Chat::Teams,
            Tool::Mattermost => &chat::Chat::Mattermost,
            Tool::Discord => &chat::Chat::Discord,
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tool {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = Tool::ALL.iter().find(|tool| tool.as_str() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = Tool::ALL.iter().map(|tool| tool.as_str()).collect();
            let public = format!(
                "{name:?} is no planning tool; there are {}",
                names.join(", ")
            );
            Refusal::invalid("tool", public).hint("any other tool that sends JSON is \"generic\"")
        })
    }
}

/// What there is to know about a tool before an integration with it is made.
#[derive(Debug)]
pub struct Description {
    /// `github`
    pub name: &'static str,
    /// `GitHub`
    pub title: &'static str,
    /// What it takes besides [`crate::settings::COMMON`]. None of them is secret.
    pub settings: &'static [Setting],
    /// What signs its webhooks; `None` where it sends none that help.
    pub webhook: Option<Webhook>,
    /// What its API is asked with; `None` where it is not asked.
    pub token: Option<Token>,
    /// Its page of the guide, beneath `docs/guide/planning/`.
    pub page: &'static str,
}

#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    /// What it is for, as the end of "NAME: …".
    pub purpose: &'static str,
    pub kind: SettingKind,
    pub required: bool,
    /// As text, in the form that [`Settings::parse`] takes.
    pub default: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub enum SettingKind {
    Text,
    /// An address that requests begin with.
    Url,
    Integer {
        least: i64,
        most: i64,
    },
    /// One of the words.
    Word(&'static [&'static str]),
    List,
    /// A list of some of the words.
    Words(&'static [&'static str]),
    /// A list of `OWNER/NAME`; groups may be deeper.
    Slugs,
    TimeZone,
    /// The generic tool's mapping.
    Object,
}

/// How a tool's webhooks are set up and told from forged ones.
#[derive(Debug)]
pub struct Webhook {
    /// What to switch on in the tool.
    pub events: &'static str,
    /// How a request is proved: `HMAC-SHA256 in X-Hub-Signature-256`.
    pub signature: &'static str,
    /// Where the secret comes from and where it goes. Several count at once, while one takes the place of
    /// another.
    pub secret: &'static str,
}

/// The credential of a tool's API.
#[derive(Debug)]
pub struct Token {
    /// What sort of token, and the least that it has to be allowed.
    pub permissions: &'static str,
    /// There is no use in the integration without it.
    pub required: bool,
}

/// An event that says only that something changed.
fn poked(reason: &str) -> Parsed {
    Parsed::Look(Look {
        what: What::Everything,
        reason: reason.to_owned(),
    })
}

/// What one tool does its own way. One file each.
pub(crate) trait Adapter: Sync {
    fn description(&self) -> &'static Description;

    /// What only holds of several settings together.
    fn check(&self, _settings: &Settings) -> Vec<Fault> {
        Vec::new()
    }

    /// The answer to a request that the tool makes to see whether somebody is there.
    fn handshake(
        &self,
        _settings: &Settings,
        _secrets: &[SecretString],
        _request: &Request,
    ) -> Option<Result<Answer, Unverified>> {
        None
    }

    fn scheme(&self, settings: &Settings) -> Scheme;

    /// The header that stays the same when the tool sends a delivery again.
    fn delivery_header<'a>(&self, _settings: &'a Settings) -> Option<&'a str> {
        None
    }

    /// Headers that [`Adapter::parse`] reads. None of them is secret.
    fn event_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed;

    /// The headers that make a request the integration's own.
    fn authorize(&self, _settings: &Settings, _token: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The first questions of a poll; none where the tool cannot be asked.
    fn ask(&self, _settings: &Settings, _what: &What) -> Vec<Ask> {
        Vec::new()
    }

    /// The first question of writing a note to an iteration; `None` where the tool has no place for it.
    fn note(&self, _settings: &Settings, _iteration: &Iteration) -> Option<Ask> {
        None
    }

    /// Reads an answer to one of the questions. `at` is when the poll began.
    fn read(
        &self,
        _settings: &Settings,
        _ask: &Ask,
        _reply: &Reply,
        _at: Timestamp,
    ) -> Result<Page, Problem> {
        Ok(Page::default())
    }
}
