//! How literals are written, which `sql_mode` decides, and scripts change.

use super::lex::{Kind, Lexer, Token};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syntax {
    /// `"` quotes names.
    pub ansi_quotes: bool,
    /// A backslash in a string is a character like others.
    pub no_backslash_escapes: bool,
}

impl Syntax {
    /// What a value of `sql_mode` means for literals.
    pub fn of_mode(mode: &str) -> Self {
        let has = |names: &[&str]| {
            mode.split(',')
                .any(|m| names.iter().any(|n| m.trim().eq_ignore_ascii_case(n)))
        };
        Self {
            ansi_quotes: has(&[
                "ANSI_QUOTES",
                "ANSI",
                "ORACLE",
                "DB2",
                "MAXDB",
                "MSSQL",
                "POSTGRESQL",
            ]),
            no_backslash_escapes: has(&["NO_BACKSLASH_ESCAPES"]),
        }
    }
}

/// User variables that are remembered: dumps use a handful.
const MAX_VARIABLES: usize = 64;

/// The syntax, with the user variables in which scripts keep earlier ones.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) syntax: Syntax,
    kept: BTreeMap<String, Syntax>,
}

impl Settings {
    /// Follows a statement, if it is a SET.
    pub(super) fn follow(&mut self, statement: &[u8]) {
        let tokens: Vec<Token> = Lexer::new(statement, self.syntax)
            .filter(|t| !matches!(t.kind, Kind::Open | Kind::Close))
            .take(256)
            .collect();
        let Some((first, rest)) = tokens.split_first() else {
            return;
        };
        if !first.is(statement, "SET") {
            return;
        }
        for part in rest.split(|t| t.sign(b',')) {
            let Some(equals) = part.iter().position(|t| t.sign(b'=')) else {
                continue;
            };
            let target = &part[..equals];
            let value = &part[equals + 1..];
            let mode_of =
                |tokens: &[Token]| tokens.last().is_some_and(|t| t.is(statement, "SQL_MODE"));
            let variable = |tokens: &[Token]| match tokens {
                [at, name] if at.sign(b'@') => name.name(statement).map(|n| n.to_lowercase()),
                _ => None,
            };
            let target: Vec<Token> = target.iter().filter(|t| !t.sign(b':')).cloned().collect();
            if let Some(name) = variable(&target) {
                if mode_of(value) && self.kept.len() < MAX_VARIABLES {
                    self.kept.insert(name, self.syntax);
                }
            } else if mode_of(&target) {
                if let Some(kept) = variable(value).and_then(|n| self.kept.get(&n)) {
                    self.syntax = *kept;
                } else if let [text] = value {
                    self.syntax = match text.kind {
                        Kind::Text => Syntax::of_mode(&text.name(statement).unwrap_or_default()),
                        Kind::Word => {
                            Syntax::of_mode(&String::from_utf8_lossy(text.text(statement)))
                        }
                        _ => self.syntax,
                    };
                }
            }
        }
    }
}
