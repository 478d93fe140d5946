//! Trello: it has no sprints, so teams make them of the lists of a board. A list is under way while it is
//! there, and has ended once it is archived.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::inbound::{Answer, Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::{Encoding, Hash, Scheme, Then, Unverified};
use jiff::Timestamp;
use offshoot_core::iteration::{Iteration, IterationState, Observation, Scope};
use secrecy::SecretString;
use std::borrow::Cow;

pub(super) struct Trello;

const DESCRIPTION: Description = Description {
    name: "trello",
    title: "Trello",
    settings: &[
        Setting {
            name: "boards",
            purpose: "the ids of the boards whose lists count: 24 hexadecimal digits",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
        Setting {
            name: "api_key",
            purpose: "the key of the Power-Up that the token is for; it is no secret",
            kind: SettingKind::Text,
            required: true,
            default: None,
        },
        Setting {
            name: "callback_url",
            purpose: "the address of the webhook, letter for letter as Trello was given it, where that differs from \
                      the address at which requests arrive: Trello signs it",
            kind: SettingKind::Text,
            required: false,
            default: None,
        },
        Setting {
            name: "api_url",
            purpose: "where the API is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.trello.com"),
        },
    ],
    webhook: Some(Webhook {
        events: "all of the board: Trello's webhooks cannot be narrowed",
        signature: "HMAC-SHA1 of the body and the address in X-Trello-Webhook",
        secret: "the secret of the Power-Up's API key",
    }),
    token: Some(Token {
        permissions: "a token with the scope read, of who sees the boards",
        required: true,
    }),
    page: "trello.md",
};

impl Adapter for Trello {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn handshake(
        &self,
        _settings: &Settings,
        _secrets: &[SecretString],
        request: &Request,
    ) -> Option<Result<Answer, Unverified>> {
        // Before Trello makes a webhook it looks whether somebody is there.
        let looks = request.method.eq_ignore_ascii_case("HEAD");
        looks.then(|| Ok(Answer::empty()))
    }

    fn scheme(&self, settings: &Settings) -> Scheme {
        let address = settings.text("callback_url");
        Scheme::Hmac {
            header: Cow::Borrowed("x-trello-webhook"),
            hash: Hash::Sha1,
            encoding: Encoding::Base64,
            prefix: Cow::Borrowed(""),
            then: address.map_or(Then::Address, |address| Then::Text(address.to_owned())),
        }
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let action = Json::new(&body).at("/action");
        let Some(kind) = action.at("/type").word() else {
            return Parsed::Invalid("it has no action/type".into());
        };
        let data = action.at("/data");
        let board = data.at("/board/id").text();
        let known = |board: &String| settings.list("boards").contains(&board.as_str());
        match kind {
            "createList" | "updateList" | "moveListToBoard" | "moveListFromBoard" => {}
            _ => return Parsed::Ignored(format!("an action {kind:?} is not about lists")),
        }
        let Some(board) = board.filter(known) else {
            return Parsed::Ignored("it is about none of the integration's boards".into());
        };
        // Of a list that changed, an action has only what changed.
        let whole = kind == "createList" || data.at("/list/closed").exists();
        if !whole || kind.starts_with("move") {
            return poked(kind);
        }
        let at = action.at("/date").start(settings).unwrap_or(received_at);
        match list(data.at("/list"), &board, data.at("/board/name").text(), at) {
            Ok(found) => Parsed::Observed(vec![Observation::Seen(found)]),
            Err(lacks) => Parsed::Invalid(format!("its list {lacks}")),
        }
    }

    fn authorize(&self, settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        let key = settings.text("api_key").unwrap_or_default();
        let value = format!("OAuth oauth_consumer_key=\"{key}\", oauth_token=\"{token}\"");
        vec![("authorization", value)]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("api_url").unwrap_or_default();
        let ask = |board: &str| {
            let query = [("filter", "all"), ("fields", "id,name,closed,idBoard")];
            Some(Ask::get("lists", base, &["1", "boards", board, "lists"], &query)?.of(board))
        };
        settings
            .list("boards")
            .into_iter()
            .filter_map(ask)
            .collect()
    }

    fn read(
        &self,
        _settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        let entries = reply.entries("")?;
        let found = observed(entries, at, |entry| {
            list(entry, &ask.scope, None, at).map(Some)
        })?;
        Ok(Page {
            found,
            next: Vec::new(),
            covered: Some(all_of("list/", &ask.scope)),
        })
    }
}

/// A list as actions and the API have it.
fn list(
    json: Json<'_>,
    board: &str,
    board_name: Option<String>,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    Ok(Iteration {
        state: match json.at("/closed").flag() {
            Some(true) => IterationState::Ended,
            _ => IterationState::Started,
        },
        url: Some(format!("https://trello.com/b/{board}")),
        scope: Some(Scope {
            kind: "board".into(),
            id: board.to_owned(),
            name: board_name,
        }),
        ..Iteration::sprint(
            format!("list/{id}"),
            json::named(json.at("/name").text(), "List", None, &id),
            at,
        )
    })
}
