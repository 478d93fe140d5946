//! Splits a statement into words, literals and signs; comments vanish.

/// A part of a statement, with the bytes it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Letters, digits, `_`, `$` and everything above ASCII: a keyword, a name or a number.
    Word(&'a [u8]),
    /// The text between backticks, escapes not resolved.
    Name(&'a [u8]),
    /// The text of a string literal, escapes not resolved.
    Text(&'a [u8]),
    /// `@`: a user variable.
    Variable,
    /// `@@`: a system variable.
    System,
    Sign(u8),
    /// A comment whose content is executed, or a literal that does not end: nothing after it is
    /// understood.
    Opaque,
}

/// Iterates over the tokens of a text. After [`Token::Opaque`] it ends.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Offset behind the last token.
    pub fn position(&self) -> usize {
        self.at
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Skips white space and comments; `false` at a comment that is executed or does not end.
    fn skip(&mut self) -> bool {
        loop {
            match (self.peek(0), self.peek(1), self.peek(2)) {
                (Some(b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c), ..) => self.at += 1,
                (Some(b'#'), ..) => self.line(),
                (Some(b'-'), Some(b'-'), None | Some(b' ' | b'\t' | b'\r' | b'\n')) => self.line(),
                (Some(b'/'), Some(b'*'), next) => {
                    let fourth = self.peek(3);
                    let executed =
                        next == Some(b'!') || (next == Some(b'M') && fourth == Some(b'!'));
                    let body = &self.text[self.at + 2..];
                    let end = body.windows(2).position(|w| w == b"*/");
                    match end {
                        Some(end) if !executed => self.at += 2 + end + 2,
                        _ => return false,
                    }
                }
                _ => return true,
            }
        }
    }

    fn line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }

    /// Moves behind the closing `quote`; a doubled one and, where `escapes`, one behind a backslash
    /// do not close. `None` when it does not close.
    fn quoted(&mut self, quote: u8, escapes: bool) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let mut i = start;
        while let Some(&b) = self.text.get(i) {
            if b == b'\\' && escapes {
                i += 2;
            } else if b != quote {
                i += 1;
            } else if self.text.get(i + 1) == Some(&quote) {
                i += 2;
            } else {
                self.at = i + 1;
                return Some(&self.text[start..i]);
            }
        }
        None
    }

    fn opaque(&mut self) -> Option<Token<'a>> {
        self.at = self.text.len();
        Some(Token::Opaque)
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if !self.skip() {
            return self.opaque();
        }
        let first = self.peek(0)?;
        match first {
            b if is_word(b) => {
                let rest = &self.text[self.at..];
                let end = rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len());
                self.at += end;
                Some(Token::Word(&rest[..end]))
            }
            b'\'' | b'"' => match self.quoted(first, true) {
                Some(text) => Some(Token::Text(text)),
                None => self.opaque(),
            },
            b'`' => match self.quoted(b'`', false) {
                Some(name) => Some(Token::Name(name)),
                None => self.opaque(),
            },
            b'@' if self.peek(1) == Some(b'@') => {
                self.at += 2;
                Some(Token::System)
            }
            b'@' => {
                self.at += 1;
                Some(Token::Variable)
            }
            sign => {
                self.at += 1;
                Some(Token::Sign(sign))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_vanish_and_literals_are_whole() {
        let text = b" /* a */ SELECT -- x\n `a``b`, 'it''s \\' @x', @@y, @z # end";
        let all: Vec<_> = Tokens::new(text).collect();
        assert_eq!(
            all,
            [
                Token::Word(b"SELECT"),
                Token::Name(b"a``b"),
                Token::Sign(b','),
                Token::Text(b"it''s \\' @x"),
                Token::Sign(b','),
                Token::System,
                Token::Word(b"y"),
                Token::Sign(b','),
                Token::Variable,
                Token::Word(b"z"),
            ]
        );
    }

    #[test]
    fn what_cannot_be_understood_ends_the_tokens() {
        for text in [
            &b"a /*!50000 b */ c"[..],
            b"a /*M!100 b */",
            b"a 'b",
            b"a `b",
            b"a /* b",
        ] {
            let all: Vec<_> = Tokens::new(text).collect();
            assert_eq!(all, [Token::Word(b"a"), Token::Opaque]);
        }
    }
}
