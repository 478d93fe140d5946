//! The condition of a rule: the operator's SQL, which must be one expression and stay one.

use std::fmt;

/// An expression as in a WHERE. It is put in parentheses and cannot leave them: quotes and
/// parentheses end inside it, and it holds neither comments nor a second statement. What it means,
/// and whether its columns exist, only the engine knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(String);

/// Longest condition, in bytes.
const MAX: usize = 16 << 10;

impl Condition {
    /// The reason in words where it is none. Read as the engines read it under the `sql_mode` that
    /// rules are applied with: `"` quotes text, and a backslash escapes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the condition is empty".to_owned());
        }
        if text.len() > MAX {
            return Err(format!("the condition is longer than {MAX} bytes"));
        }
        check(text.as_bytes()).map_err(|(at, why)| {
            let column = String::from_utf8_lossy(&text.as_bytes()[..at])
                .chars()
                .count()
                + 1;
            format!("the condition is not one expression: {why} at character {column}")
        })?;
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &[u8]) -> Result<(), (usize, &'static str)> {
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let next = text.get(at + 1);
        match byte {
            b'\'' | b'"' | b'`' => {
                at = quoted_end(text, at).ok_or((at, "a quote does not end"))?;
                continue;
            }
            b'(' => open.push(at),
            b')' if open.pop().is_none() => {
                return Err((at, "a parenthesis closes that none opened"));
            }
            b';' => return Err((at, "a semicolon")),
            b'#' => return Err((at, "a comment")),
            b'/' if next == Some(&b'*') => return Err((at, "a comment")),
            // The engine wants white space behind the dashes, or the end.
            b'-' if next == Some(&b'-')
                && text
                    .get(at + 2)
                    .is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control()) =>
            {
                return Err((at, "a comment"));
            }
            b'?' => return Err((at, "a placeholder")),
            0 => return Err((at, "a NUL")),
            _ => {}
        }
        at += 1;
    }
    match open.pop() {
        Some(at) => Err((at, "a parenthesis does not close")),
        None => Ok(()),
    }
}

/// Behind the closing quote.
fn quoted_end(text: &[u8], start: usize) -> Option<usize> {
    let quote = text[start];
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'\\' if quote != b'`' => at += 2,
            byte if *byte != quote => at += 1,
            _ if text.get(at + 1) == Some(&quote) => at += 2,
            _ => return Some(at + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_expression_is_taken() {
        for good in [
            "id < 1000",
            " created_at > NOW() - INTERVAL 90 DAY ",
            "user_id IN (SELECT id FROM shop.users WHERE country = 'DE')",
            "name = 'a;b -- c /* d */ # e'",
            "name = \"it's\" OR `odd)name` = 1",
            "a = 'x\\'); y' AND b--1 > 0",
            "größe > 1",
        ] {
            assert_eq!(Condition::parse(good).unwrap().as_str(), good.trim());
        }
    }

    #[test]
    fn what_could_leave_its_parentheses_is_refused() {
        for (bad, why) in [
            ("", "empty"),
            ("1) OR (1", "closes"),
            ("(1", "does not close at character 1"),
            ("1; DROP TABLE x", "semicolon at character 2"),
            ("1 -- ", "comment"),
            ("1 --", "comment"),
            ("1 --\u{1}", "comment"),
            ("1 #", "comment"),
            ("1 /*! OR 1 */", "comment"),
            ("a = 'x", "quote"),
            ("a = 'x\\'", "quote"),
            ("a = `x\\`` ", "quote"),
            ("ö = 'x", "at character 5"),
            ("a = ?", "placeholder"),
            ("a\0", "NUL"),
        ] {
            let refused = Condition::parse(bad).unwrap_err();
            assert!(refused.contains(why), "{bad}: {refused}");
        }
        assert!(Condition::parse(&"1".repeat(MAX + 1)).is_err());
    }
}
