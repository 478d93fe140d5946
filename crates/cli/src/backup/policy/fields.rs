//! The flags that a policy is made and changed with.

use clap::Args;
use offshoot_api_types::BackupPolicyFields;

const UNITS: [&str; 4] = ["hour", "day", "week", "month"];
const DAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

#[derive(Debug, Args)]
pub(super) struct Fields {
    /// Name of the policy [default: what it does]
    #[arg(long, value_name = "NAME", group = "change")]
    name: Option<String>,
    /// Which branches it backs up
    #[arg(long, value_parser = ["production", "development"], group = "change")]
    target: Option<String>,
    /// How many units from one backup to the next
    #[arg(long, value_name = "N", group = "change")]
    frequency_value: Option<i64>,
    /// Unit of the frequency
    #[arg(long, value_name = "UNIT", value_parser = UNITS, group = "change")]
    frequency_unit: Option<String>,
    /// Time of day in UTC, such as 03:00
    #[arg(long, value_name = "HH:MM", group = "change")]
    schedule_time: Option<String>,
    /// Day of the week of weekly and monthly policies: sunday (0) to saturday (6)
    #[arg(long, value_name = "DAY", value_parser = day, group = "change")]
    schedule_day: Option<i64>,
    /// Which of these days of the month, of monthly policies: 0 (the first) to 3
    #[arg(long, value_name = "N", group = "change")]
    schedule_week: Option<i64>,
    /// How many units its backups are kept
    #[arg(long, value_name = "N", group = "change")]
    retention_value: Option<i64>,
    /// Unit of the retention
    #[arg(long, value_name = "UNIT", value_parser = ["hour", "day", "week", "month", "year"], group = "change")]
    retention_unit: Option<String>,
    /// How many units from one restore drill to the next
    #[arg(long, value_name = "N", group = "change")]
    drill_frequency_value: Option<i64>,
    /// Unit of the drills' frequency
    #[arg(long, value_name = "UNIT", value_parser = UNITS, group = "change")]
    drill_frequency_unit: Option<String>,
    /// Make no restore drills
    #[arg(long, group = "change", conflicts_with_all = ["drill_frequency_value", "drill_frequency_unit"])]
    no_drills: bool,
}

impl Fields {
    pub(super) fn body(self) -> BackupPolicyFields {
        let drills = match self.drill_frequency_unit {
            Some(unit) => Some(Some(unit)),
            None => self.no_drills.then_some(None),
        };
        BackupPolicyFields {
            name: self.name,
            target: self.target,
            retention_value: self.retention_value,
            retention_unit: self.retention_unit,
            frequency_value: self.frequency_value,
            frequency_unit: self.frequency_unit,
            schedule_time: self.schedule_time,
            schedule_day: self.schedule_day.map(Some),
            schedule_week: self.schedule_week.map(Some),
            drill_frequency_value: self.drill_frequency_value,
            drill_frequency_unit: drills,
        }
    }
}

/// A day's name, or its number.
fn day(text: &str) -> Result<i64, String> {
    let text = text.to_ascii_lowercase();
    (0..)
        .zip(DAYS)
        .find(|(n, name)| *name == text || text == n.to_string())
        .map(|(n, _)| n)
        .ok_or_else(|| "write a day such as sunday, or its number from 0 (Sunday) to 6".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names_and_numbers() {
        assert_eq!(day("Sunday"), Ok(0));
        assert_eq!(day("saturday"), Ok(6));
        assert_eq!(day("3"), Ok(3));
        for bad in ["", "7", "-1", "sun"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }
}
