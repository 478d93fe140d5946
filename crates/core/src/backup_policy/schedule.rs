//! When a policy is due, and how long something is kept: calendar arithmetic in UTC.
//!
//! Moments are counted on a grid that never moves (days and weeks since 1970, months of the year),
//! not from the last run: so a late run does not shift those after it, and several missed ones are
//! one late one.

use super::PolicyChange;
use crate::refusal::Refusal;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Largest number of units of a frequency or retention.
const MAX_VALUE: i64 = 1000;

const MINUTES_OF_DAY: u16 = 24 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Hour,
    Day,
    Week,
    Month,
    /// Of retentions only.
    Year,
}

impl Unit {
    pub const ALL: [Unit; 5] = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];

    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a unit is hour, day, week, month or year")]
pub struct InvalidUnit;

impl FromStr for Unit {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        Unit::ALL
            .into_iter()
            .find(|u| u.as_str() == text)
            .ok_or(InvalidUnit)
    }
}

/// A frequency: every so many hours, days, weeks or months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    pub value: u16,
    pub unit: Unit,
}

impl Every {
    pub const fn new(value: u16, unit: Unit) -> Self {
        Self { value, unit }
    }

    /// `fields`: what a refusal calls value and unit.
    pub(super) fn checked(
        value: i64,
        unit: Unit,
        fields: (&'static str, &'static str),
    ) -> Result<Self, Refusal> {
        if unit == Unit::Year {
            return Err(Refusal::invalid(fields.1, "a frequency is not in years")
                .hint("write hour, day, week or month"));
        }
        let value = within(fields.0, value)?;
        Ok(Self { value, unit })
    }
}

/// A number and a unit are expected, such as `12 hours`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a number and a unit, such as 1 day or 12 hours")]
pub struct InvalidPeriod;

impl FromStr for Every {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let (value, unit) = period(text)?;
        Self::checked(value, unit, ("", "")).map_err(|_| InvalidPeriod)
    }
}

impl FromStr for Retention {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let (value, unit) = period(text)?;
        Self::checked(value, unit).map_err(|_| InvalidPeriod)
    }
}

fn period(text: &str) -> Result<(i64, Unit), InvalidPeriod> {
    let (value, unit) = text.trim().split_once(' ').ok_or(InvalidPeriod)?;
    let (value, unit) = (value.parse(), unit.trim());
    let unit = unit.strip_suffix('s').unwrap_or(unit).parse();
    Ok((
        value.map_err(|_| InvalidPeriod)?,
        unit.map_err(|_| InvalidPeriod)?,
    ))
}

/// `every day`, `every 12 hours`.
impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            1 => write!(f, "every {}", self.unit),
            n => write!(f, "every {n} {}s", self.unit),
        }
    }
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub value: u16,
    pub unit: Unit,
}

impl Retention {
    pub const fn new(value: u16, unit: Unit) -> Self {
        Self { value, unit }
    }

    pub fn checked(value: i64, unit: Unit) -> Result<Self, Refusal> {
        let value = within("retention_value", value)?;
        Ok(Self { value, unit })
    }

    pub(super) fn changed(self, change: &PolicyChange) -> Result<Self, Refusal> {
        Self::checked(
            change.retention_value.unwrap_or(i64::from(self.value)),
            change.retention_unit.unwrap_or(self.unit),
        )
    }

    /// When what was made at `from` has been kept long enough. A month after the 31st is the last
    /// day of the next one.
    pub fn end(self, from: Timestamp) -> Timestamp {
        let n = i64::from(self.value);
        let span = match self.unit {
            Unit::Hour => Span::new().hours(n),
            Unit::Day => Span::new().days(n),
            Unit::Week => Span::new().weeks(n),
            Unit::Month => Span::new().months(n),
            Unit::Year => Span::new().years(n),
        };
        from.to_zoned(TimeZone::UTC)
            .checked_add(span)
            .map_or(Timestamp::MAX, |end| end.timestamp())
    }
}

/// `2 days`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.value == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.value, self.unit)
    }
}

