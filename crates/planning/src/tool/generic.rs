//! Any other tool that sends JSON: the user says where in it things stand.

use super::{Adapter, Description, Setting, SettingKind, Webhook};
use crate::date::Moment;
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::settings::{Fault, Mapping, Settings};
use crate::signature::{Encoding, Hash, Place, Scheme, Then};
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, Scope,
};
use std::borrow::Cow;

/// Most iterations that one body tells of.
const MOST: usize = 500;

pub(super) struct Generic;

const DESCRIPTION: Description = Description {
    name: "generic",
    title: "Generic webhook",
    settings: &[Setting {
        name: "mapping",
        purpose: "where in the body the iteration's fields stand, and how it is signed",
        kind: SettingKind::Object,
        required: true,
        default: None,
    }],
    webhook: Some(Webhook {
        events: "whatever tells of an iteration, as JSON by POST",
        signature: "as mapping/signature says",
        secret: "one that you choose, given to the tool or to the script that sends",
    }),
    token: None,
    page: "generic.md",
};

impl Adapter for Generic {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn check(&self, settings: &Settings) -> Vec<Fault> {
        match settings.mapping() {
            Some(_) => Vec::new(),
            None => vec![Fault::new("mapping", "is missing")],
        }
    }

    fn scheme(&self, settings: &Settings) -> Scheme {
        let Some(mapping) = settings.mapping() else {
            return Scheme::FirstOf(Vec::new());
        };
        let signing = &mapping.signing;
        let hmac = |hash, encoding| Scheme::Hmac {
            header: Cow::Owned(signing.header.clone()),
            hash,
            encoding,
            prefix: Cow::Owned(signing.prefix.clone()),
            then: Then::Nothing,
        };
        match signing.scheme.as_str() {
            "hmac-sha256-hex" => hmac(Hash::Sha256, Encoding::Hex),
            "hmac-sha256-base64" => hmac(Hash::Sha256, Encoding::Base64),
            "hmac-sha1-hex" => hmac(Hash::Sha1, Encoding::Hex),
            "hmac-sha1-base64" => hmac(Hash::Sha1, Encoding::Base64),
            "token" => Scheme::Token(Place::Header(Cow::Owned(signing.header.clone()))),
            "authorization" => Scheme::Token(Place::Authorization),
            "url-token" => Scheme::Token(Place::Query),
            "standard-webhooks" => Scheme::StandardWebhooks,
            "jwt-hs256" => Scheme::Jwt,
            _ => Scheme::FirstOf(Vec::new()),
        }
    }

    fn delivery_header<'a>(&self, settings: &'a Settings) -> Option<&'a str> {
        let mapping = settings.mapping()?;
        match (&mapping.delivery_header, mapping.signing.scheme.as_str()) {
            (Some(header), _) => Some(header),
            (None, "standard-webhooks") => Some("webhook-id"),
            (None, _) => None,
        }
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let Some(mapping) = settings.mapping() else {
            return Parsed::Invalid("the integration has no mapping".into());
        };
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        let root = body.at(&mapping.iterations);
        let entries: Vec<_> = match root.value() {
            Some(value) if value.is_array() => root.items().collect(),
            Some(_) => vec![root],
            None => {
                let place = &mapping.iterations;
                return Parsed::Ignored(format!(
                    "it has nothing at {place:?} (mapping/iterations)"
                ));
            }
        };
        if entries.len() > MOST {
            let n = entries.len();
            return Parsed::Invalid(format!("it has {n} iterations; up to {MOST} are read"));
        }
        let mut observed = Vec::new();
        let mut ignored = None;
        for (n, entry) in entries.iter().enumerate() {
            let reader = Reader {
                settings,
                mapping,
                body,
                entry: *entry,
            };
            match reader.read(received_at) {
                Ok(Some(observation)) => observed.push(observation),
                Ok(None) => ignored = reader.field("state").text(),
                Err(why) if root.value().is_some_and(|v| v.is_array()) => {
                    return Parsed::Invalid(format!("entry {n}: {why}"));
                }
                Err(why) => return Parsed::Invalid(why),
            }
        }
        match (observed.is_empty(), ignored) {
            (true, Some(word)) => {
                Parsed::Ignored(format!("the mapping ignores the state {word:?}"))
            }
            (true, None) => Parsed::Ignored("it has no iterations".into()),
            (false, _) => Parsed::Observed(observed),
        }
    }
}

