//! The engine's `SHOW CREATE` texts, as far as they have to be touched. Texts were read under an
//! empty `sql_mode` (tables, views), so quotes are `` ` ``, `'` and `"`, and a backslash escapes
//! inside the latter two. This is a scanner of quotes, not a parser of SQL.

use std::borrow::Cow;
use std::ops::Range;

const COUNTER: &str = " AUTO_INCREMENT=";

/// A table's definition without the counter among its options (`) ENGINE=InnoDB AUTO_INCREMENT=42 …`):
/// columns, comments and defaults that contain the same words stay.
pub fn without_auto_increment(table: &str) -> Cow<'_, str> {
    let bytes = table.as_bytes();
    let (mut at, mut depth, mut options) = (0, 0u32, false);
    while at < bytes.len() {
        match bytes[at] {
            b'`' | b'\'' | b'"' => {
                at = quoted_end(bytes, at);
                continue;
            }
            b'(' => depth += 1,
            b')' => {
                depth = depth.saturating_sub(1);
                options |= depth == 0;
            }
            b' ' if options && depth == 0 && table[at..].starts_with(COUNTER) => {
                let digits = at + COUNTER.len();
                let end = bytes[digits..]
                    .iter()
                    .position(|b| !b.is_ascii_digit())
                    .map_or(bytes.len(), |n| digits + n);
                return Cow::Owned(format!("{}{}", &table[..at], &table[end..]));
            }
            _ => {}
        }
        at += 1;
    }
    Cow::Borrowed(table)
}

