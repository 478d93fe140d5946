//! How the generic tool's bodies are read: where in them things stand, and what their words mean.

use super::Fault;
use offshoot_core::iteration::IterationState;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The fields of an iteration that can be mapped.
pub(crate) const FIELDS: &[&str] = &[
    "id",
    "name",
    "number",
    "state",
    "starts_at",
    "ends_at",
    "url",
    "scope",
    "updated_at",
];

/// Longest pointer, word or format.
const LONGEST: usize = 200;

/// The user's own mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where the iteration is, or the array of them; the whole body if empty.
    pub(crate) iterations: String,
    /// Field → JSON pointers from there, of which the first that finds something counts. One that begins
    /// with `body:` starts at the body.
    pub(crate) fields: BTreeMap<String, Vec<String>>,
    /// Word in lower case → state; `None` = such an event is ignored.
    pub(crate) states: BTreeMap<String, Option<IterationState>>,
    /// Tried before the usual forms.
    pub(crate) date_formats: Vec<String>,
    pub(crate) signing: Signing,
    /// The header that tells a delivery from others.
    pub(crate) delivery_header: Option<String>,
}

/// How the generic tool signs, and in which header. `docs/guide/planning/generic.md` describes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    pub(crate) scheme: String,
    pub(crate) header: String,
    pub(crate) prefix: String,
}

pub(crate) const SCHEMES: &[&str] = &[
    "hmac-sha256-hex",
    "hmac-sha256-base64",
    "hmac-sha1-hex",
    "hmac-sha1-base64",
    "token",
    "authorization",
    "url-token",
    "standard-webhooks",
    "jwt-hs256",
];

impl Mapping {
    pub(crate) fn parse(value: &Value) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::default();
        let object = reader.object("mapping", Some(value));
        let known = [
            "iterations",
            "fields",
            "states",
            "date_formats",
            "signature",
            "delivery_header",
        ];
        reader.known("mapping", &object, &known);
        let mut fields = BTreeMap::new();
        let given = reader.object("mapping/fields", object.get("fields"));
        reader.known("mapping/fields", &given, FIELDS);
        for (field, value) in &given {
            let place = format!("mapping/fields/{field}");
            let pointers = reader.texts(&place, value);
            for pointer in &pointers {
                reader.pointer(&place, pointer.strip_prefix("body:").unwrap_or(pointer));
            }
            fields.insert(field.clone(), pointers);
        }
        for needed in ["id", "name"] {
            if !fields.contains_key(needed) {
                reader.fault(format!("mapping/fields/{needed}"), "is missing");
            }
        }
        let iterations = reader.text("mapping/iterations", object.get("iterations"));
        let iterations = iterations.unwrap_or_default();
        reader.pointer("mapping/iterations", &iterations);
        let mapping = Mapping {
            iterations,
            states: states(&mut reader, object.get("states")),
            date_formats: match object.get("date_formats") {
                Some(formats) => reader.texts("mapping/date_formats", formats),
                None => Vec::new(),
            },
            signing: signing(&mut reader, object.get("signature")),
            delivery_header: reader.text("mapping/delivery_header", object.get("delivery_header")),
            fields,
        };
        match reader.faults.is_empty() {
            true => Ok(mapping),
            false => Err(reader.faults),
        }
    }
}

fn states(reader: &mut Reader, given: Option<&Value>) -> BTreeMap<String, Option<IterationState>> {
    let mut states: BTreeMap<String, Option<IterationState>> = IterationState::ALL
        .map(|state| (state.as_str().to_owned(), Some(state)))
        .into();
    let Some(given) = given else { return states };
    for (state, words) in reader.object("mapping/states", Some(given)) {
        let place = format!("mapping/states/{state}");
        let meaning = match (state.as_str(), state.parse()) {
            ("ignored", _) => None,
            (_, Ok(state)) => Some(state),
            (_, Err(_)) => {
                reader.fault(
                    place,
                    "is none of planned, started, ended, deleted, ignored",
                );
                continue;
            }
        };
        for word in reader.texts(&place, &words) {
            let word = word.to_lowercase();
            let other = states.insert(word.clone(), meaning);
            let default = word == state || word.parse::<IterationState>().is_ok();
            if !default && other.is_some_and(|other| other != meaning) {
                reader.fault(&place, format!("{word:?} stands for another state, too"));
            }
        }
    }
    states
}