struct Reader<'a> {
    settings: &'a Settings,
    mapping: &'a Mapping,
    body: Json<'a>,
    entry: Json<'a>,
}

impl<'a> Reader<'a> {
    /// The first place of a field at which there is something.
    fn field(&self, name: &str) -> Json<'a> {
        let pointers = self.mapping.fields.get(name);
        let places = pointers.into_iter().flatten();
        let mut found = places.map(|pointer| match pointer.strip_prefix("body:") {
            Some(pointer) => self.body.at(pointer),
            None => self.entry.at(pointer),
        });
        found
            .find(|json| json.exists())
            .unwrap_or(self.entry.at("/\u{0}"))
    }

    fn needed(&self, name: &str) -> Result<String, String> {
        self.field(name).text().ok_or_else(|| {
            let pointers = self.mapping.fields.get(name);
            let places = pointers.map(|p| p.join(", ")).unwrap_or_default();
            format!("it has no {name} at {places}")
        })
    }

    /// `None` where the mapping ignores the state.
    fn read(&self, received_at: Timestamp) -> Result<Option<Observation>, String> {
        let state = match self.field("state").text() {
            // Dates decide.
            None => IterationState::Planned,
            Some(word) => match self.mapping.states.get(&word.to_lowercase()) {
                Some(Some(state)) => *state,
                Some(None) => return Ok(None),
                None => {
                    return Err(format!(
                        "mapping/states does not say what the state {word:?} stands for"
                    ));
                }
            },
        };
        let source_id = format!("iteration/{}", self.needed("id")?);
        let updated_at = self
            .moment("updated_at")?
            .and_then(|m| m.start(self.settings.zone()));
        if state == IterationState::Deleted {
            return Ok(Some(Observation::Gone(Gone {
                source_id,
                kind: IterationKind::Sprint,
                at: updated_at.unwrap_or(received_at),
                last: None,
            })));
        }
        let zone = self.settings.zone();
        let seen_at = updated_at.unwrap_or(received_at);
        Ok(Some(Observation::Seen(Iteration {
            number: self.field("number").integer(),
            state,
            starts_at: self.moment("starts_at")?.and_then(|m| m.start(zone)),
            ends_at: self.moment("ends_at")?.and_then(|m| m.end(zone)),
            announces_start: self.announces(IterationState::Started),
            announces_end: self.announces(IterationState::Ended),
            url: self.field("url").text(),
            scope: self.field("scope").text().map(|id| Scope {
                kind: "scope".into(),
                name: Some(id.clone()),
                id,
            }),
            ..Iteration::sprint(source_id, self.needed("name")?, seen_at)
        })))
    }

    /// The mapping has words of its own for that state, so the tool says when it comes.
    fn announces(&self, state: IterationState) -> bool {
        let own = |(word, meaning): (&String, &Option<IterationState>)| {
            *meaning == Some(state) && word != state.as_str()
        };
        self.mapping.fields.contains_key("state") && self.mapping.states.iter().any(own)
    }

    fn moment(&self, name: &str) -> Result<Option<Moment>, String> {
        let json = self.field(name);
        let Some(value) = json.value() else {
            return Ok(None);
        };
        let formatted = json.word().and_then(|text| {
            let mut formats = self.mapping.date_formats.iter();
            formats.find_map(|f| Moment::formatted(text, f, self.settings.zone()))
        });
        let moment = formatted.or_else(|| Moment::read(value, self.settings.zone()));
        match moment {
            Some(moment) => Ok(Some(moment)),
            None if json.word().is_some_and(|text| text.trim().is_empty()) => Ok(None),
            None => Err(format!(
                "its {name} is no date that is understood; mapping/date_formats may have its format"
            )),
        }
    }
}
