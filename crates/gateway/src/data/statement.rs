//! The statements that concern the data API itself: `USE` with a target of Vitess's, `SET workload`,
//! and what ends a lost transaction. All others are the engine's.

use super::handle::Workload;
use offshoot_wire::statement::{Token, Tokens};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// `` USE `shop@replica` ``: the schema to use, `None` = that of the database.
    Target(Option<String>),
    /// A target of a sort that nobody has.
    NoTarget(String),
    Workload(Workload),
    NoWorkload(String),
}

/// Sorts of tablets. Here all are the one engine of the branch.
const SORTS: [&str; 4] = ["primary", "master", "replica", "rdonly"];
/// Names of the only shard.
const SHARDS: [&str; 2] = ["-", "0"];

/// What a statement is of those above.
pub(super) fn special(text: &[u8]) -> Option<Special> {
    let mut tokens = Tokens::new(text);
    let Some(Token::Word(first)) = tokens.next() else {
        return None;
    };
    if first.eq_ignore_ascii_case(b"USE") {
        let rest = std::str::from_utf8(&text[tokens.position()..]).ok()?;
        return target(unquoted(rest.trim().trim_end_matches(';').trim_end()));
    }
    if first.eq_ignore_ascii_case(b"SET") {
        return workload(tokens);
    }
    None
}

fn unquoted(name: &str) -> &str {
    let inner = name.strip_prefix('`').and_then(|n| n.strip_suffix('`'));
    inner.unwrap_or(name)
}

fn target(name: &str) -> Option<Special> {
    if name.contains(|c: char| c.is_whitespace() || matches!(c, '`' | ';')) {
        return None;
    }
    let (place, sort) = match name.rsplit_once('@') {
        Some((place, sort)) => (place, Some(sort)),
        None => (name, None),
    };
    if sort.is_some_and(|sort| !SORTS.contains(&sort.to_ascii_lowercase().as_str())) {
        // Without a schema before it, it can be nothing else.
        return place.is_empty().then(|| Special::NoTarget(name.into()));
    }
    let (schema, shard) = match place.rsplit_once(['/', ':']) {
        Some((schema, shard)) if SHARDS.contains(&shard) => (schema, Some(shard)),
        _ => (place, None),
    };
    // A plain schema is the engine's.
    sort.or(shard)?;
    Some(Special::Target(
        (!schema.is_empty()).then(|| schema.to_owned()),
    ))
}

/// `SET [SESSION | @@[session.]]workload = 'olap'`.
fn workload(mut tokens: Tokens<'_>) -> Option<Special> {
    let mut next = tokens.next()?;
    if matches!(next, Token::System) {
        next = tokens.next()?;
    }
    if matches!(next, Token::Word(w) if w.eq_ignore_ascii_case(b"SESSION")) {
        next = tokens.next()?;
        if next == Token::Sign(b'.') {
            next = tokens.next()?;
        }
    }
    match next {
        Token::Word(w) | Token::Name(w) if w.eq_ignore_ascii_case(b"workload") => {}
        _ => return None,
    }
    let mut sign = tokens.next()?;
    if sign == Token::Sign(b':') {
        sign = tokens.next()?;
    }
    if sign != Token::Sign(b'=') {
        return None;
    }
    let (Token::Word(value) | Token::Text(value) | Token::Name(value)) = tokens.next()? else {
        return None;
    };
    match tokens.next() {
        None => {}
        Some(Token::Sign(b';')) if tokens.next().is_none() => {}
        // With other settings behind it: the engine says what it thinks of it.
        Some(_) => return None,
    }
    let value = String::from_utf8_lossy(value);
    let known = Workload::ALL
        .into_iter()
        .find(|w| w.name().eq_ignore_ascii_case(&value));
    Some(match known {
        Some(workload) => Special::Workload(workload),
        None if ["unspecified", "default"].contains(&&*value.to_ascii_lowercase()) => {
            Special::Workload(Workload::default())
        }
        None => Special::NoWorkload(value.into_owned()),
    })
}

/// What a statement means to a session whose transaction is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// It takes notice: there is nothing to undo.
    Rollback,
    /// It begins anew.
    Begin,
    Other,
}

