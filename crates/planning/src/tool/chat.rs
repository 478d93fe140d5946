//! Chats: they send no events and are not asked; they are told, by [`crate::chat`].

use super::{Adapter, Description, Token};
use crate::inbound::{Parsed, Request};
use crate::settings::Settings;
use crate::signature::Scheme;
use jiff::Timestamp;

pub(super) enum Chat {
    Slack,
    Teams,
    Mattermost,
    Discord,
}

const fn described(name: &'static str, title: &'static str) -> Description {
    Description {
        name,
        title,
        settings: &[],
        webhook: None,
        token: Some(Token {
            permissions: "the address of an incoming webhook, which may write into one channel",
            required: true,
        }),
        page: "telling.md",
    }
}

const SLACK: Description = described("slack", "Slack");
const TEAMS: Description = described("teams", "Microsoft Teams");
const MATTERMOST: Description = described("mattermost", "Mattermost");
const DISCORD: Description = described("discord", "Discord");

impl Adapter for Chat {
    fn description(&self) -> &'static Description {
        match self {
            Chat::Slack => &SLACK,
            Chat::Teams => &TEAMS,
            Chat::Mattermost => &MATTERMOST,
            Chat::Discord => &DISCORD,
        }
    }

    /// Nothing is believed.
    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::FirstOf(Vec::new())
    }

    fn parse(&self, _settings: &Settings, _request: &Request, _received_at: Timestamp) -> Parsed {
        Parsed::Ignored("a chat sends no events".to_owned())
    }
}
