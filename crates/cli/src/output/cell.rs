//! One value of a table.

use jiff::Timestamp;

pub(crate) enum Cell {
    Text(String),
    Flag(bool),
    Time(Option<Timestamp>),
    Number(i64),
    Bytes(i64),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// For people: times relative to now, and nothing that could steer their terminal.
    pub(crate) fn human(&self, now: Timestamp) -> String {
        match self {
            Cell::Text(text) => plain(text),
            Cell::Flag(true) => "Yes".into(),
            Cell::Flag(false) => "No".into(),
            Cell::Time(None) => String::new(),
            Cell::Time(Some(time)) => relative(*time, now),
            Cell::Number(n) => n.to_string(),
            Cell::Bytes(n) => bytes(*n),
        }
    }

    /// For programs.
    pub(crate) fn exact(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Time(time) => time.map(|t| t.to_string()).unwrap_or_default(),
            Cell::Number(n) | Cell::Bytes(n) => n.to_string(),
        }
    }
}

/// Control characters (but line ends and tabs) become visible and harmless.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// A size for people: `1.2 GiB`.
pub(crate) fn bytes(n: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    /// Tenths of a unit.
    const TENTH: i64 = 10;
    let mut scaled = (n.max(0).saturating_mul(TENTH), "B");
    for unit in UNITS {
        if scaled.0 < 1024 * TENTH {
            break;
        }
        scaled = (scaled.0 / 1024, unit);
    }
    match scaled {
        (tenths, "B") => format!("{} B", tenths / TENTH),
        (tenths, unit) => format!("{}.{} {unit}", tenths / TENTH, tenths % TENTH),
    }
}

fn relative(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - time.as_second();
    let span = |n: i64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    let distance = match seconds.abs() {
        0..=1 => return "now".into(),
        n @ 2..=59 => span(n, "second"),
        n @ 60..=3_599 => span(n / 60, "minute"),
        n @ 3_600..=86_399 => span(n / 3_600, "hour"),
        n => span(n / 86_400, "day"),
    };
    if seconds < 0 {
        format!("in {distance}")
    } else {
        format!("{distance} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_for_people_and_exact_for_programs() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |text: &str| Cell::Time(Some(text.parse().unwrap()));
        for (time, said) in [
            ("2026-11-23T12:00:00Z", "now"),
            ("2026-11-23T11:59:15Z", "45 seconds ago"),
            ("2026-11-23T11:59:00Z", "1 minute ago"),
            ("2026-11-23T15:30:00Z", "in 3 hours"),
            ("2026-11-20T12:00:00Z", "3 days ago"),
        ] {
            assert_eq!(at(time).human(now), said);
            assert_eq!(at(time).exact(), time);
        }
    }

    #[test]
    fn sizes_are_short_for_people_and_exact_for_programs() {
        for (n, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1 << 30, "1.0 GiB"),
            (5 << 42, "20.0 TiB"),
        ] {
            assert_eq!(Cell::Bytes(n).human(Timestamp::UNIX_EPOCH), said);
            assert_eq!(Cell::Bytes(n).exact(), n.to_string());
        }
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let cell = Cell::text("a\u{1b}[31mred\u{7}");
        let now = Timestamp::UNIX_EPOCH;
        assert!(!cell.human(now).contains(['\u{1b}', '\u{7}']));
    }
}
