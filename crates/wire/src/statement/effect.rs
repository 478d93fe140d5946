//! What a statement leaves behind in its session, which a new session with the engine would lack.
//!
//! Open transactions are not seen here (the engine's status flags tell them), nor is what lives
//! for one statement more: `LAST_INSERT_ID()`, `ROW_COUNT()`, `SHOW WARNINGS`.

use super::token::{Token, Tokens};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Plain,
    /// Session variables: saying the same again gives the same.
    Set,
    /// The current schema.
    Use(Vec<u8>),
    /// Something that cannot be had again; names it for the log.
    Holds(&'static str),
}

/// Functions that a repeatable `SET` may call.
const SET_FUNCTIONS: [&[u8]; 3] = [b"CONCAT", b"CONCAT_WS", b"REPLACE"];

/// Words behind `SET` that make it something other than session variables, and variables whose
/// value counts once.
const SET_OTHERS: [&[u8]; 18] = [
    b"GLOBAL",
    b"PERSIST",
    b"PERSIST_ONLY",
    b"PASSWORD",
    b"ROLE",
    b"DEFAULT",
    b"TRANSACTION",
    b"STATEMENT",
    b"RESOURCE",
    b"TIMESTAMP",
    b"INSERT_ID",
    b"LAST_INSERT_ID",
    b"RAND_SEED1",
    b"RAND_SEED2",
    b"GTID_NEXT",
    b"GTID_SEQ_NO",
    b"PSEUDO_THREAD_ID",
    b"PSEUDO_SLAVE_MODE",
];

/// What `text`, one statement or several, leaves behind.
pub fn effect(text: &[u8]) -> Effect {
    let mut tokens = Tokens::new(text);
    let Some(Token::Word(first)) = tokens.clone().next() else {
        return match tokens.next() {
            None => Effect::Plain,
            Some(Token::Sign(b'(')) => scan(Tokens::new(text)),
            Some(_) => Effect::Holds("a statement that is not understood"),
        };
    };
    let is = |word: &[u8]| first.eq_ignore_ascii_case(word);
    if is(b"SET") {
        tokens.next();
        set(tokens)
    } else if is(b"USE") {
        tokens.next();
        schema(tokens)
    } else {
        scan(Tokens::new(text))
    }
}

fn set(tokens: Tokens<'_>) -> Effect {
    let mut before: &[u8] = b"";
    let mut ended = false;
    for token in tokens {
        if ended {
            return Effect::Holds("several statements with SET");
        }
        before = match token {
            Token::Word(word) => {
                // `SET x = DEFAULT` is a value, `SET DEFAULT ROLE` is not; `SET SESSION TRANSACTION`
                // is a setting, `SET TRANSACTION` counts once.
                let session = |b: &[u8]| {
                    b.eq_ignore_ascii_case(b"SESSION") || b.eq_ignore_ascii_case(b"LOCAL")
                };
                let lasting = word.eq_ignore_ascii_case(b"TRANSACTION") && session(before);
                let other = SET_OTHERS.iter().any(|w| word.eq_ignore_ascii_case(w));
                if other && !lasting && before != b"=" {
                    return Effect::Holds("SET of something other than session variables");
                }
                word
            }
            Token::Sign(b'(') => {
                if !SET_FUNCTIONS.iter().any(|f| before.eq_ignore_ascii_case(f)) {
                    return Effect::Holds("SET with an expression");
                }
                b""
            }
            Token::Sign(b'=') => b"=",
            Token::Sign(b';') => {
                ended = true;
                b""
            }
            Token::Text(text) => {
                // It changes what a string literal is, so what follows could not be read.
                let escapes = b"NO_BACKSLASH_ESCAPES";
                let mut windows = text.windows(escapes.len());
                if windows.any(|w| w.eq_ignore_ascii_case(escapes)) {
                    return Effect::Holds("a way of writing strings that is not understood");
                }
                b""
            }
            Token::Name(_) | Token::System | Token::Sign(_) => b"",
            Token::Variable => return Effect::Holds("a user variable"),
            Token::Opaque => return Effect::Holds("a statement that is not understood"),
        };
    }
    Effect::Set
}

fn schema(mut tokens: Tokens<'_>) -> Effect {
    let name = match tokens.next() {
        Some(Token::Word(name)) => name.to_vec(),
        Some(Token::Name(name)) if !name.contains(&b'`') => name.to_vec(),
        _ => return Effect::Holds("USE of something that is not understood"),
    };
    match (tokens.next(), tokens.next()) {
        (None, None) | (Some(Token::Sign(b';')), None) => Effect::Use(name),
        _ => Effect::Holds("several statements with USE"),
    }
}