/// When a policy is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub every: Every,
    /// Minute of the day (UTC); of hourly schedules: from where the hours are counted.
    pub minute: u16,
    /// Day of the week, Sunday = 0. Weekly and monthly schedules; `None` = Sunday.
    pub day: Option<u8>,
    /// Which of that day in the month, the first = 0. Monthly schedules; `None` = the first.
    pub week: Option<u8>,
}

impl Schedule {
    /// The first moment later than `after`.
    pub fn next(&self, after: Timestamp) -> Timestamp {
        let value = i64::from(self.every.value.max(1));
        let start = i64::from(self.minute) * MINUTE;
        // Days from 1 January 1970, a Thursday, to the first such weekday.
        let weekday = (i64::from(self.day.unwrap_or(0)) + 3).rem_euclid(7);
        let next = match self.every.unit {
            Unit::Hour => grid(after, start, value * 60 * MINUTE),
            Unit::Day => grid(after, start, value * DAY),
            Unit::Week => grid(after, start + weekday * DAY, value * 7 * DAY),
            Unit::Month => self.next_month(after, value),
            Unit::Year => self.next_month(after, value * 12),
        };
        next.unwrap_or(Timestamp::MAX)
    }

    fn next_month(&self, after: Timestamp, step: i64) -> Option<Timestamp> {
        let date = after.to_zoned(TimeZone::UTC).date();
        let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        let first = month.div_euclid(step) * step;
        (0..=2)
            .filter_map(|k| self.in_month(first + k * step))
            .find(|at| *at > after)
    }

    /// Months are counted from the year 0.
    fn in_month(&self, month: i64) -> Option<Timestamp> {
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        let first = Date::new(year.try_into().ok()?, month.try_into().ok()?, 1).ok()?;
        let nth = i8::try_from(self.week.unwrap_or(0)).ok()? + 1;
        let day = i8::try_from(self.day.unwrap_or(0)).ok()?;
        let date = first
            .nth_weekday_of_month(nth, Weekday::from_sunday_zero_offset(day).ok()?)
            .ok()?;
        let zoned = date.to_datetime(self.time()).to_zoned(TimeZone::UTC).ok()?;
        Some(zoned.timestamp())
    }

    fn time(&self) -> Time {
        let minute = self.minute % MINUTES_OF_DAY;
        let part = |n: u16| i8::try_from(n).unwrap_or(0);
        Time::new(part(minute / 60), part(minute % 60), 0, 0).unwrap_or(Time::midnight())
    }

    /// `HH:MM`.
    pub fn time_text(&self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    pub(super) fn changed(self, change: &PolicyChange) -> Result<Self, Refusal> {
        let every = Every::checked(
            change
                .frequency_value
                .unwrap_or(i64::from(self.every.value)),
            change.frequency_unit.unwrap_or(self.every.unit),
            ("frequency_value", "frequency_unit"),
        )?;
        let minute = match &change.schedule_time {
            Some(text) => minute(text)?,
            None => self.minute,
        };
        let weekly = matches!(every.unit, Unit::Week | Unit::Month);
        let monthly = every.unit == Unit::Month;
        Ok(Self {
            every,
            minute,
            day: part("schedule_day", change.schedule_day, self.day, 6, weekly)?,
            week: part("schedule_week", change.schedule_week, self.week, 3, monthly)?,
        })
    }
}

/// `every day at 03:00`, `every 12 hours from 03:00`, `every month on the second Sunday at 03:00`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = [
            "Sunday",
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
        ];
        const NTH: [&str; 4] = ["first", "second", "third", "fourth"];
        let name = |list: &[&'static str], n: Option<u8>| {
            let n = usize::from(n.unwrap_or(0));
            list.get(n).copied().unwrap_or_default()
        };
        write!(f, "{}", self.every)?;
        match self.every.unit {
            Unit::Hour => return write!(f, " from {}", self.time_text()),
            Unit::Day => {}
            Unit::Week => write!(f, " on {}", name(&DAYS, self.day))?,
            Unit::Month | Unit::Year => {
                write!(
                    f,
                    " on the {} {}",
                    name(&NTH, self.week),
                    name(&DAYS, self.day)
                )?;
            }
        }
        write!(f, " at {}", self.time_text())
    }
}

