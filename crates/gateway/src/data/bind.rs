//! Puts the values of a prepared statement into its text.
//!
//! The clients send a prepared statement as its text, with `?` or `:v1` for the values, and the
//! values beside it. The engine gets one text, so that results come in the form that the clients
//! want, and nothing prepared stays behind.

use super::kinds::{NULL, QUOTED, TUPLE};
use super::messages::BindVariable;
use std::collections::HashMap;

/// Values by their names, `v1` to `vN` for question marks.
pub(super) type Values = HashMap<String, BindVariable>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BindError {
    #[error("the statement has no value for {0}")]
    Missing(String),
    #[error("the value of {0} is no number")]
    NoNumber(String),
    #[error("the type {1} of {0} is not known")]
    Type(String, i32),
}

/// `backslash`: a backslash in a string literal escapes what follows.
pub(super) fn bind(text: &[u8], values: &Values, backslash: bool) -> Result<Vec<u8>, BindError> {
    let mut out = Vec::with_capacity(text.len() + 64);
    let mut at = 0;
    let mut marks = 0;
    while let Some(&b) = text.get(at) {
        let end = match b {
            b'\'' | b'"' => quoted(text, at, b, backslash),
            b'`' => quoted(text, at, b, false),
            b'#' => line(text, at),
            b'-' if comment(text, at) => line(text, at),
            b'/' if text.get(at + 1) == Some(&b'*') => block(text, at),
            b'?' => {
                marks += 1;
                put(&format!("v{marks}"), values, backslash, &mut out)?;
                at += 1;
                continue;
            }
            b':' => match name(text, at, values) {
                Some((name, end)) => {
                    put(name, values, backslash, &mut out)?;
                    at = end;
                    continue;
                }
                None => at + 1,
            },
            _ => at + 1,
        };
        out.extend_from_slice(&text[at..end]);
        at = end;
    }
    Ok(out)
}

fn quoted(text: &[u8], start: usize, quote: u8, backslash: bool) -> usize {
    let mut at = start + 1;
    while let Some(&b) = text.get(at) {
        at += match b {
            b'\\' if backslash => 2,
            b if b != quote => 1,
            _ if text.get(at + 1) == Some(&quote) => 2,
            _ => return at + 1,
        };
    }
    text.len()
}

/// `--` begins a comment only before white space.
fn comment(text: &[u8], at: usize) -> bool {
    text.get(at + 1) == Some(&b'-') && text.get(at + 2).is_none_or(u8::is_ascii_whitespace)
}

fn line(text: &[u8], at: usize) -> usize {
    let end = text[at..].iter().position(|b| *b == b'\n');
    end.map_or(text.len(), |n| at + n)
}

fn block(text: &[u8], at: usize) -> usize {
    let end = text[at + 2..].windows(2).position(|w| w == b"*/");
    end.map_or(text.len(), |n| at + 2 + n + 2)
}

/// A name behind one colon, or two for a list, that there is a value for.
fn name<'a>(text: &'a [u8], colon: usize, values: &Values) -> Option<(&'a str, usize)> {
    let start = match text.get(colon + 1) {
        Some(b':') => colon + 2,
        _ => colon + 1,
    };
    let length = text[start..]
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')
        .unwrap_or(text.len() - start);
    let name = std::str::from_utf8(&text[start..start + length]).ok()?;
    values.contains_key(name).then_some((name, start + length))
}

fn put(name: &str, values: &Values, backslash: bool, out: &mut Vec<u8>) -> Result<(), BindError> {
    let missing = || BindError::Missing(name.to_owned());
    let variable = values.get(name).ok_or_else(missing)?;
    if variable.r#type != TUPLE {
        return literal(name, variable.r#type, &variable.value, backslash, out);
    }
    if variable.values.is_empty() {
        return Err(missing());
    }
    for (n, value) in variable.values.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"(" } else { b", " });
        literal(name, value.r#type, &value.value, backslash, out)?;
    }
    out.push(b')');
    Ok(())
}

/// Types of numbers written in other ways: `x'1F'`, `0x1F`, `0b101`.
const HEXADECIMAL: [i32; 3] = [4125, 4126, 4127];

fn literal(
    name: &str,
    kind: i32,
    value: &[u8],
    backslash: bool,
    out: &mut Vec<u8>,
) -> Result<(), BindError> {
    if kind == NULL.number {
        out.extend_from_slice(b"NULL");
    } else if HEXADECIMAL.contains(&kind) {
        let clean = |b: &u8| b.is_ascii_alphanumeric() || *b == b'\'';
        if !value.iter().all(clean) {
            return Err(BindError::NoNumber(name.into()));
        }
        out.extend_from_slice(value);
    } else if super::kinds::numbered(kind).is_none() {
        return Err(BindError::Type(name.into(), kind));
    } else if kind & QUOTED != 0 {
        text(value, backslash, out);
    } else if is_number(value) {
        out.extend_from_slice(value);
    } else {
        return Err(BindError::NoNumber(name.into()));
    }
    Ok(())
}