/// Words that hold a session wherever a statement begins with them.
fn begins(word: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 13] = [
        (b"SET", "several statements with SET"),
        (b"USE", "several statements with USE"),
        (b"LOCK", "a lock"),
        (b"FLUSH", "a lock"),
        (b"BACKUP", "a lock"),
        (b"PREPARE", "a prepared statement"),
        (b"EXECUTE", "a prepared statement"),
        (b"CALL", "a procedure, which may have set anything"),
        (b"DO", "a lock or a variable"),
        (b"HANDLER", "a handler"),
        (b"XA", "a distributed transaction"),
        (b"IF", "a compound statement"),
        (b"DECLARE", "a compound statement"),
    ];
    let found = BEGINNINGS
        .iter()
        .find(|(b, _)| word.eq_ignore_ascii_case(b));
    found.map(|(_, why)| *why)
}

fn scan(tokens: Tokens<'_>) -> Effect {
    let mut begin = true;
    for token in tokens {
        match token {
            Token::Word(word) => {
                if begin && let Some(why) = begins(word) {
                    return Effect::Holds(why);
                }
                if word.eq_ignore_ascii_case(b"TEMPORARY") {
                    return Effect::Holds("a temporary table");
                }
                if word.eq_ignore_ascii_case(b"GET_LOCK") {
                    return Effect::Holds("a named lock");
                }
            }
            Token::Variable => return Effect::Holds("a user variable"),
            Token::Opaque => return Effect::Holds("a statement that is not understood"),
            Token::Name(_) | Token::Text(_) | Token::System | Token::Sign(_) => {}
        }
        begin = token == Token::Sign(b';');
    }
    Effect::Plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_schemas_can_be_said_again() {
        for text in [
            "SET NAMES utf8mb4",
            "set names 'utf8mb4' collate utf8mb4_bin;",
            "SET autocommit=0, sql_mode='STRICT_ALL_TABLES'",
            "SET @@session.time_zone = '+00:00'",
            "SET SESSION TRANSACTION_ISOLATION = 'READ-COMMITTED'",
            "SET sql_mode=CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET sql_select_limit=DEFAULT",
            "SET character_set_results = NULL",
        ] {
            assert_eq!(effect(text.as_bytes()), Effect::Set, "{text}");
        }
        assert_eq!(effect(b"USE shop"), Effect::Use(b"shop".to_vec()));
        assert_eq!(
            effect(b" use `my shop`; "),
            Effect::Use(b"my shop".to_vec())
        );
    }

    #[test]
    fn ordinary_statements_leave_nothing() {
        for text in [
            "SELECT 1",
            "/* driver */ SELECT @@session.tx_isolation",
            "INSERT INTO mail VALUES ('ann@example.org', \"SET @x\")",
            "(SELECT 1) UNION (SELECT 2)",
            "BEGIN",
            "START TRANSACTION",
            "CREATE TABLE t (id INT)",
            "SELECT 1; SELECT 2",
            "",
        ] {
            assert_eq!(effect(text.as_bytes()), Effect::Plain, "{text}");
        }
    }

    #[test]
    fn whatever_the_engine_would_lose_holds_the_session() {
        for text in [
            "SET @a = 1",
            "SELECT @a := 1",
            "SELECT id INTO @x FROM t",
            "CREATE TEMPORARY TABLE t (id INT)",
            "LOCK TABLES t WRITE",
            "FLUSH TABLES WITH READ LOCK",
            "SELECT GET_LOCK('a', 1)",
            "PREPARE s FROM 'SELECT 1'",
            "CALL p()",
            "XA START 'a'",
            "HANDLER t OPEN",
            "SET GLOBAL max_connections = 5",
            "SET STATEMENT max_statement_time=1 FOR DELETE FROM t",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET timestamp=1",
            "SET sql_mode='NO_BACKSLASH_ESCAPES'",
            "SET sql_mode=(SELECT 1)",
            "SET x = f()",
            "SET autocommit=0; DELETE FROM t",
            "SELECT 1; SET @a = 1",
            "SELECT 1; LOCK TABLES t READ",
            "/*!40101 SET NAMES utf8 */",
            "SELECT 'open",
        ] {
            let got = effect(text.as_bytes());
            assert!(matches!(got, Effect::Holds(_)), "{text}: {got:?}");
        }
    }
}
