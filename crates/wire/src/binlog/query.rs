//! Statements in a binlog, with the session that they ran in.

use super::event::Header;
use crate::cursor::{Cursor, Malformed};
use crate::statement::{Token, Tokens};

/// A statement as the server noted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub schema: Vec<u8>,
    pub text: Vec<u8>,
    /// When it began, in seconds since 1970.
    pub seconds: u32,
    pub context: Context,
}

/// What of its session a statement depends on; `None` where the server did not note it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    pub sql_mode: Option<u64>,
    /// Numbers of the client's character set, of the connection's collation and of the server's.
    pub collations: Option<[u16; 3]>,
    pub time_zone: Option<Vec<u8>>,
    pub time_names: Option<u16>,
    /// User and host of who ran it.
    pub invoker: Option<(Vec<u8>, Vec<u8>)>,
    /// What the second was past when it began.
    pub microseconds: Option<u32>,
}

impl Query {
    /// Reads the body of an event, without its checksum.
    pub(super) fn parse(header: &Header, body: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "statement";
        let mut c = Cursor::new(body);
        c.take(8, WHAT)?;
        let schema = usize::from(c.u8(WHAT)?);
        c.u16(WHAT)?;
        let variables = usize::from(c.u16(WHAT)?);
        let context = Context::parse(c.take(variables, WHAT)?);
        let schema = c.take(schema, WHAT)?.to_vec();
        c.take(1, WHAT)?;
        Ok(Self {
            schema,
            text: c.rest().to_vec(),
            seconds: header.seconds,
            context,
        })
    }

    /// It ends a transaction.
    pub(super) fn ends(&self) -> bool {
        self.text.eq_ignore_ascii_case(b"COMMIT") || self.text.eq_ignore_ascii_case(b"ROLLBACK")
    }

    /// It makes or changes an event of the event scheduler.
    pub fn defines_event(&self) -> bool {
        self.definer_goes().is_some()
    }

    /// The same statement, with the invoker as the new definer where an `ALTER EVENT` names none: it
    /// becomes so on the server that notes it.
    pub fn with_definer(&self) -> Vec<u8> {
        let (Some(At::Missing(at)), Some((user, host))) =
            (self.definer_goes(), &self.context.invoker)
        else {
            return self.text.clone();
        };
        let (head, tail) = self.text.split_at(at);
        let definer = [b" DEFINER=", &quoted(user)[..], b"@", &quoted(host)];
        [head, &definer.concat(), tail].concat()
    }

    /// Where the definer of an event goes; `None` for a statement about something else.
    fn definer_goes(&self) -> Option<At> {
        let text = plain(&self.text);
        let mut tokens = Tokens::new(&text);
        let first = word(tokens.next()?)?;
        let alters = first.eq_ignore_ascii_case(b"ALTER");
        if !alters && !first.eq_ignore_ascii_case(b"CREATE") {
            return None;
        }
        let at = tokens.position();
        let mut found = if alters { At::Missing(at) } else { At::There };
        while let Some(token) = tokens.next() {
            match word(token) {
                Some(w) if w.eq_ignore_ascii_case(b"DEFINER") => {
                    found = At::There;
                    // The sign, and a user that may be called like a kind.
                    tokens.next()?;
                    tokens.next()?;
                }
                Some(w) if w.eq_ignore_ascii_case(b"EVENT") => return Some(found),
                Some(w) if OTHERS.iter().any(|o| w.eq_ignore_ascii_case(o)) => return None,
                _ => {}
            }
        }
        None
    }
}

enum At {
    There,
    /// It is to be put at this offset.
    Missing(usize),
}

/// What else is made and changed.
const OTHERS: [&[u8]; 17] = [
    b"TABLE",
    b"TEMPORARY",
    b"DATABASE",
    b"SCHEMA",
    b"INDEX",
    b"UNIQUE",
    b"FULLTEXT",
    b"SPATIAL",
    b"VIEW",
    b"TRIGGER",
    b"PROCEDURE",
    b"FUNCTION",
    b"SEQUENCE",
    b"USER",
    b"ROLE",
    b"SERVER",
    b"TABLESPACE",
];

