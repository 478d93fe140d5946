//! Durations as people write them: `90` (seconds), `30m`, `24h`, `14d`, `2w`, `1h30m`.

use std::time::Duration;

/// Refused with a sentence that says how to write one.
pub fn parse(text: &str) -> Result<Duration, String> {
    seconds(text.trim())
        .map(Duration::from_secs)
        .ok_or_else(|| "write a time like 90 (seconds), 30m, 24h, 14d or 1h30m".to_owned())
}

fn seconds(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut total = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    Some(total)
}

/// As seconds of a request. The parser keeps them far below the limit.
pub(crate) fn wire(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// With its units, for confirmations: `5` was read as seconds, and says so.
pub(crate) fn words(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, length) in [
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ] {
        let n = rest / length;
        rest %= length;
        if n > 0 {
            parts.push(format!("{n} {unit}{}", if n == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() {
        return "0 seconds".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90", 90),
            ("0s", 0),
            ("30m", 1_800),
            ("1h30m", 5_400),
            ("14d", 1_209_600),
            ("2w", 1_209_600),
        ] {
            assert_eq!(parse(text).unwrap().as_secs(), seconds, "{text}");
        }
        for (seconds, wanted) in [
            (0, "0 seconds"),
            (5, "5 seconds"),
            (5_400, "1 hour 30 minutes"),
            (1_209_600, "14 days"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), wanted);
        }
        for bad in [
            "",
            "m",
            "5x",
            "-1h",
            "1.5h",
            "99999999999999999999w",
            "5µ",
            "1h 30m",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
