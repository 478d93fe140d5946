//! Compares what a page shows with what a command said: exactly, but for what varies from run to run.
//!
//! Ids, usernames, secrets, times, versions, decimals and numbers with a unit match others of their kind;
//! `…` matches anything in a line, and any number of lines where it stands alone. White space and rules
//! match whatever their length.

use regex::Regex;
use std::sync::LazyLock;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"ofs_pw_[\w-]+|pscale_tkn_[\w-]+",
        r"|\bnow\b|(?:\bin )?\b\d+ (?:second|minute|hour|day)s?\b(?: ago)?",
        r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?|\d{4}-\d\d-\d\d",
        r"|\d+(?:\.\d+){2,}|\d+\.\d+|[A-Za-z0-9_]+|\s+|─+|-{2,}|═+|.",
    ))
    .unwrap()
});
const ANYTHING: &str = "…";
const UNITS: &[&str] = &["B", "KiB", "MiB", "GiB", "TiB", "bytes", "s", "ms", "µs"];

const SPANS: &[&str] = &[" second", " minute", " hour", " day"];

/// What stands in the page, and what it was in this run.
pub(crate) type Captures = Vec<(String, String)>;

/// `None` where the two differ.
pub(crate) fn matches(shown: &str, said: &str) -> Option<Captures> {
    let shown: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
    let said: Vec<&str> = said.trim_end().lines().map(str::trim_end).collect();
    let mut captures = Vec::new();
    lines(&shown, &said, &mut captures).then_some(captures)
}

fn lines(shown: &[&str], said: &[&str], captures: &mut Captures) -> bool {
    let Some((first, rest)) = shown.split_first() else {
        return said.is_empty();
    };
    if first.trim() == ANYTHING {
        return (0..=said.len()).any(|n| lines(rest, &said[n..], captures));
    }
    let Some((line, others)) = said.split_first() else {
        return false;
    };
    let known = captures.len();
    if tokens(&split(first), &split(line), captures) && lines(rest, others, captures) {
        return true;
    }
    captures.truncate(known);
    false
}

fn split(line: &str) -> Vec<&str> {
    TOKEN.find_iter(line.trim()).map(|m| m.as_str()).collect()
}

fn tokens(shown: &[&str], said: &[&str], captures: &mut Captures) -> bool {
    let Some((first, rest)) = shown.split_first() else {
        return said.is_empty();
    };
    if *first == ANYTHING {
        return (0..=said.len()).any(|n| tokens(rest, &said[n..], captures));
    }
    let Some((word, others)) = said.split_first() else {
        return false;
    };
    let known = captures.len();
    if first != word {
        if !alike(first, rest, word, others) {
            return false;
        }
        captures.push(((*first).to_owned(), (*word).to_owned()));
    }
    if tokens(rest, others, captures) {
        return true;
    }
    captures.truncate(known);
    false
}

#[derive(PartialEq)]
enum Kind {
    Space,
    Rule(char),
    Secret,
    Time,
    Version,
    Number,
    Unit,
    Id,
    Username,
    Digest,
}

fn alike(shown: &str, shown_next: &[&str], said: &str, said_next: &[&str]) -> bool {
    let one = kind(shown, shown_next);
    one.is_some() && one == kind(said, said_next)
}

fn kind(token: &str, next: &[&str]) -> Option<Kind> {
    let all = |ok: fn(&u8) -> bool| token.as_bytes().iter().all(ok);
    let digits = all(u8::is_ascii_digit);
    let lower = all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    let unit = next
        .iter()
        .take(2)
        .find(|t| !t.trim().is_empty())
        .is_some_and(|t| UNITS.contains(t));
    Some(match token {
        _ if token.trim().is_empty() => Kind::Space,
        _ if token.starts_with("ofs_pw_") || token.starts_with("pscale_tkn_") => Kind::Secret,
        _ if token == "now" || SPANS.iter().any(|s| token.contains(s)) => Kind::Time,
        _ if UNITS.contains(&token) => Kind::Unit,
        _ if token.starts_with("--") => Kind::Rule('-'),
        _ if token.starts_with(['─', '═']) => Kind::Rule('─'),
        _ if digits && token.len() < 12 => return unit.then_some(Kind::Number),
        _ if lower && token.len() == 12 => Kind::Id,
        _ if lower && token.len() == 20 => Kind::Username,
        _ if token.len() >= 16 && all(u8::is_ascii_hexdigit) => Kind::Digest,
        _ if !token.starts_with(|c: char| c.is_ascii_digit()) => return None,
        _ if token.contains('-') => Kind::Time,
        _ if token.matches('.').count() > 1 => Kind::Version,
        _ if token.contains('.') => Kind::Number,
        _ => return None,
    })
}

#[test]
fn what_varies_matches_and_what_does_not_does_not() {
    let said = "Password ci was created.\n\n  Username:  cq9lskcc3v0iqjmxnmel\n  Password:  ofs_pw_a-b_c\n  took 12 ms, 3 rows, at 2026-11-25T13:00:01Z";
    for good in [
        said,
        "Password ci was created.\n\n  Username: aaaaaaaaaaaaaaaaaaaa\n  Password: ofs_pw_x…\n  took 1.5 s, 3 rows, at 2020-01-01T00:00:00.5Z",
        "Password ci …\n…\n  took … rows, at …",
        "…",
    ] {
        assert!(matches(good, said).is_some(), "{good}");
    }
    for bad in [
        "Password cd was created.\n…",
        "…\n  took 12 ms, 4 rows, at …",
        "Password ci was created.",
        "…\n  Username:  short\n…",
    ] {
        assert!(matches(bad, said).is_none(), "{bad}");
    }
    let captures = matches("id aaaaaaaaaaaa", "id 0123456789ab").unwrap();
    assert_eq!(
        captures,
        [("aaaaaaaaaaaa".to_owned(), "0123456789ab".to_owned())]
    );
}
