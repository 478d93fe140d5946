//! Recognises `KILL [HARD | SOFT] [CONNECTION | QUERY] n`, the way in which clients cancel.

use super::token::{Token, Tokens};
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The whole session, not only what it runs.
    pub connection: bool,
    pub thread: u64,
    /// Where the thread id stands in the text.
    pub digits: Range<usize>,
}

/// `None` for every other statement, also for `KILL` of a user, of a query id (MariaDB's
/// `KILL QUERY ID n`, which is no thread id) or of an expression.
pub fn kill(text: &[u8]) -> Option<Kill> {
    let mut tokens = Tokens::new(text);
    let mut word = || match tokens.next() {
        Some(Token::Word(word)) => Some((word, tokens.position())),
        _ => None,
    };
    let (first, _) = word()?;
    if !first.eq_ignore_ascii_case(b"KILL") {
        return None;
    }
    let mut next = word()?;
    if next.0.eq_ignore_ascii_case(b"HARD") || next.0.eq_ignore_ascii_case(b"SOFT") {
        next = word()?;
    }
    let mut connection = true;
    if next.0.eq_ignore_ascii_case(b"CONNECTION") {
        next = word()?;
    } else if next.0.eq_ignore_ascii_case(b"QUERY") {
        connection = false;
        next = word()?;
    }
    let (digits, end) = next;
    let thread = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let only = match tokens.next() {
        None => true,
        Some(Token::Sign(b';')) => tokens.next().is_none(),
        Some(_) => false,
    };
    only.then_some(Kill {
        connection,
        thread,
        digits: end - digits.len()..end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_recognised_as_clients_write_them() {
        for (text, connection) in [
            ("KILL 1073741825", true),
            ("kill query 1073741825", false),
            ("KILL QUERY /* ctrl-c */ 1073741825 ", false),
            ("  /* a */ -- b\n Kill\tConnection 1073741825;", true),
            ("KILL HARD QUERY 1073741825", false),
            ("kill soft 1073741825 ; # done", true),
        ] {
            let kill = kill(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(kill.connection, connection, "{text}");
            assert_eq!(kill.thread, 0x4000_0001);
            assert_eq!(&text[kill.digits], "1073741825");
        }
    }

    #[test]
    fn everything_else_is_not_a_kill() {
        for text in [
            "",
            "KILL",
            "KILL QUERY",
            "KILL QUERY ID 5",
            "KILL USER bob",
            "KILL 1+1",
            "KILL 5; SELECT 1",
            "KILL 99999999999999999999",
            "SELECT 'KILL 5'",
            "KILLER 5",
            "KILL '5'",
            "/*! KILL 5 */",
        ] {
            assert_eq!(kill(text.as_bytes()), None, "{text}");
        }
    }
}
