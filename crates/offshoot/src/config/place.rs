//! Where in the file a problem is, and what was probably meant.

use super::KEYS;
use std::fmt;

/// How alike two names must be for one to be taken for the other.
const ALIKE: f64 = 0.75;

/// A problem with its place, as people read it: `line 3: instances.sleep_after: …`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    line: usize,
    key: String,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

impl Problem {
    /// What the parser says, at the key where it says it.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text[..at].matches('\n').count();
        let key = key_of(text, line);
        let said = error.message();
        let what = match unknown(said) {
            Some(name) => {
                let mut what = "there is no such key".to_owned();
                if let Some(meant) = meant(name, key.rsplit_once('.').map(|(section, _)| section)) {
                    what.push_str(&format!("; did you mean {meant}?"));
                }
                what.push_str(" `offshoot config reference` shows all");
                what
            }
            None => said.to_owned(),
        };
        Self {
            line: line + 1,
            key,
            what,
        }
    }

    /// A value that does not make sense, found by its key.
    pub(super) fn of_key(text: &str, key: &str, what: String) -> Self {
        let count = text.lines().count();
        let line = (0..count).find(|line| {
            let found = key_of(text, *line);
            found == key
                || found
                    .strip_prefix(key)
                    .is_some_and(|rest| rest.starts_with('.'))
        });
        Self {
            line: line.unwrap_or(0) + 1,
            key: key.to_owned(),
            what,
        }
    }
}

/// The whole key that a line sets, or the section that it begins.
fn key_of(text: &str, line: usize) -> String {
    let mut section = "";
    for (n, content) in text.lines().enumerate().take(line + 1) {
        let content = content.trim();
        if let Some(rest) = content.strip_prefix('[') {
            section = rest.split(']').next().unwrap_or(rest).trim();
            if n == line {
                return section.to_owned();
            }
        } else if n == line {
            let key = content.split('=').next().unwrap_or(content).trim();
            return match section {
                "" => key.to_owned(),
                section => format!("{section}.{key}"),
            };
        }
    }
    String::new()
}

/// The name that the parser does not know.
fn unknown(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// The likeliest name among those of the section, or among the sections.
fn meant(name: &str, section: Option<&str>) -> Option<&'static str> {
    let known = KEYS.iter().filter_map(|key| match section {
        Some(section) => key.name.strip_prefix(section)?.strip_prefix('.'),
        None => key.name.split('.').next(),
    });
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
