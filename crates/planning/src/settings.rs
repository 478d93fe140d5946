//! What an integration is told about its tool: checked once, by the tool's own description.

mod mapping;

pub use mapping::{Mapping, Signing};

use crate::tool::{Setting, SettingKind, Tool};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::{Map, Value};
use std::fmt;
use url::Url;

/// Longest value, and most entries of a list: an integration looks at some boards, not at all there are.
const LONGEST: usize = 500;
const ENTRIES: usize = 100;

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct Fault {
    /// Its name; within an object followed by a JSON pointer: `mapping/fields/id`.
    pub setting: String,
    pub problem: String,
}

impl Fault {
    pub(crate) fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.into(),
        }
    }
}

/// The settings of an integration, all valid. They hold no secret.
#[derive(Clone)]
pub struct Settings {
    tool: Tool,
    /// Every setting that was given or has a default, in its normal form.
    values: Map<String, Value>,
    zone: TimeZone,
    mapping: Option<Mapping>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.tool, self.values)
    }
}

impl Settings {
    /// Reads and checks an object as `{"repositories": ["acme/shop"], "time_zone": "Europe/Berlin"}`.
    /// Numbers, flags and lists may also be text: `"14"`, `"true"`, `"acme/shop,acme/blog"`.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn parse(tool: Tool, given: &Map<String, Value>) -> Result<Self, Vec<Fault>> {
        let description = tool.description();
        let known = || description.settings.iter().chain(COMMON);
        let mut faults = Vec::new();
        for name in given
            .keys()
            .filter(|name| !known().any(|s| s.name == **name))
        {
            let names: Vec<_> = known().map(|s| s.name).collect();
            let problem = format!("{} has no such setting; it has {}", tool, names.join(", "));
            faults.push(Fault::new(name.clone(), problem));
        }
        let mut values = Map::new();
        for setting in known() {
            let value = given.get(setting.name).filter(|value| !value.is_null());
            match (value, setting.default) {
                (Some(value), _) => match normal(setting, value) {
                    Ok(value) => {
                        values.insert(setting.name.into(), value);
                    }
                    Err(problem) => faults.push(Fault::new(setting.name, problem)),
                },
                (None, Some(default)) => {
                    let default = normal(setting, &Value::from(default));
                    values.extend(default.ok().map(|value| (setting.name.into(), value)));
                }
                (None, None) if setting.required => {
                    let problem = format!("is missing: {}", setting.purpose);
                    faults.push(Fault::new(setting.name, problem));
                }
                (None, None) => {}
            }
        }
        let zone = values.get("time_zone").and_then(Value::as_str);
        let mut settings = Settings {
            tool,
            zone: zone.and_then(self::zone).unwrap_or(TimeZone::UTC),
            mapping: None,
            values,
        };
        if let Some(mapping) = settings.values.get("mapping") {
            match Mapping::parse(mapping) {
                Ok(mapping) => settings.mapping = Some(mapping),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() {
            faults.extend(tool.adapter().check(&settings));
        }
        match faults.is_empty() {
            true => Ok(settings),
            false => Err(faults),
        }
    }

    pub fn tool(&self) -> Tool {
        self.tool
    }

    /// In which days begin and end.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// All of them with their defaults, as [`Settings::parse`] reads them again.
    pub fn to_json(&self) -> Map<String, Value> {
        self.values.clone()
    }

    pub(crate) fn mapping(&self) -> Option<&Mapping> {
        self.mapping.as_ref()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.values.get(name)?.as_i64()
    }

    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let items = self.values.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten();
        items.filter_map(Value::as_str).collect()
    }

    pub(crate) fn lists(&self, name: &str, entry: &str) -> bool {
        self.list(name)
            .iter()
            .any(|e| e.eq_ignore_ascii_case(entry))
    }
}

/// Settings that every tool has.
pub const COMMON: &[Setting] = &[Setting {
    name: "time_zone",
    purpose: "where days begin and end, as Europe/Berlin",
    kind: SettingKind::TimeZone,
    required: false,
    default: Some("UTC"),
}];

/// A time zone by its name. The rules are those that were built in.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    match name.eq_ignore_ascii_case("utc") {
        true => Some(TimeZone::UTC),
        false => TimeZoneDatabase::bundled().get(name).ok(),
    }
}

