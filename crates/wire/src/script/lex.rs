//! Tokens of a statement, with the content of executable comments among them.

use super::split::{is_dashes, is_executable, is_white};
use super::syntax::Syntax;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, `_`, `$` and everything above ASCII.
    Word,
    /// A quoted name, with its quotes.
    Name,
    /// A string, with its quotes.
    Text,
    Sign(u8),
    /// `/*!`, `/*M!` with a version behind it.
    Open,
    /// `*/` of an executable comment.
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

impl Token {
    pub(super) fn text<'a>(&self, of: &'a [u8]) -> &'a [u8] {
        &of[self.range.clone()]
    }

    pub(super) fn is(&self, of: &[u8], word: &str) -> bool {
        self.kind == Kind::Word && self.text(of).eq_ignore_ascii_case(word.as_bytes())
    }

    pub(super) fn sign(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// What a word, a quoted name or a string says, quotes and doubled quotes taken away.
    pub(super) fn name(&self, of: &[u8]) -> Option<String> {
        let text = self.text(of);
        let text = match self.kind {
            Kind::Word => text.to_vec(),
            Kind::Name | Kind::Text => {
                let quote = text[0];
                let inner = &text[1..text.len().max(2) - 1];
                let mut out = Vec::with_capacity(inner.len());
                let mut at = 0;
                while at < inner.len() {
                    out.push(inner[at]);
                    at += if inner[at] == quote { 2 } else { 1 };
                }
                out
            }
            _ => return None,
        };
        String::from_utf8(text).ok()
    }
}

/// Iterates over the tokens of a text. Plain comments vanish; a literal that does not end goes to
/// the end of the text.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
    syntax: Syntax,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8], syntax: Syntax) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            syntax,
        }
    }

    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let Some(&b) = rest.first() else { return };
            if is_white(b) {
                self.at += 1;
            } else if b == b'#' || (b == b'-' && is_dashes(rest)) {
                self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            } else if rest.starts_with(b"/*") && !is_executable(rest) {
                let end = rest.windows(2).skip(2).position(|w| w == b"*/");
                self.at += end.map_or(rest.len(), |n| n + 4);
            } else {
                return;
            }
        }
    }

    fn quoted(&self, quote: u8, escapes: bool) -> usize {
        let mut at = self.at + 1;
        while let Some(&b) = self.text.get(at) {
            if b == b'\\' && escapes {
                at += 2;
            } else if b != quote {
                at += 1;
            } else if self.text.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                return at + 1;
            }
        }
        self.text.len()
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip();
        let rest = &self.text[self.at..];
        let first = *rest.first()?;
        let start = self.at;
        let (kind, end) = match first {
            b if is_word(b) => {
                let n = rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len());
                (Kind::Word, start + n)
            }
            b'\'' => (
                Kind::Text,
                self.quoted(b'\'', !self.syntax.no_backslash_escapes),
            ),
            b'"' if self.syntax.ansi_quotes => (Kind::Name, self.quoted(b'"', false)),
            b'"' => (
                Kind::Text,
                self.quoted(b'"', !self.syntax.no_backslash_escapes),
            ),
            b'`' => (Kind::Name, self.quoted(b'`', false)),
            b'/' if is_executable(rest) => {
                self.depth += 1;
                let head = if rest[2] == b'!' { 3 } else { 4 };
                let digits = rest[head..]
                    .iter()
                    .take(6)
                    .take_while(|b| b.is_ascii_digit());
                (Kind::Open, start + head + digits.count())
            }
            b'*' if self.depth > 0 && rest.starts_with(b"*/") => {
                self.depth -= 1;
                (Kind::Close, start + 2)
            }
            sign => (Kind::Sign(sign), start + 1),
        };
        self.at = end.min(self.text.len());
        Some(Token {
            kind,
            range: start..self.at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_comments_are_read() {
        let text = b"/*!50003 CREATE*/ /* x */ /*!50017 DEFINER=`a``b`@'c'*/ t -- end";
        let all: Vec<Token> = Lexer::new(text, Syntax::default()).collect();
        let kinds: Vec<Kind> = all.iter().map(|t| t.kind).collect();
        use Kind::*;
        assert_eq!(
            kinds,
            [
                Open,
                Word,
                Close,
                Open,
                Word,
                Sign(b'='),
                Name,
                Sign(b'@'),
                Text,
                Close,
                Word
            ]
        );
        assert_eq!(all[6].name(text).as_deref(), Some("a`b"));
        assert_eq!(all[8].name(text).as_deref(), Some("c"));
    }
}