fn word(token: Token<'_>) -> Option<&[u8]> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// The beginning of a statement, with comments that are executed opened: blanks for their marks.
fn plain(text: &[u8]) -> Vec<u8> {
    /// More than any clause before the kind takes.
    const HEAD: usize = 4096;
    let mut head = text[..text.len().min(HEAD)].to_vec();
    let mut at = 0;
    while at < head.len() {
        let rest = &head[at..];
        let mark = match rest {
            [b'/', b'*', b'!', ..] => 3,
            [b'/', b'*', b'M', b'!', ..] => 4,
            _ => {
                at += 1;
                continue;
            }
        };
        let digits = rest[mark..].iter().take_while(|b| b.is_ascii_digit());
        let end = at + mark + digits.count();
        head[at..end].fill(b' ');
        at = end;
    }
    head
}

fn quoted(name: &[u8]) -> Vec<u8> {
    let mut out = vec![b'`'];
    for b in name {
        if *b == b'`' {
            out.push(b'`');
        }
        out.push(*b);
    }
    out.push(b'`');
    out
}

impl Context {
    /// Reads what it knows. Later servers may add variables at the end, of unknown length.
    fn parse(bytes: &[u8]) -> Self {
        let mut context = Self::default();
        let mut c = Cursor::new(bytes);
        // The end, cut short or unknown: the rest is left alone.
        while let Ok(true) = context.variable(&mut c) {}
        context
    }

    /// Reads one variable; `false` where it is unknown.
    fn variable(&mut self, c: &mut Cursor<'_>) -> Result<bool, Malformed> {
        const WHAT: &str = "status variable";
        let text = |c: &mut Cursor<'_>| {
            let length = usize::from(c.u8(WHAT)?);
            c.take(length, WHAT).map(<[u8]>::to_vec)
        };
        match c.u8(WHAT)? {
            0 | 3 | 10 => drop(c.take(4, WHAT)?),
            1 => self.sql_mode = Some(u64::from_le_bytes(c.array(WHAT)?)),
            4 => self.collations = Some([c.u16(WHAT)?, c.u16(WHAT)?, c.u16(WHAT)?]),
            5 => self.time_zone = Some(text(c)?),
            6 => drop(text(c)?),
            7 => self.time_names = Some(c.u16(WHAT)?),
            8 | 18 | 130 => drop(c.u16(WHAT)?),
            9 | 17 | 129 => drop(c.take(8, WHAT)?),
            11 => self.invoker = Some((text(c)?, text(c)?)),
            12 => {
                /// More schemas than are named.
                const TOO_MANY: u8 = 254;
                match c.u8(WHAT)? {
                    TOO_MANY => {}
                    count => (0..count).try_for_each(|_| c.nul(WHAT).map(drop))?,
                }
            }
            13 | 128 => {
                let [a, b, d] = c.array(WHAT)?;
                self.microseconds = Some(u32::from_le_bytes([a, b, d, 0]));
            }
            16 | 19 | 20 => drop(c.u8(WHAT)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query {
            schema: b"shop".to_vec(),
            text: text.as_bytes().to_vec(),
            seconds: 0,
            context: Context {
                invoker: Some((b"an`n".to_vec(), b"%".to_vec())),
                ..Context::default()
            },
        }
    }

    #[test]
    fn definitions_of_events_are_told_from_others() {
        for text in [
            "CREATE DEFINER=`a`@`b` EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "create /* x */ or replace event e on schedule at now() do drop table t",
            "CREATE /*!50106 EVENT */ e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "ALTER /*!50117 DEFINER=`a`@`b`*/ /*M!100101 EVENT */ e ENABLE",
            "ALTER DEFINER=table@localhost EVENT e RENAME TO f",
            "ALTER DEFINER=CURRENT_USER() EVENT e DISABLE",
        ] {
            assert!(query(text).defines_event(), "{text}");
        }
        for text in [
            "DROP EVENT e",
            "CREATE TABLE event (event int)",
            "CREATE DEFINER=event@localhost TRIGGER event BEFORE INSERT ON t FOR EACH ROW SET @a=1",
            "CREATE ALGORITHM=UNDEFINED DEFINER=`event`@`%` SQL SECURITY DEFINER VIEW `event` AS SELECT 1",
            "CREATE UNIQUE INDEX event ON t (a)",
            "COMMIT",
            "CREATE",
            "ALTER DEFINER",
            "",
        ] {
            assert!(!query(text).defines_event(), "{text}");
        }
    }

    #[test]
    fn who_alters_an_event_becomes_its_definer() {
        for (text, expected) in [
            (
                "ALTER EVENT e DISABLE",
                "ALTER DEFINER=`an``n`@`%` EVENT e DISABLE",
            ),
            (
                "alter definer=a@b event e enable",
                "alter definer=a@b event e enable",
            ),
            ("CREATE EVENT e DO SELECT 1", "CREATE EVENT e DO SELECT 1"),
        ] {
            let changed = query(text).with_definer();
            assert_eq!(String::from_utf8(changed).unwrap(), expected);
        }
    }

    #[test]
    fn variables_are_read_until_an_unknown_one() {
        let mut bytes = vec![0, 1, 2, 3, 4];
        bytes.extend([1, 9, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([6, 3, b's', b't', b'd']);
        bytes.extend([4, 45, 0, 46, 0, 8, 0]);
        bytes.extend([5, 3, b'U', b'T', b'C']);
        bytes.extend([12, 2, b'a', 0, b'b', 0]);
        bytes.extend([11, 1, b'u', 1, b'h']);
        bytes.extend([128, 1, 1, 0]);
        bytes.extend([99, 7, 0, 0]);
        let context = Context::parse(&bytes);
        assert_eq!(context.sql_mode, Some(9));
        assert_eq!(context.collations, Some([45, 46, 8]));
        assert_eq!(context.time_zone.as_deref(), Some(&b"UTC"[..]));
        assert_eq!(context.invoker, Some((b"u".to_vec(), b"h".to_vec())));
        assert_eq!(context.microseconds, Some(257));
        assert_eq!(context.time_names, None);
    }
}
