//! Cuts a script into statements. Incremental: whatever the chunks, the statements are the same.
//! Rules: MySQL's manual, "mysql Client Commands" and "Comments"; MariaDB's "Comment Syntax".

use super::syntax::{Settings, Syntax};
use bytes::{Bytes, BytesMut};

/// One statement, without its delimiter. Shares the buffer it was read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub text: Bytes,
    /// From 1.
    pub number: u64,
    /// Line of its first byte, from 1.
    pub line: u64,
    /// Bytes before it.
    pub offset: u64,
    /// How its literals are written.
    pub syntax: Syntax,
}

/// Where and why a script cannot be cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error(
        "statement {number} at line {line} is longer than {limit} bytes, the most that the engine takes"
    )]
    TooLong {
        number: u64,
        line: u64,
        limit: usize,
    },
    #[error("the {what} that begins in statement {number} at line {line} does not end")]
    Unended {
        what: &'static str,
        number: u64,
        line: u64,
    },
    #[error("line {line} has \\{command}, a command of the command-line client")]
    ClientCommand { command: char, line: u64 },
    #[error(
        "line {line} changes the delimiter to nothing, or to something longer than {MAX_DELIMITER} bytes"
    )]
    Delimiter { line: u64 },
}

const MAX_DELIMITER: usize = 16;
/// Longest line of a `DELIMITER` command.
const MAX_COMMAND: usize = 1024;
/// Bytes of a buffer that statements share.
const BLOCK: usize = 1 << 20;
/// First line of MariaDB's newer dumps: a command that switches its client to a mode without
/// client commands, in a comment for everything else.
const SANDBOX: &[u8] = b"/*M!999999\\-";
/// Statements longer than this are data: they set nothing.
const MAX_SETTING: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a statement.
    Between,
    /// In a comment before a statement, up to the end of its line.
    SkipLine,
    /// The same, up to `*/`.
    SkipBlock,
    Text,
    Quoted(u8),
    Line,
    Block,
}

/// Push bytes, then take statements until there are none; [`Splitter::finish`] says that no bytes follow.
#[derive(Debug)]
pub struct Splitter {
    buffer: BytesMut,
    /// Bytes of the buffer that were looked at.
    at: usize,
    state: State,
    /// Executable comments that are open.
    depth: u32,
    /// The statement ends with its line, too (`USE name`).
    line_ends: bool,
    delimiter: Vec<u8>,
    /// Bytes that mean something outside of literals and comments.
    special: [bool; 256],
    limit: usize,
    settings: Settings,
    number: u64,
    line: u64,
    /// Line on which the comment before a statement begins.
    comment: u64,
    offset: u64,
    ended: bool,
}

/// More bytes are needed before anything can be said.
enum Need {
    More,
    Nothing,
}

impl Splitter {
    /// `limit`: bytes of the longest statement.
    pub fn new(limit: usize) -> Self {
        let mut splitter = Self {
            buffer: BytesMut::new(),
            at: 0,
            state: State::Between,
            depth: 0,
            line_ends: false,
            delimiter: Vec::new(),
            special: [false; 256],
            limit,
            settings: Settings::default(),
            number: 0,
            line: 1,
            comment: 1,
            offset: 0,
            ended: false,
        };
        splitter.delimit(b";");
        splitter
    }

