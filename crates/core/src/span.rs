//! Spans of time as people write them: `90` (seconds), `30m`, `24h`, `14d`, `2w`, `1h30m`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A span of whole seconds that is written and read as people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

const UNITS: [(char, u64); 5] = [
    ('w', 604_800),
    ('d', 86_400),
    ('h', 3_600),
    ('m', 60),
    ('s', 1),
];

/// Ten years: longer than anything that is planned.
const LONGEST: u64 = 10 * 366 * 86_400;

impl Span {
    pub const fn days(days: u64) -> Self {
        Self(Duration::from_secs(days * 86_400))
    }

    pub fn duration(self) -> Duration {
        self.0
    }

    /// Refused with a sentence that says how to write one.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse(text)
            .filter(|d| d.as_secs() <= LONGEST)
            .map(Self)
            .ok_or_else(|| {
                format!("{text:?} is not a span of time: write one like 30m, 24h or 14d")
            })
    }
}

/// `None`: it is not a span, or too long for a number.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let mut total = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    Some(Duration::from_secs(total))
}

impl fmt::Display for Span {
    /// The shortest way to write it, without weeks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in &UNITS[1..] {
            let n = rest / length;
            rest %= length;
            if n > 0 {
                write!(f, "{n}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Span::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_they_are_read() {
        for (text, seconds, shown) in [
            ("90", 90, "1m30s"),
            ("14d", 1_209_600, "14d"),
            ("2w", 1_209_600, "14d"),
            ("1h30m", 5_400, "1h30m"),
            ("0", 0, "0s"),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(
                (span.duration().as_secs(), &*span.to_string()),
                (seconds, shown)
            );
        }
        for bad in [
            "m",
            "5x",
            "-1h",
            "1.5h",
            "5µ",
            "1h 30m",
            "99999999999999999999w",
            "9999w",
        ] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }
}
