//! Which tables a rule is about: a name, or a pattern with `*` for any number of characters.

use std::fmt;

/// `users` (a table of the database's own schema), `shop.users`, `shop.log_*`, `*` (every table of every
/// schema). A part in backticks is a name as it stands, with its dots and asterisks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TablePattern {
    /// As it was written.
    text: String,
    /// `None` = the database's own schema.
    schema: Option<Part>,
    table: Part,
}

/// Pieces between the asterisks: one piece is a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part(Vec<String>);

/// Longest pattern, in bytes: two names of 64 characters, quoted.
const MAX: usize = 1024;

impl TablePattern {
    /// The reason in words where it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX {
            return Err(format!("the name of a table is longer than {MAX} bytes"));
        }
        let mut rest = text;
        let mut parts = Vec::new();
        loop {
            let (part, after) = Part::read(rest).map_err(|why| format!("{text:?} {why}"))?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err(format!("{text:?} goes on behind a closing backtick")),
            }
        }
        let mut parts = parts.into_iter();
        let (schema, table) = match (parts.next(), parts.next(), parts.next()) {
            (Some(all), None, None) if all.anything() => (Some(all.clone()), all),
            (Some(table), None, None) => (None, table),
            (Some(schema), Some(table), None) => (Some(schema), table),
            _ => {
                return Err(format!(
                    "{text:?} has more than a schema and a table; put a name that has dots in backticks"
                ));
            }
        };
        Ok(Self {
            text: text.to_owned(),
            schema,
            table,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// It names one table.
    pub fn exact(&self) -> bool {
        self.schema.as_ref().is_none_or(Part::exact) && self.table.exact()
    }

    /// How narrow it is, where it names this table: a name is narrower than any pattern, else the one
    /// that spells out more characters is.
    pub(super) fn rank(&self, own: &str, schema: &str, table: &str) -> Option<usize> {
        let of_schema = match &self.schema {
            Some(part) => part.matches(schema).then(|| part.literals()),
            None => (own == schema).then_some(own.len()),
        }?;
        let exact = usize::from(self.exact()) * (2 * MAX);
        self.table
            .matches(table)
            .then(|| of_schema + self.table.literals() + exact)
    }

    /// The schema and table of an exact one.
    pub fn names<'a>(&'a self, own: &'a str) -> Option<(&'a str, &'a str)> {
        let table = self.table.name()?;
        match &self.schema {
            Some(schema) => Some((schema.name()?, table)),
            None => Some((own, table)),
        }
    }
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn read(text: &str) -> Result<(Self, &str), &'static str> {
        if let Some(quoted) = text.strip_prefix('`') {
            let mut name = String::new();
            let mut rest = quoted;
            loop {
                let (piece, after) = rest.split_once('`').ok_or("has a backtick too few")?;
                name.push_str(piece);
                match after.strip_prefix('`') {
                    Some(next) => {
                        name.push('`');
                        rest = next;
                    }
                    None if name.is_empty() => return Err("has an empty name"),
                    None => return Ok((Self(vec![name]), after)),
                }
            }
        }
        let end = text.find('.').unwrap_or(text.len());
        let (name, after) = text.split_at(end);
        if name.is_empty() {
            return Err("has an empty name");
        }
        if name.contains('`') {
            return Err("has a backtick inside a name");
        }
        Ok((Self(name.split('*').map(str::to_owned).collect()), after))
    }

    fn anything(&self) -> bool {
        !self.exact() && self.0.iter().all(String::is_empty)
    }

    fn exact(&self) -> bool {
        self.0.len() == 1
    }

    fn name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    fn literals(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }

    fn matches(&self, name: &str) -> bool {
        let [first, middle @ .., last] = self.0.as_slice() else {
            return self.name() == Some(name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else {
            return false;
        };
        for piece in middle {
            match rest.find(piece.as_str()) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str, schema: &str, table: &str) -> bool {
        let pattern = TablePattern::parse(pattern).unwrap();
        pattern.rank("shop", schema, table).is_some()
    }

    #[test]
    fn patterns_name_tables() {
        for (pattern, schema, table, expected) in [
            ("users", "shop", "users", true),
            ("users", "other", "users", false),
            ("shop.users", "shop", "users", true),
            ("shop.Users", "shop", "users", false),
            ("*", "other", "anything.at all", true),
            ("*.*", "other", "x", true),
            ("shop.*", "other", "x", false),
            ("log_*", "shop", "log_2026", true),
            ("log_*", "shop", "log_", true),
            ("*_log_*_x", "shop", "a_log_b_x", true),
            ("*_log_*_x", "shop", "a_log_x", false),
            ("a*a", "shop", "a", false),
            ("a*a", "shop", "aa", true),
            ("`odd.db`.`a``*`", "odd.db", "a`*", true),
            ("`odd.db`.`a``*`", "odd.db", "a`b", false),
        ] {
            assert_eq!(names(pattern, schema, table), expected, "{pattern} {table}");
        }
    }

    #[test]
    fn names_are_narrower_than_patterns() {
        let rank = |p: &str| {
            let pattern = TablePattern::parse(p).unwrap();
            pattern.rank("shop", "shop", "users").unwrap()
        };
        let order = ["*", "shop.*", "user*", "shop.users*", "users"];
        assert!(order.windows(2).all(|w| rank(w[0]) < rank(w[1])));
        assert_eq!(rank("users"), rank("shop.users"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", ".", "a.", ".a", "a.b.c", "`a", "``", "`a`b", "a`b"] {
            assert!(TablePattern::parse(bad).is_err(), "{bad}");
        }
        assert!(TablePattern::parse(&"x".repeat(MAX + 1)).is_err());
    }
}