pub(super) fn notice(text: &[u8]) -> Notice {
    let mut tokens = Tokens::new(text);
    let Some(Token::Word(first)) = tokens.next() else {
        return Notice::Other;
    };
    let is = |word: &[u8]| first.eq_ignore_ascii_case(word);
    if is(b"ROLLBACK") {
        let savepoint =
            tokens.any(|t| matches!(t, Token::Word(w) if w.eq_ignore_ascii_case(b"TO")));
        return if savepoint {
            Notice::Other
        } else {
            Notice::Rollback
        };
    }
    let transaction = |t: Option<Token<'_>>| matches!(t, Some(Token::Word(w)) if w.eq_ignore_ascii_case(b"TRANSACTION"));
    if is(b"BEGIN") || is(b"START") && transaction(tokens.next()) {
        return Notice::Begin;
    }
    Notice::Other
}

/// Whether a statement asks for what the one before it left: the id that was inserted last.
pub(super) fn asks_last_insert_id(text: &[u8]) -> bool {
    const NAMES: [&[u8]; 2] = [b"last_insert_id", b"@@identity"];
    NAMES.into_iter().any(|name| {
        text.windows(name.len())
            .any(|w| w.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str) -> Option<Special> {
        Some(Special::Target(Some(name.into())))
    }

    #[test]
    fn targets_are_told_from_schemas() {
        let whole = Some(Special::Target(None));
        for text in [
            "use `@primary`",
            "USE @replica;",
            "use @rdonly",
            "/* mysql */ use `@MASTER` ;",
        ] {
            assert_eq!(special(text.as_bytes()), whole, "{text}");
        }
        for text in [
            "use `shop@primary`",
            "USE shop@replica",
            "use `shop/-@rdonly`",
            "use `shop/0`",
            "use `shop:-@primary`",
        ] {
            assert_eq!(special(text.as_bytes()), schema("shop"), "{text}");
        }
        let none = Some(Special::NoTarget("@nearest".into()));
        assert_eq!(special(b"use `@nearest`"), none);
        for text in [
            "use shop",
            "USE `ann@example`",
            "use `a/b`",
            "use",
            "use a b@primary",
            "SELECT 'use @primary'",
        ] {
            assert_eq!(special(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_workload_is_seen_in_all_its_spellings() {
        for text in [
            "SET workload='olap'",
            "set workload = olap;",
            "SET SESSION workload = 'OLAP'",
            "SET @@workload := \"olap\"",
            "set @@session.workload=olap",
            "SET `workload` = 'olap'",
        ] {
            let olap = Some(Special::Workload(Workload::Olap));
            assert_eq!(special(text.as_bytes()), olap, "{text}");
        }
        let plain = Some(Special::Workload(Workload::Oltp));
        assert_eq!(special(b"SET workload = unspecified"), plain);
        let none = Some(Special::NoWorkload("fast".into()));
        assert_eq!(special(b"SET workload = fast"), none);
        for text in [
            "SET @workload = 'olap'",
            "SET workload = 'olap', autocommit = 0",
            "SET workload = 'olap'; DELETE FROM t",
            "SET GLOBAL workload = olap",
            "SET",
        ] {
            assert!(special(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_lost_transaction_is_taken_notice_of() {
        for text in ["ROLLBACK", "rollback work;", "ROLLBACK AND CHAIN"] {
            assert_eq!(notice(text.as_bytes()), Notice::Rollback, "{text}");
        }
        for text in ["BEGIN", "start transaction read only"] {
            assert_eq!(notice(text.as_bytes()), Notice::Begin, "{text}");
        }
        for text in ["ROLLBACK TO a", "COMMIT", "START SLAVE", "SELECT 1", ""] {
            assert_eq!(notice(text.as_bytes()), Notice::Other, "{text}");
        }
    }

    #[test]
    fn questions_about_the_last_id_are_seen() {
        assert!(asks_last_insert_id(b"SELECT Last_Insert_ID()"));
        assert!(asks_last_insert_id(b"SELECT @@identity"));
        assert!(!asks_last_insert_id(b"SELECT identity FROM t"));
    }
}
