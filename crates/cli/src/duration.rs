//! Durations as people write them: `90` (seconds), `30m`, `24h`, `14d`, `2w`, `1h30m`.

use std::time::Duration;

/// Refused with a sentence that says how to write one.
pub fn parse(text: &str) -> Result<Duration, String> {
    offshoot_api_types::span::parse(text)
        .ok_or_else(|| "write a time like 90 (seconds), 30m, 24h, 14d or 1h30m".to_owned())
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