    /// For scripts whose statements end otherwise from their beginning on. At most 16 bytes count.
    pub fn with_delimiter(limit: usize, delimiter: &[u8]) -> Self {
        let mut splitter = Self::new(limit);
        let delimiter = &delimiter[..delimiter.len().min(MAX_DELIMITER)];
        if !delimiter.is_empty() {
            splitter.delimit(delimiter);
        }
        splitter
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let room = self.buffer.capacity() - self.buffer.len();
        if room < bytes.len() {
            // A half statement moves to a buffer of its own; the next time that grows where it is,
            // to twice its size, so that a long statement is held once and seldom moves.
            let wanted = (self.buffer.len() + bytes.len())
                .saturating_mul(2)
                .clamp(BLOCK, self.limit.max(BLOCK))
                .max(self.buffer.len() + bytes.len());
            self.buffer.reserve(wanted - self.buffer.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// No more bytes will come.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The next whole statement; `None`: push more, or after [`Splitter::finish`], that was all.
    pub fn statement(&mut self) -> Result<Option<Statement>, SplitError> {
        loop {
            let need = match self.state {
                State::Between | State::SkipLine | State::SkipBlock => self.between()?,
                _ => match self.scan()? {
                    Some(statement) => return Ok(Some(statement)),
                    None => Need::More,
                },
            };
            if matches!(need, Need::More) {
                if self.state != State::Between && self.state != State::SkipLine {
                    self.bounded()?;
                }
                return if self.ended { self.last() } else { Ok(None) };
            }
        }
    }

    fn bounded(&self) -> Result<(), SplitError> {
        if self.buffer.len() > self.limit {
            return Err(SplitError::TooLong {
                number: self.number + 1,
                line: self.line,
                limit: self.limit,
            });
        }
        Ok(())
    }

    /// A copy of the next `n` bytes, and how many there are; `None` where more may come.
    fn ahead<const N: usize>(&self, at: usize, n: usize) -> Option<([u8; N], usize)> {
        let rest = &self.buffer[at..];
        if rest.len() < n && !self.ended {
            return None;
        }
        let mut bytes = [0; N];
        let there = rest.len().min(n);
        bytes[..there].copy_from_slice(&rest[..there]);
        Some((bytes, there))
    }

    /// Drops bytes that belong to no statement.
    fn skip(&mut self, n: usize) {
        let gone = self.buffer.split_to(n);
        self.line += newlines(&gone);
        self.offset += n as u64;
        self.at = 0;
    }

    /// White space, comments, commands and empty statements. `Nothing`: look again.
    fn between(&mut self) -> Result<Need, SplitError> {
        match self.state {
            State::SkipLine => {
                match memchr::memchr(b'\n', &self.buffer) {
                    Some(end) => {
                        self.skip(end + 1);
                        self.state = State::Between;
                        return Ok(Need::Nothing);
                    }
                    None => self.skip(self.buffer.len()),
                }
                return Ok(Need::More);
            }
            State::SkipBlock => {
                if let Some(end) = memchr::memmem::find(&self.buffer, b"*/") {
                    self.skip(end + 2);
                    self.state = State::Between;
                    return Ok(Need::Nothing);
                }
                if self.ended {
                    return Err(self.unended("comment"));
                }
                // The last byte may be the star.
                self.skip(self.buffer.len().saturating_sub(1));
                return Ok(Need::More);
            }
            _ => {}
        }
        let white = self.buffer.iter().position(|b| !is_white(*b));
        self.skip(white.unwrap_or(self.buffer.len()));
        let Some(&first) = self.buffer.first() else {
            return Ok(Need::More);
        };
        let Some((start, there)) = self.ahead::<MAX_DELIMITER>(0, MAX_DELIMITER) else {
            return Ok(Need::More);
        };
        let start = &start[..there];
        if self.offset == 0 && start.starts_with(b"\xef\xbb\xbf") {
            self.skip(3);
            return Ok(Need::Nothing);
        }
        if start.starts_with(&self.delimiter) {
            self.skip(self.delimiter.len());
            return Ok(Need::Nothing);
        }
        self.comment = self.line;
        match first {
            b'#' => self.state = State::SkipLine,
            b'-' if is_dashes(start) => self.state = State::SkipLine,
            b'/' if start.starts_with(SANDBOX) => self.state = State::SkipBlock,
            b'/' if start.starts_with(b"/*") && !is_executable(start) => {
                self.skip(2);
                self.state = State::SkipBlock;
            }
            b'D' | b'd' if is_word(start, b"DELIMITER") => return self.command(),
            _ => {
                self.line_ends = is_word(start, b"USE");
                self.state = State::Text;
                self.depth = 0;
                self.at = 0;
            }
        }
        Ok(Need::Nothing)
    }

    /// `DELIMITER x`, up to the end of its line.
    fn command(&mut self) -> Result<Need, SplitError> {
        let window = &self.buffer[..self.buffer.len().min(MAX_COMMAND)];
        let end = match memchr::memchr(b'\n', window) {
            Some(end) => end,
            None if self.ended => window.len(),
            None if window.len() < MAX_COMMAND => return Ok(Need::More),
            None => return Err(SplitError::Delimiter { line: self.line }),
        };
        let rest = self.buffer[b"DELIMITER".len()..end].trim_ascii();
        let word = rest.split(|b| is_white(*b)).next().unwrap_or_default();
        let word = match word {
            [q @ (b'\'' | b'"' | b'`'), inner @ .., last] if q == last => inner,
            word => word,
        };
        if word.is_empty() || word.len() > MAX_DELIMITER {
            return Err(SplitError::Delimiter { line: self.line });
        }
        let word = word.to_vec();
        self.delimit(&word);
        self.skip(end);
        Ok(Need::Nothing)
    }

    fn delimit(&mut self, delimiter: &[u8]) {
        self.special = [false; 256];
        for b in b"'\"`#-/*\\\n".iter().chain(delimiter.first()) {
            self.special[usize::from(*b)] = true;
        }
        self.delimiter = delimiter.to_vec();
    }

    /// Goes on to the statement's end; `None` where it is not there yet.
    fn scan(&mut self) -> Result<Option<Statement>, SplitError> {
        loop {
            match self.state {
                State::Text => {
                    let rest = &self.buffer[self.at..];
                    let Some(n) = rest.iter().position(|b| self.special[usize::from(*b)]) else {
                        self.at = self.buffer.len();
                        return Ok(None);
                    };
                    self.at += n;
                    match self.sign()? {
                        Sign::Wait => return Ok(None),
                        Sign::Go => {}
                        Sign::End(delimiter) => return Ok(Some(self.cut(delimiter))),
                    }
                }
                State::Quoted(quote) => {
                    let syntax = self.settings.syntax;
                    let rest = &self.buffer[self.at..];
                    let escapes = match quote {
                        b'`' => false,
                        b'"' => !syntax.ansi_quotes && !syntax.no_backslash_escapes,
                        _ => !syntax.no_backslash_escapes,
                    };
                    let found = if escapes {
                        memchr::memchr2(quote, b'\\', rest)
                    } else {
                        memchr::memchr(quote, rest)
                    };
                    match found {
                        None => {
                            self.at = self.buffer.len();
                            return Ok(None);
                        }
                        Some(n) if rest[n] == quote => {
                            self.at += n + 1;
                            self.state = State::Text;
                        }
                        Some(n) if n + 1 < rest.len() => self.at += n + 2,
                        Some(n) => {
                            self.at += n;
                            return Ok(None);
                        }
                    }
                }
                State::Line => match memchr::memchr(b'\n', &self.buffer[self.at..]) {
                    Some(n) => {
                        self.at += n;
                        self.state = State::Text;
                    }
                    None => {
                        self.at = self.buffer.len();
                        return Ok(None);
                    }
                },
                State::Block => match memchr::memmem::find(&self.buffer[self.at..], b"*/") {
                    Some(n) => {
                        self.at += n + 2;
                        self.state = State::Text;
                    }
                    None => {
                        self.at = self.at.max(self.buffer.len().saturating_sub(1));
                        return Ok(None);
                    }
                },
                State::Between | State::SkipLine | State::SkipBlock => return Ok(None),
            }
        }
    }

    /// A byte that may mean something, outside of literals and comments.
    fn sign(&mut self) -> Result<Sign, SplitError> {
        let b = self.buffer[self.at];
        if matches!(b, b'\'' | b'"' | b'`') {
            self.state = State::Quoted(b);
            self.at += 1;
            return Ok(Sign::Go);
        }
        if b == self.delimiter[0] {
            let length = self.delimiter.len();
            let Some((start, there)) = self.ahead::<MAX_DELIMITER>(self.at, length) else {
                return Ok(Sign::Wait);
            };
            // Inside an executable comment a semicolon belongs to the statement.
            if start[..there] == self.delimiter && (self.depth == 0 || self.delimiter != b";") {
                return Ok(Sign::End(length));
            }
        }
        if b == b'\n' && !self.line_ends {
            self.at += 1;
            return Ok(Sign::Go);
        }
        let Some((start, there)) = self.ahead::<4>(self.at, 4) else {
            return Ok(Sign::Wait);
        };
        let start = &start[..there];
        let mut length = 1;
        match b {
            b'#' => self.state = State::Line,
            b'-' if is_dashes(start) => self.state = State::Line,
            b'/' if is_executable(start) => {
                self.depth += 1;
                length = if start[2] == b'!' { 3 } else { 4 };
            }
            b'/' if start.starts_with(b"/*") => {
                self.state = State::Block;
                length = 2;
            }
            b'*' if self.depth > 0 && start.starts_with(b"*/") => {
                self.depth -= 1;
                length = 2;
            }
            b'\\' => match start.get(1) {
                Some(b'N') => length = 2,
                command => {
                    let command = command.map_or(' ', |c| char::from(*c));
                    let line = self.line + newlines(&self.buffer[..self.at]);
                    return Err(SplitError::ClientCommand { command, line });
                }
            },
            b'\n' if self.line_ends => return Ok(Sign::End(1)),
            _ => {}
        }
        self.at += length;
        Ok(Sign::Go)
    }

    /// Takes what was scanned as a statement, and drops what ends it.
    fn cut(&mut self, delimiter: usize) -> Statement {
        let mut text = self.buffer.split_to(self.at);
        let end = self.buffer.split_to(delimiter);
        self.number += 1;
        let (line, offset) = (self.line, self.offset);
        self.line += newlines(&text) + newlines(&end);
        self.offset += (text.len() + end.len()) as u64;
        let kept = text.trim_ascii_end().len();
        text.truncate(kept);
        if kept > BLOCK {
            // What follows does not hold a long statement in memory.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        self.at = 0;
        self.state = State::Between;
        let statement = Statement {
            text: text.freeze(),
            number: self.number,
            line,
            offset,
            syntax: self.settings.syntax,
        };
        if statement.text.len() <= MAX_SETTING {
            self.settings.follow(&statement.text);
        }
        statement
    }

    /// What is left when no more bytes come.
    fn last(&mut self) -> Result<Option<Statement>, SplitError> {
        match self.state {
            State::Between | State::SkipLine => Ok(None),
            State::Block | State::SkipBlock => Err(self.unended("comment")),
            State::Quoted(b'\'') => Err(self.unended("string")),
            State::Quoted(_) => Err(self.unended("quoted name or string")),
            State::Text | State::Line if self.depth > 0 => Err(self.unended("comment")),
            State::Text | State::Line => {
                self.at = self.buffer.len();
                Ok(Some(self.cut(0)))
            }
        }
    }

    fn unended(&self, what: &'static str) -> SplitError {
        SplitError::Unended {
            what,
            number: self.number + 1,
            line: match self.state {
                State::SkipBlock => self.comment,
                _ => self.line,
            },
        }
    }
}

enum Sign {
    /// What it means depends on bytes that are still to come.
    Wait,
    Go,
    /// The statement ends here, with a delimiter of so many bytes.
    End(usize),
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

pub(super) fn is_white(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// `--` begins a comment only before white space, a control character or the end.
pub(super) fn is_dashes(start: &[u8]) -> bool {
    start.starts_with(b"--") && start.get(2).is_none_or(|b| *b <= b' ')
}

/// `/*!` and `/*M!`.
pub(super) fn is_executable(start: &[u8]) -> bool {
    start.starts_with(b"/*!") || start.starts_with(b"/*M!")
}

/// The text begins with that word, in any case, and white space.
fn is_word(start: &[u8], word: &[u8]) -> bool {
    start
        .get(..word.len())
        .is_some_and(|s| s.eq_ignore_ascii_case(word))
        && start.get(word.len()).is_some_and(|b| is_white(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split_in(text: &[u8], chunk: usize) -> Result<Vec<Statement>, SplitError> {
        let mut splitter = Splitter::new(1 << 20);
        let mut all = Vec::new();
        for bytes in text.chunks(chunk.max(1)) {
            splitter.push(bytes);
            while let Some(statement) = splitter.statement()? {
                all.push(statement);
            }
        }
        splitter.finish();
        while let Some(statement) = splitter.statement()? {
            all.push(statement);
        }
        Ok(all)
    }

    fn split(text: &str) -> Vec<String> {
        let all = split_in(text.as_bytes(), usize::MAX).unwrap();
        let text = |s: &Statement| String::from_utf8(s.text.to_vec()).unwrap();
        all.iter().map(text).collect()
    }

    #[test]
    fn a_long_statement_is_held_by_its_taker_alone() {
        let long = format!("INSERT INTO t VALUES ('{}')", "x".repeat(3 * BLOCK));
        let script = format!("{long};\nSELECT 1;\n{long};\n");
        let mut splitter = Splitter::new(4 * BLOCK);
        let mut texts = Vec::new();
        for bytes in script.as_bytes().chunks(64 << 10) {
            splitter.push(bytes);
            while let Some(statement) = splitter.statement().unwrap() {
                if statement.text.len() > BLOCK {
                    assert!(statement.text.is_unique(), "statement {}", statement.number);
                }
                texts.push(statement.text);
            }
        }
        assert_eq!(texts, [long.as_str(), "SELECT 1", &long]);
    }

    #[test]
    fn statements_end_at_delimiters_outside_of_literals_and_comments() {
        for (text, wanted) in [
            ("a; b ;\nc", vec!["a", "b", "c"]),
            (";;\n ; a;;", vec!["a"]),
            (
                "SELECT ';', \"a;\\\"b\", `c;``d`; e",
                vec!["SELECT ';', \"a;\\\"b\", `c;``d`", "e"],
            ),
            (
                "SELECT 'it''s; \\'; x'; b",
                vec!["SELECT 'it''s; \\'; x'", "b"],
            ),
            (
                "-- a;b\n# c;'\n/* d; ' */ e /* ; */ -- ;\n; f",
                vec!["e /* ; */ -- ;", "f"],
            ),
            ("a --b; c", vec!["a --b", "c"]),
            ("--\nx", vec!["x"]),
            (
                "/*!40101 SET a=';' */; b",
                vec!["/*!40101 SET a=';' */", "b"],
            ),
            (
                "/*!50003 CREATE TRIGGER t BEGIN x; /* ; */ y; END */; b",
                vec!["/*!50003 CREATE TRIGGER t BEGIN x; /* ; */ y; END */", "b"],
            ),
            (
                "DELIMITER ;;\n/*!50003 CREATE TRIGGER t BEGIN a; /*!9 b */ END */;;\nDELIMITER ;\nc;",
                vec!["/*!50003 CREATE TRIGGER t BEGIN a; /*!9 b */ END */", "c"],
            ),
            (
                "delimiter $$\r\na; b$$\r\ndelimiter ;\r\nc;\r\n",
                vec!["a; b", "c"],
            ),
            (
                "DELIMITER '//'\nSELECT 1/2 //\nDELIMITER ;\nb",
                vec!["SELECT 1/2", "b"],
            ),
            (
                "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\na;",
                vec!["a"],
            ),
            ("\u{feff}a;", vec!["a"]),
            ("use shop\nSELECT 1;", vec!["use shop", "SELECT 1"]),
            ("USE `a;b`; x", vec!["USE `a;b`", "x"]),
            (
                "INSERT INTO t VALUES (\\N);",
                vec!["INSERT INTO t VALUES (\\N)"],
            ),
            ("/*M!100100 x; */; b", vec!["/*M!100100 x; */", "b"]),
            ("-- only a comment", vec![]),
            ("DELIMITER", vec!["DELIMITER"]),
        ] {
            assert_eq!(split(text), wanted, "{text}");
        }
    }

    #[test]
    fn quotes_follow_the_sql_mode_that_the_script_sets() {
        let text = "SET @old = @@sql_mode;\
                    /*!50003 SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES' */;\
                    SELECT 'a\\', \"b\\\";\
                    SET sql_mode = @old; SELECT 'a\\';b'";
        assert_eq!(
            split(text)[2..],
            [
                "SELECT 'a\\', \"b\\\"",
                "SET sql_mode = @old",
                "SELECT 'a\\';b'"
            ]
        );
    }

    #[test]
    fn every_statement_knows_where_it_stands() {
        let text = b"-- head\r\n\r\nSELECT\n1;\n\n  SELECT 2;";
        let all = split_in(text, 3).unwrap();
        let places: Vec<_> = all.iter().map(|s| (s.number, s.line, s.offset)).collect();
        assert_eq!(places, [(1, 3, 11), (2, 6, 24)]);
        for s in &all {
            assert!(text[s.offset as usize..].starts_with(&s.text));
        }
    }

    #[test]
    fn what_cannot_be_cut_says_where() {
        let error = |text: &str| split_in(text.as_bytes(), 7).unwrap_err().to_string();
        assert_eq!(
            error("a;\nSELECT 'x"),
            "the string that begins in statement 2 at line 2 does not end"
        );
        assert_eq!(
            error("/* x"),
            "the comment that begins in statement 1 at line 1 does not end"
        );
        assert_eq!(
            error("a;\n\nSELECT 1\n\\g"),
            "line 4 has \\g, a command of the command-line client"
        );
        assert!(error("DELIMITER \n").contains("line 1"));
        let long = format!("INSERT '{}'", "x".repeat(2 << 20));
        assert!(error(&long).contains("longer than 1048576 bytes"));
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b";".to_vec()),
            Just(b"'".to_vec()),
            Just(b"\"".to_vec()),
            Just(b"`".to_vec()),
            Just(b"\\".to_vec()),
            Just(b"\\N".to_vec()),
            Just(b"--".to_vec()),
            Just(b"#".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"/*".to_vec()),
            Just(b"/*!50003 ".to_vec()),
            Just(b"/*M!".to_vec()),
            Just(b"*/".to_vec()),
            Just(b"DELIMITER ;;\n".to_vec()),
            Just(b"\ndelimiter ;\n".to_vec()),
            Just(b"USE a\n".to_vec()),
            Just(b"SET sql_mode='ANSI_QUOTES';".to_vec()),
            Just(b"SET sql_mode='NO_BACKSLASH_ESCAPES';".to_vec()),
            Just(b" word ".to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|all| all.concat())
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in pieces(), chunk in 1_usize..9) {
            prop_assert_eq!(split_in(&text, chunk), split_in(&text, usize::MAX));
        }

        #[test]
        fn statements_are_parts_of_the_script_in_their_order(text in pieces()) {
            if let Ok(all) = split_in(&text, 5) {
                let mut at = 0;
                for (n, s) in all.iter().enumerate() {
                    let offset = s.offset as usize;
                    prop_assert!(offset >= at && text[offset..].starts_with(&s.text));
                    prop_assert_eq!(s.number, n as u64 + 1);
                    prop_assert_eq!(s.line, 1 + newlines(&text[..offset]));
                    at = offset + s.text.len();
                }
            }
        }
    }
}
