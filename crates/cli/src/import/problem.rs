//! What is wrong with a dump, and where.

use super::queue::Place;
use std::fmt;

/// Bytes of a statement that a message shows.
const SHOWN: usize = 200;

/// The statement at fault, the reason, and what became of the database.
#[derive(Debug)]
pub struct Problem {
    pub(crate) reason: String,
    /// The engine's error number, where it was the engine that refused.
    pub(crate) number: Option<u16>,
    pub(crate) place: Option<Position>,
    /// How the statement begins.
    pub(crate) text: Option<String>,
    pub(crate) hint: Option<String>,
    /// What became of the database.
    pub(crate) outcome: String,
}

/// Where in which file.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) file: String,
    pub(crate) statement: u64,
    pub(crate) line: u64,
    pub(crate) offset: u64,
}

impl Problem {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            number: None,
            place: None,
            text: None,
            hint: None,
            outcome: String::new(),
        }
    }

    pub(super) fn at(mut self, place: &Place, text: &[u8]) -> Self {
        self.place = Some(Position {
            file: place.file.to_string(),
            statement: place.number,
            line: place.line,
            offset: place.offset,
        });
        self.text = Some(beginning(text));
        self
    }

    /// For programs.
    pub(crate) fn details(&self) -> serde_json::Value {
        let place = self.place.as_ref();
        serde_json::json!({
            "file": place.map(|p| &p.file),
            "statement": place.map(|p| p.statement),
            "line": place.map(|p| p.line),
            "offset": place.map(|p| p.offset),
            "engine_error": self.number,
            "outcome": self.outcome,
        })
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.place {
            write!(
                f,
                "statement {} of {}, at line {} (byte {}): ",
                at.statement, at.file, at.line, at.offset
            )?;
        }
        f.write_str(&self.reason)?;
        if let Some(text) = &self.text {
            write!(f, "\n  {text}")?;
        }
        if !self.outcome.is_empty() {
            write!(f, "\n{}", self.outcome)?;
        }
        Ok(())
    }
}

/// The first bytes as a line of text.
fn beginning(text: &[u8]) -> String {
    let whole = text.len() <= SHOWN;
    let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN)]);
    let mut line: String = shown
        .trim_end_matches(char::REPLACEMENT_CHARACTER)
        .chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect();
    if !whole {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_shown_by_its_beginning() {
        assert_eq!(beginning(b"SELECT\n\x1b[1m 1"), "SELECT \u{fffd}[1m 1");
        let long = format!("INSERT {}", "ä".repeat(300));
        let shown = beginning(long.as_bytes());
        assert!(shown.len() < 210 && shown.ends_with("ä…"), "{shown}");
    }
}