const MINUTE: i64 = 60 * 1_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The first of `start`, `start + step`, … (microseconds since 1970) that is later.
fn grid(after: Timestamp, start: i64, step: i64) -> Option<Timestamp> {
    let passed = after.as_microsecond().checked_sub(start)?.div_euclid(step);
    let next = start.checked_add(passed.checked_add(1)?.checked_mul(step)?)?;
    Timestamp::from_microsecond(next).ok()
}

fn within(field: &'static str, value: i64) -> Result<u16, Refusal> {
    u16::try_from(value)
        .ok()
        .filter(|n| (1..=MAX_VALUE).contains(&i64::from(*n)))
        .ok_or_else(|| Refusal::invalid(field, format!("write a number from 1 to {MAX_VALUE}")))
}

/// Minute of the day of `HH:MM`.
pub fn minute(text: &str) -> Result<u16, Refusal> {
    let digits = |part: &str, below: u16| {
        let fits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|n: &u16| fits && *n < below)
    };
    text.split_once(':')
        .and_then(|(h, m)| Some(digits(h, 24)? * 60 + digits(m, 60)?))
        .ok_or_else(|| {
            Refusal::invalid("schedule_time", "a time of day is HH:MM, in UTC")
                .hint("write 03:00, for example")
        })
}

/// A day or week: refused where the frequency knows none, forgotten where it stems from another frequency.
fn part(
    field: &'static str,
    asked: Option<Option<i64>>,
    had: Option<u8>,
    most: u8,
    used: bool,
) -> Result<Option<u8>, Refusal> {
    let Some(asked) = asked else {
        return Ok(had.filter(|_| used));
    };
    let Some(n) = asked else { return Ok(None) };
    if !used {
        let units = if field == "schedule_day" {
            "weekly and monthly"
        } else {
            "monthly"
        };
        return Err(Refusal::invalid(
            field,
            format!("only {units} policies have it"),
        ));
    }
    match u8::try_from(n) {
        Ok(n) if n <= most => Ok(Some(n)),
        _ => Err(Refusal::invalid(
            field,
            format!("write a number from 0 to {most}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("{text}Z").parse().unwrap()
    }

    /// At 03:00.
    fn schedule(value: u16, unit: Unit, day: Option<u8>, week: Option<u8>) -> Schedule {
        Schedule {
            every: Every::new(value, unit),
            minute: 3 * 60,
            day,
            week,
        }
    }

    fn hours(n: u16) -> Schedule {
        schedule(n, Unit::Hour, None, None)
    }

    fn days(n: u16) -> Schedule {
        schedule(n, Unit::Day, None, None)
    }

    fn weeks(n: u16, day: impl Into<Option<u8>>) -> Schedule {
        schedule(n, Unit::Week, day.into(), None)
    }

    fn months(n: u16, day: impl Into<Option<u8>>, week: impl Into<Option<u8>>) -> Schedule {
        schedule(n, Unit::Month, day.into(), week.into())
    }

    #[test]
    fn runs_come_on_a_grid_that_does_not_move() {
        for (schedule, after, expected) in [
            // The same moment is not later than itself; one microsecond before is.
            (days(1), "2026-05-04 03:00", "2026-05-05 03:00"),
            (days(1), "2026-05-04 02:59:59.999999", "2026-05-04 03:00"),
            (days(1), "2026-12-31 03:00", "2027-01-01 03:00"),
            (days(1), "2028-02-28 03:00", "2028-02-29 03:00"),
            (days(3), "2026-05-04 03:00", "2026-05-07 03:00"),
            (days(3), "2026-05-05 00:00", "2026-05-07 03:00"),
            (hours(12), "2026-05-04 10:00", "2026-05-04 15:00"),
            (hours(12), "2026-05-04 15:00", "2026-05-05 03:00"),
            (hours(1), "2026-05-04 10:00:00.000001", "2026-05-04 11:00"),
            // Sunday is the day where nobody says.
            (weeks(1, None), "2026-05-04 12:00", "2026-05-10 03:00"),
            (weeks(1, 1), "2026-05-04 02:00", "2026-05-04 03:00"),
            (weeks(1, 1), "2026-05-04 03:00", "2026-05-11 03:00"),
            (weeks(1, 6), "2026-12-31 00:00", "2027-01-02 03:00"),
            (weeks(2, 4), "1970-01-01 03:00", "1970-01-15 03:00"),
            (months(1, 0, 0), "2026-05-03 03:00", "2026-06-07 03:00"),
            (months(1, 5, 3), "2026-02-01 00:00", "2026-02-27 03:00"),
            (months(1, 5, 3), "2026-02-27 03:00", "2026-03-27 03:00"),
            (months(1, 0, 0), "2026-12-31 23:59:59", "2027-01-03 03:00"),
            (months(1, 2, 3), "2028-02-22 03:00", "2028-03-28 03:00"),
            (months(3, 0, 0), "2026-01-31 00:00", "2026-04-05 03:00"),
            (months(12, 0, 0), "2026-01-04 03:00", "2027-01-03 03:00"),
            // Long missed: one run, and the next one after it.
            (days(1), "2031-05-04 12:00", "2031-05-05 03:00"),
        ] {
            let next = schedule.next(at(after));
            assert_eq!(next, at(expected), "{schedule} after {after}");
        }
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        for unit in Unit::ALL {
            let next = schedule(1000, unit, None, None).next(Timestamp::MAX);
            let end = Retention::new(1000, unit).end(Timestamp::MAX);
            assert_eq!((next, end), (Timestamp::MAX, Timestamp::MAX));
        }
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        for (value, unit, from, expected) in [
            (36, Unit::Hour, "2026-01-31 03:00", "2026-02-01 15:00"),
            (2, Unit::Day, "2026-02-27 03:00", "2026-03-01 03:00"),
            (2, Unit::Week, "2026-12-25 03:00", "2027-01-08 03:00"),
            (1, Unit::Month, "2026-01-31 03:00", "2026-02-28 03:00"),
            (1, Unit::Month, "2028-01-31 03:00", "2028-02-29 03:00"),
            (13, Unit::Month, "2026-12-31 03:00", "2028-01-31 03:00"),
            (1, Unit::Year, "2028-02-29 03:00", "2029-02-28 03:00"),
        ] {
            let retention = Retention::new(value, unit);
            assert_eq!(retention.end(at(from)), at(expected), "{retention}");
        }
    }

    #[test]
    fn schedules_read_like_sentences() {
        for (schedule, text) in [
            (days(1), "every day at 03:00"),
            (hours(12), "every 12 hours from 03:00"),
            (weeks(1, 1), "every week on Monday at 03:00"),
            (
                months(2, None, 3),
                "every 2 months on the fourth Sunday at 03:00",
            ),
        ] {
            assert_eq!(schedule.to_string(), text);
        }
        assert_eq!(Retention::new(1, Unit::Year).to_string(), "1 year");
        assert_eq!(Retention::new(2, Unit::Day).to_string(), "2 days");
    }

    #[test]
    fn periods_are_a_number_and_a_unit() {
        assert_eq!("12 hours".parse(), Ok(Every::new(12, Unit::Hour)));
        assert_eq!("1 day".parse(), Ok(Retention::new(1, Unit::Day)));
        assert_eq!("2 years".parse(), Ok(Retention::new(2, Unit::Year)));
        for bad in [
            "",
            "day",
            "1",
            "1d",
            "0 days",
            "1001 days",
            "-1 day",
            "1 year",
            "1 century",
        ] {
            assert_eq!(bad.parse::<Every>(), Err(InvalidPeriod), "{bad}");
        }
    }

    #[test]
    fn a_time_of_day_has_four_digits() {
        assert_eq!(minute("00:00").unwrap(), 0);
        assert_eq!(minute("23:59").unwrap(), 1439);
        for bad in [
            "", "3:00", "03:0", "24:00", "03:60", "+3:00", "03:00:00", "0300",
        ] {
            assert!(minute(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_and_weeks_go_with_the_frequency_that_knows_them() {
        let change = PolicyChange {
            frequency_unit: Some(Unit::Day),
            ..PolicyChange::default()
        };
        let daily = months(1, 2, 1).changed(&change).unwrap();
        assert_eq!((daily.day, daily.week), (None, None));
    }
}