/// A MySQL table's definition without the collations that its columns have from the table. The
/// engine prints such a one as `COLLATE x` without `CHARACTER SET` when it is not its character
/// set's default; replayed as printed it would count as given to the column, and be printed
/// otherwise for ever.
pub fn without_inherited_collations(table: &str) -> Cow<'_, str> {
    const COLLATE: &str = " COLLATE ";
    let bytes = table.as_bytes();
    let mut out = String::new();
    let (mut at, mut depth, mut kept) = (0, 0u32, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'`' | b'\'' | b'"' => {
                at = quoted_end(bytes, at);
                continue;
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b' ' if depth == 1 && table[at..].starts_with(COLLATE) => {
                let start = at + COLLATE.len();
                let end = word_end(bytes, start);
                if !follows_character_set(&table[..at]) && has_collation(table, &table[start..end])
                {
                    out.push_str(&table[kept..at]);
                    kept = end;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if kept == 0 {
        return Cow::Borrowed(table);
    }
    out.push_str(&table[kept..]);
    Cow::Owned(out)
}

/// The definer of a view, routine, trigger or event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definer {
    pub user: String,
    /// Empty for a MariaDB role.
    pub host: String,
    /// Where `user@host` with its quotes stands in the text.
    pub range: Range<usize>,
}

/// Finds the definer, which the engine prints before the object's kind: `CREATE [OR REPLACE]
/// [ALGORITHM=x] DEFINER=…`. `None` where there is none there: nothing behind it is looked at.
pub fn definer(ddl: &str) -> Option<Definer> {
    let mut at = 0;
    loop {
        let rest = ddl[at..].trim_start();
        at = ddl.len() - rest.len();
        let word = rest.split([' ', '\n', '\t', '\r']).next()?;
        if let Some(head) = rest.get(..8).filter(|h| h.eq_ignore_ascii_case("DEFINER=")) {
            let start = at + head.len();
            let (user, next) = name_at(ddl, start)?;
            let (host, end) = match ddl[next..].strip_prefix('@') {
                Some(_) => name_at(ddl, next + 1)?,
                None => (String::new(), next),
            };
            return Some(Definer {
                user,
                host,
                range: start..end,
            });
        }
        let known = ["CREATE", "OR", "REPLACE"]
            .iter()
            .any(|w| word.eq_ignore_ascii_case(w))
            || word.starts_with("ALGORITHM=");
        if !known {
            return None;
        }
        at += word.len();
    }
}

/// The same text with another definer, written in the quotes that the text uses.
pub fn with_definer(ddl: &str, definer: &Definer, user: &str, host: &str) -> String {
    let quote = ddl[definer.range.clone()].chars().next().unwrap_or('`');
    format!(
        "{}{quote}{user}{quote}@{quote}{host}{quote}{}",
        &ddl[..definer.range.start],
        &ddl[definer.range.end..]
    )
}

/// What follows the name in ``CREATE DATABASE `name` …``: the options of the schema.
pub fn schema_options(ddl: &str) -> &str {
    match ddl.find(['`', '"']) {
        Some(start) => ddl[quoted_end(ddl.as_bytes(), start)..].trim(),
        None => "",
    }
}

/// The text ends in `CHARACTER SET name`.
fn follows_character_set(text: &str) -> bool {
    text.rsplit_once(' ')
        .is_some_and(|(rest, _)| rest.ends_with(" CHARACTER SET"))
}

/// The table's options, in the last line that begins with `) ENGINE=`, name this collation.
fn has_collation(table: &str, name: &str) -> bool {
    let options = table.rfind("\n) ENGINE=").map_or("", |at| &table[at..]);
    let option = " COLLATE=";
    options.match_indices(option).any(|(at, _)| {
        let start = at + option.len();
        options[start..word_end(options.as_bytes(), start)] == *name
    })
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let length = bytes[start..].iter().position(|b| !word(b));
    length.map_or(bytes.len(), |n| start + n)
}

/// A name at `start`: quoted with `` ` `` or `"`. Returns it unquoted, and where it ends.
fn name_at(text: &str, start: usize) -> Option<(String, usize)> {
    let quote = char::from(*text.as_bytes().get(start)?);
    if quote != '`' && quote != '"' {
        return None;
    }
    let end = quoted_end(text.as_bytes(), start);
    let inner = text.get(start + 1..end.checked_sub(1)?)?;
    Some((
        inner.replace(&format!("{quote}{quote}"), &quote.to_string()),
        end,
    ))
}

/// Where the quoted text that begins at `start` ends: behind its closing quote, or at the end.
fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < bytes.len() {
        if bytes[at] == b'\\' && quote != b'`' {
            at += 2;
        } else if bytes[at] != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_counter_among_the_options_goes() {
        let kept = "CREATE TABLE `a) AUTO_INCREMENT=1` (\n  `id` int NOT NULL AUTO_INCREMENT COMMENT ') AUTO_INCREMENT=2 \\' AUTO_INCREMENT=3'\n) ENGINE=InnoDB";
        for (before, after) in [
            (
                format!("{kept} AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4"),
                format!("{kept} DEFAULT CHARSET=utf8mb4"),
            ),
            (format!("{kept} AUTO_INCREMENT=42"), kept.to_owned()),
            (
                format!("{kept} COMMENT=' AUTO_INCREMENT=7 it''s'"),
                format!("{kept} COMMENT=' AUTO_INCREMENT=7 it''s'"),
            ),
            (
                format!("{kept} COMMENT='x' AUTO_INCREMENT=7"),
                format!("{kept} COMMENT='x'"),
            ),
            (kept.to_owned(), kept.to_owned()),
        ] {
            assert_eq!(without_auto_increment(&before), after);
        }
    }

    #[test]
    fn only_inherited_collations_go() {
        let table = |column: &str| {
            format!(
                "CREATE TABLE `t` (\n  `a` varchar(5){column} DEFAULT ' COLLATE utf8mb4_bin'\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='x'"
            )
        };
        let bare = table("");
        assert_eq!(
            without_inherited_collations(&table(" COLLATE utf8mb4_bin")),
            bare
        );
        for kept in [
            "",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            " COLLATE utf8mb4_0900_as_ci",
        ] {
            assert_eq!(without_inherited_collations(&table(kept)), table(kept));
        }
    }

    #[test]
    fn a_definer_is_found_only_in_its_place() {
        for (ddl, user, host) in [
            (
                "CREATE DEFINER=`a``b`@`%` PROCEDURE `p`() select 1",
                "a`b",
                "%",
            ),
            (
                "CREATE ALGORITHM=MERGE DEFINER=`x`@`localhost` SQL SECURITY DEFINER VIEW `v` AS select 1",
                "x",
                "localhost",
            ),
            (
                "CREATE DEFINER=\"o\"@\"h\" trigger t before insert on p for each row set @a=1",
                "o",
                "h",
            ),
            ("CREATE OR REPLACE DEFINER=`r` VIEW", "r", ""),
        ] {
            let found = definer(ddl).unwrap();
            assert_eq!(
                (found.user.as_str(), found.host.as_str()),
                (user, host),
                "{ddl}"
            );
            let other = definer(&with_definer(ddl, &found, "n", "m")).unwrap();
            assert_eq!((other.user.as_str(), other.host.as_str()), ("n", "m"));
        }
        for none in [
            "CREATE TABLE `t` (`DEFINER=` int)",
            "CREATE",
            "",
            "CREATE PROCEDURE p() DEFINER=`x`@`y`",
            "CREATE DEFINER=CURRENT_USER VIEW v",
        ] {
            assert_eq!(definer(none), None, "{none}");
        }
    }

    #[test]
    fn schema_options_stand_behind_the_name() {
        assert_eq!(
            schema_options("CREATE DATABASE `a``b c` /*!40100 DEFAULT CHARACTER SET latin1 */"),
            "/*!40100 DEFAULT CHARACTER SET latin1 */"
        );
        assert_eq!(schema_options("CREATE DATABASE `x`"), "");
    }
}