fn normal(setting: &Setting, value: &Value) -> Result<Value, String> {
    match setting.kind {
        SettingKind::Object => match value {
            Value::Object(_) => Ok(value.clone()),
            _ => Err("is to be an object".into()),
        },
        SettingKind::Integer { least, most } => {
            let number = match value {
                Value::Number(number) => number.as_i64(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            match number.filter(|n| (least..=most).contains(n)) {
                Some(number) => Ok(number.into()),
                None => Err(format!("is to be a whole number from {least} to {most}")),
            }
        }
        SettingKind::List => list(value, |entry| Ok(entry.to_owned())),
        SettingKind::Words(words) => list(value, |entry| match words.contains(&entry) {
            true => Ok(entry.to_owned()),
            false => Err(format!("{entry:?} is none of {}", words.join(", "))),
        }),
        SettingKind::Slugs => list(value, |entry| {
            let mut parts = entry.split('/');
            let whole = entry.contains('/') && parts.all(|part| !part.is_empty() && part != "..");
            match whole && !entry.contains([' ', '?', '#', '%', '\\']) {
                true => Ok(entry.to_owned()),
                false => Err(format!("{entry:?} is not of the form OWNER/NAME")),
            }
        }),
        SettingKind::Text => Ok(text(value)?.into()),
        SettingKind::Word(words) => {
            let word = text(value)?;
            match words.contains(&word.as_str()) {
                true => Ok(word.into()),
                false => Err(format!("{word:?} is none of {}", words.join(", "))),
            }
        }
        SettingKind::Url => Ok(base(&text(value)?)?.into()),
        SettingKind::TimeZone => {
            let name = text(value)?;
            match zone(&name) {
                Some(_) => Ok(name.into()),
                None => Err(format!(
                    "{name:?} is no time zone; write it as Europe/Berlin"
                )),
            }
        }
    }
}

fn text(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err("is to be text".into()),
    };
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("is to be one line of up to {LONGEST} bytes"));
    }
    Ok(text)
}

/// Entries as an array or parted by commas; each once, in the order given.
fn list(value: &Value, check: impl Fn(&str) -> Result<String, String>) -> Result<Value, String> {
    let entries = match value {
        Value::Array(entries) => entries.iter().map(text).collect::<Result<Vec<_>, _>>()?,
        other => text(other)?
            .split(',')
            .map(|e| e.trim().to_owned())
            .collect(),
    };
    let mut checked: Vec<Value> = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.is_empty()) {
        let entry = Value::from(check(entry)?);
        if !checked.contains(&entry) {
            checked.push(entry);
        }
    }
    match checked.len() {
        0 => Err("is an empty list".into()),
        n if n > ENTRIES => Err(format!("has {n} entries; up to {ENTRIES} are possible")),
        _ => Ok(checked.into()),
    }
}

/// An address that requests begin with: `https://gitlab.acme.example`, without a slash at the end.
fn base(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|e| format!("{text:?} is no address: {e}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(format!("{text:?} is to begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "has a user or a password in it; credentials are the integration's secrets".into(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text:?} is to end with the path"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(tool: Tool, given: Value) -> Result<Settings, Vec<String>> {
        let parsed = Settings::parse(tool, given.as_object().unwrap());
        parsed.map_err(|faults| faults.iter().map(Fault::to_string).collect())
    }

    #[test]
    fn settings_are_given_as_json_or_as_text() {
        let given = json!({
            "repositories": "acme/shop, acme/blog,acme/shop",
            "duration_days": "14",
            "time_zone": "Europe/Berlin",
        });
        let settings = parse(Tool::Github, given).unwrap();
        let expected = json!({
            "repositories": ["acme/shop", "acme/blog"],
            "watch": ["milestones", "pull_requests"],
            "duration_days": 14,
            "api_url": "https://api.github.com",
            "time_zone": "Europe/Berlin",
        });
        assert_eq!(Value::Object(settings.to_json()), expected);
        let again = parse(Tool::Github, settings.to_json().into()).unwrap();
        assert_eq!(again.to_json(), settings.to_json());
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let given = json!({
            "repositories": ["acme/shop", "acme"],
            "duration_days": 0,
            "api_url": "https://root:pw@api.github.com",
            "time_zone": "Berlin",
            "boards": 3,
        });
        let faults = parse(Tool::Github, given).unwrap_err();
        assert_eq!(
            faults,
            [
                "boards: github has no such setting; it has repositories, watch, projects, duration_days, \
                 api_url, time_zone",
                "repositories: \"acme\" is not of the form OWNER/NAME",
                "duration_days: is to be a whole number from 1 to 366",
                "api_url: has a user or a password in it; credentials are the integration's secrets",
                "time_zone: \"Berlin\" is no time zone; write it as Europe/Berlin",
            ]
        );
    }
}