fn signing(reader: &mut Reader, given: Option<&Value>) -> Signing {
    let place = "mapping/signature";
    let object = match given {
        Some(given) => reader.object(place, Some(given)),
        None => Map::new(),
    };
    reader.known(place, &object, &["scheme", "header", "prefix"]);
    let scheme = reader.text("mapping/signature/scheme", object.get("scheme"));
    let scheme = scheme.unwrap_or_else(|| "hmac-sha256-hex".into());
    if !SCHEMES.contains(&scheme.as_str()) {
        let problem = format!("{scheme:?} is none of {}", SCHEMES.join(", "));
        reader.fault("mapping/signature/scheme", problem);
    }
    let header = reader.text("mapping/signature/header", object.get("header"));
    let default = match scheme.as_str() {
        "token" => "x-webhook-token",
        _ => "x-signature",
    };
    Signing {
        header: header.unwrap_or_else(|| default.into()).to_lowercase(),
        prefix: reader
            .text("mapping/signature/prefix", object.get("prefix"))
            .unwrap_or_default(),
        scheme,
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.faults.push(Fault::new(place, problem));
    }

    fn object(&mut self, place: &str, value: Option<&Value>) -> Map<String, Value> {
        match value {
            Some(Value::Object(object)) => return object.clone(),
            Some(_) => self.fault(place, "is to be an object"),
            None => self.fault(place, "is missing"),
        }
        Map::new()
    }

    fn known(&mut self, place: &str, object: &Map<String, Value>, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let problem = format!("is not known; there are {}", known.join(", "));
            self.fault(format!("{place}/{name}"), problem);
        }
    }

    fn text(&mut self, place: &str, value: Option<&Value>) -> Option<String> {
        match value? {
            Value::String(text) if text.len() <= LONGEST => return Some(text.clone()),
            Value::String(_) => self.fault(place, format!("is longer than {LONGEST} bytes")),
            _ => self.fault(place, "is to be text"),
        }
        None
    }

    /// One text, or an array of them.
    fn texts(&mut self, place: &str, value: &Value) -> Vec<String> {
        match value {
            Value::Array(values) if values.len() <= super::ENTRIES => values
                .iter()
                .filter_map(|value| self.text(place, Some(value)))
                .collect(),
            Value::Array(_) => {
                self.fault(place, format!("has more than {} entries", super::ENTRIES));
                Vec::new()
            }
            value => self.text(place, Some(value)).into_iter().collect(),
        }
    }

    fn pointer(&mut self, place: &str, pointer: &str) {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let problem = format!("{pointer:?} is no JSON pointer; write it as /sprint/id");
            self.fault(place, problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mapping_is_refused_with_the_places_of_what_is_wrong() {
        let given = json!({
            "iterations": "sprints",
            "fields": {"id": "/id", "title": "/title"},
            "states": {"open": ["new"], "started": ["go"], "ended": ["go"]},
            "signature": {"scheme": "md5"},
        });
        let faults = Mapping::parse(&given).unwrap_err();
        let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(
            faults,
            [
                "mapping/fields/title: is not known; there are id, name, number, state, starts_at, ends_at, \
                 url, scope, updated_at",
                "mapping/fields/name: is missing",
                "mapping/iterations: \"sprints\" is no JSON pointer; write it as /sprint/id",
                "mapping/states/open: is none of planned, started, ended, deleted, ignored",
                "mapping/states/started: \"go\" stands for another state, too",
                "mapping/signature/scheme: \"md5\" is none of hmac-sha256-hex, hmac-sha256-base64, \
                 hmac-sha1-hex, hmac-sha1-base64, token, authorization, url-token, standard-webhooks, jwt-hs256",
            ]
        );
    }
}
