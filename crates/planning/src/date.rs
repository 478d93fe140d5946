//! Moments and days, in the ways in which tools write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

/// What a tool writes where something begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    At(Timestamp),
    /// A whole day, of the integration's time zone.
    On(Date),
}

impl Moment {
    /// Reads a date, a time with or without a zone, or a number of milliseconds since 1970 (seconds where
    /// it is too small for those). Also numbers in quotes.
    pub(crate) fn read(value: &Value, zone: &TimeZone) -> Option<Self> {
        match value {
            Value::String(text) => Self::of_text(text.trim(), zone),
            Value::Number(number) => {
                let number = number
                    .as_i64()
                    .or_else(|| number.as_f64().map(|f| f as i64))?;
                epoch(number).map(Moment::At)
            }
            _ => None,
        }
    }

    pub(crate) fn of_text(text: &str, zone: &TimeZone) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        if let Ok(number) = text.parse::<i64>() {
            return epoch(number).map(Moment::At);
        }
        // GitLab's webhooks: `2026-03-02 09:00:00 UTC`.
        let iso = text
            .strip_suffix(" UTC")
            .map(|time| format!("{}Z", time.replacen(' ', "T", 1)));
        let text = iso.as_deref().unwrap_or(text);
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(Moment::At(at));
        }
        // With a time but no zone; a date alone would pass for midnight.
        if text.len() > "2026-03-02".len() {
            let time = text.parse::<DateTime>().ok()?;
            return at(zone, time).map(Moment::At);
        }
        text.parse::<Date>().ok().map(Moment::On)
    }

    /// By a format of strftime, as `%d.%m.%Y`.
    pub(crate) fn formatted(text: &str, format: &str, zone: &TimeZone) -> Option<Self> {
        let broken = jiff::fmt::strtime::parse(format, text.trim()).ok()?;
        if let Ok(at) = broken.to_timestamp() {
            return Some(Moment::At(at));
        }
        let date = broken.to_date().ok()?;
        match broken.to_time() {
            Ok(time) if broken.hour().is_some() => at(zone, date.to_datetime(time)).map(Moment::At),
            _ => Some(Moment::On(date)),
        }
    }

    /// When something begins that begins then: a day at its midnight.
    pub(crate) fn start(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Moment::At(at) => Some(at),
            Moment::On(date) => at(zone, date.to_datetime(jiff::civil::Time::midnight())),
        }
    }

    /// When something is over that ends then: a last day at the midnight after it.
    pub(crate) fn end(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Moment::At(at) => Some(at),
            Moment::On(date) => Moment::On(date.tomorrow().ok()?).start(zone),
        }
    }
}

/// The first moment of the day that is `days` before the day whose end is `end`, in days of the zone:
/// when an iteration of so many days began.
pub(crate) fn days_before(end: Timestamp, days: i64, zone: &TimeZone) -> Option<Timestamp> {
    let end = end.to_zoned(zone.clone());
    let span = days.checked_neg()?;
    Some(end.checked_add(span.days()).ok()?.timestamp())
}

/// A local time that a change of clocks leaves out or repeats is taken as jiff's `compatible` has it.
fn at(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    Some(zone.to_zoned(time).ok()?.timestamp())
}

fn epoch(number: i64) -> Option<Timestamp> {
    // 1e11 s is the year 5138, 1e11 ms the year 1973.
    match number.unsigned_abs() < 100_000_000_000 {
        true => Timestamp::from_second(number).ok(),
        false => Timestamp::from_millisecond(number).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tools_write_moments_in_many_ways() {
        let berlin = crate::settings::zone("Europe/Berlin").unwrap();
        let at = |text: &str| Some(Moment::At(text.parse().unwrap()));
        let day = |text: &str| Some(Moment::On(text.parse().unwrap()));
        let table = [
            (json!("2026-03-02T09:00:00Z"), at("2026-03-02T09:00:00Z")),
            (
                json!("2026-03-02T09:00:00.123Z"),
                at("2026-03-02T09:00:00.123Z"),
            ),
            (
                json!("2026-03-02T09:00:00.000+0100"),
                at("2026-03-02T08:00:00Z"),
            ),
            (
                json!("2026-03-02T09:00:00+01:00"),
                at("2026-03-02T08:00:00Z"),
            ),
            (json!("2026-03-02 09:00:00 UTC"), at("2026-03-02T09:00:00Z")),
            (json!("2026-03-02T09:00:00"), at("2026-03-02T08:00:00Z")),
            (json!("2026-07-02 09:00"), at("2026-07-02T07:00:00Z")),
            (json!("2026-03-02"), day("2026-03-02")),
            (json!(1_772_442_000_000_i64), at("2026-03-02T09:00:00Z")),
            (json!("1772442000000"), at("2026-03-02T09:00:00Z")),
            (json!(1_772_442_000), at("2026-03-02T09:00:00Z")),
            (json!("next week"), None),
            (json!("2026-02-30"), None),
            (json!(""), None),
            (json!(null), None),
            (json!({}), None),
        ];
        for (value, expected) in table {
            assert_eq!(Moment::read(&value, &berlin), expected, "{value}");
        }
    }

    #[test]
    fn formats_are_the_users_own() {
        let zone = crate::settings::zone("America/New_York").unwrap();
        let read = |text, format| Moment::formatted(text, format, &zone);
        assert_eq!(
            read("02.03.2026", "%d.%m.%Y"),
            Some(Moment::On("2026-03-02".parse().unwrap()))
        );
        assert_eq!(
            read("3/2/2026 09:30", "%m/%d/%Y %H:%M"),
            Some(Moment::At("2026-03-02T14:30:00Z".parse().unwrap()))
        );
        assert_eq!(read("2 March", "%d.%m.%Y"), None);
    }

    #[test]
    fn days_begin_and_end_at_midnight_of_the_zone() {
        let zone = crate::settings::zone("Europe/Berlin").unwrap();
        // The clocks change in the night to 29 March.
        let day = Moment::On("2026-03-29".parse().unwrap());
        assert_eq!(
            day.start(&zone).unwrap().to_string(),
            "2026-03-28T23:00:00Z"
        );
        assert_eq!(day.end(&zone).unwrap().to_string(), "2026-03-29T22:00:00Z");
        let start = days_before(day.end(&zone).unwrap(), 14, &zone).unwrap();
        assert_eq!(start.to_string(), "2026-03-15T23:00:00Z");
    }
}