fn is_number(value: &[u8]) -> bool {
    let digits = value.iter().any(u8::is_ascii_digit);
    let clean = |b: &u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    // Two signs in a row would begin a comment.
    digits && value.iter().all(clean) && !value.windows(2).any(|w| w == b"--")
}

/// A literal that the engine takes as text, or as bytes where it is none.
fn text(value: &[u8], backslash: bool, out: &mut Vec<u8>) {
    if std::str::from_utf8(value).is_err() {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"x'");
        for b in value {
            out.push(DIGITS[usize::from(b >> 4)]);
            out.push(DIGITS[usize::from(b & 15)]);
        }
        out.push(b'\'');
        return;
    }
    out.push(b'\'');
    for &b in value {
        if b == b'\'' || b == b'\\' && backslash {
            out.push(b);
        }
        out.push(b);
    }
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::messages::Value;
    use proptest::prelude::*;

    const INT64: i32 = 265;
    const VARBINARY: i32 = 10262;

    fn values(list: &[(&str, i32, &[u8])]) -> Values {
        list.iter()
            .map(|(name, kind, value)| {
                let variable = BindVariable {
                    r#type: *kind,
                    value: value.to_vec().into(),
                    values: Vec::new(),
                };
                ((*name).to_owned(), variable)
            })
            .collect()
    }

    fn bound(text: &str, values: &Values) -> String {
        String::from_utf8(bind(text.as_bytes(), values, true).unwrap()).unwrap()
    }

    #[test]
    fn values_take_their_places() {
        let values = values(&[
            ("v1", INT64, b"-7"),
            ("v2", VARBINARY, br"O'Neil \ co"),
            ("v3", 0, b""),
            ("name", VARBINARY, b"ann"),
        ]);
        assert_eq!(
            bound("SELECT * FROM t WHERE a = ? AND b = ? AND c <=> ?", &values),
            r"SELECT * FROM t WHERE a = -7 AND b = 'O''Neil \\ co' AND c <=> NULL"
        );
        assert_eq!(
            bound("SELECT :v1, :name, :other, a::b", &values),
            "SELECT -7, 'ann', :other, a::b"
        );
        let text = "SELECT '?', \"?\\\"?\", `?`, /* ? */ 1 -- ?\n, 5--?, # ?\n ?";
        assert_eq!(
            bound(text, &values),
            "SELECT '?', \"?\\\"?\", `?`, /* ? */ 1 -- ?\n, 5---7, # ?\n 'O''Neil \\\\ co'"
        );
        // In a mode without escapes a backslash is one.
        let plain = bind(b"SELECT '\\', ?, ?", &values, false).unwrap();
        assert_eq!(plain, br"SELECT '\', -7, 'O''Neil \ co'");
    }

    #[test]
    fn lists_and_bytes_are_written() {
        let mut values = values(&[("v1", VARBINARY, b"\xff'\x00")]);
        let list = BindVariable {
            r#type: TUPLE,
            value: Vec::new().into(),
            values: vec![
                Value {
                    r#type: INT64,
                    value: b"1".to_vec().into(),
                },
                Value {
                    r#type: INT64,
                    value: b"2".to_vec().into(),
                },
            ],
        };
        values.insert("ids".into(), list);
        assert_eq!(
            bound("SELECT ? IN ::ids", &values),
            "SELECT x'ff2700' IN (1, 2)"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        let fail =
            |list: &[(&str, i32, &[u8])]| bind(b"SELECT ?", &values(list), true).unwrap_err();
        assert_eq!(
            fail(&[("v2", INT64, b"1")]),
            BindError::Missing("v1".into())
        );
        for bad in [&b"1 OR 1"[..], b"", b"--1", b"1;", b"e"] {
            assert_eq!(
                fail(&[("v1", INT64, bad)]),
                BindError::NoNumber("v1".into())
            );
        }
        assert_eq!(fail(&[("v1", 99, b"1")]), BindError::Type("v1".into(), 99));
        assert_eq!(
            fail(&[("v1", 4126, b"x'00' OR 1")]),
            BindError::NoNumber("v1".into())
        );
    }

    proptest! {
        /// Nothing that a value holds ends its literal.
        #[test]
        fn a_value_stays_within_its_literal(value in "[a'\\\\\"`?;-]{0,12}", backslash: bool) {
            let values = values(&[("v1", VARBINARY, value.as_bytes())]);
            let out = bind(b"? x", &values, backslash).unwrap();
            prop_assert_eq!(quoted(&out, 0, b'\'', backslash), out.len() - 2);
            prop_assert!(out.ends_with(b"' x"));
        }
    }
}
