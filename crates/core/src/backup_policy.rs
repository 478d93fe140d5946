//! Backup policies: which branches of a database are backed up when, how long the backups stay, and
//! how often the newest one is restored to see that it can be.

mod schedule;

pub use schedule::{Every, Retention, Schedule, Unit, minute};

use crate::id::{BackupPolicyId, DatabaseId};
use crate::refusal::Refusal;
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// Longest name of a policy, in characters.
pub const MAX_NAME: usize = 100;

/// Which branches a policy backs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Production,
    Development,
}

impl Target {
    pub const ALL: [Target; 2] = [Target::Production, Target::Development];

    pub fn as_str(self) -> &'static str {
        match self {
            Target::Production => "production",
            Target::Development => "development",
        }
    }

    /// Whether it means production branches.
    pub fn production(self) -> bool {
        self == Target::Production
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a target is production or development")]
pub struct InvalidTarget;

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        Target::ALL
            .into_iter()
            .find(|t| t.as_str() == text)
            .ok_or(InvalidTarget)
    }
}

/// A policy as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPolicy {
    pub id: BackupPolicyId,
    pub database_id: DatabaseId,
    pub name: String,
    pub target: Target,
    pub schedule: Schedule,
    pub retention: Retention,
    /// How often the newest backup is restored and compared; `None` = never.
    pub drill: Option<Every>,
    /// The one that every database has: it cannot be deleted.
    pub required: bool,
    pub last_ran_at: Option<Timestamp>,
    pub next_run_at: Timestamp,
    pub last_drilled_at: Option<Timestamp>,
    /// `None` where no drills are wanted.
    pub next_drill_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a policy is to be; `None` = as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyChange {
    pub name: Option<String>,
    pub target: Option<Target>,
    pub frequency_value: Option<i64>,
    pub frequency_unit: Option<Unit>,
    /// `HH:MM`, UTC.
    pub schedule_time: Option<String>,
    /// Sunday = 0; `Some(None)` = where nobody says.
    pub schedule_day: Option<Option<i64>>,
    /// First week = 0; `Some(None)` = where nobody says.
    pub schedule_week: Option<Option<i64>>,
    pub retention_value: Option<i64>,
    pub retention_unit: Option<Unit>,
    pub drill_value: Option<i64>,
    /// `Some(None)` = no drills.
    pub drill_unit: Option<Option<Unit>>,
}

impl BackupPolicy {
    /// When it is due next, later than `after`.
    pub fn next_run(&self, after: Timestamp) -> Timestamp {
        self.schedule.next(after)
    }

    /// When its next drill is due, later than `after`: at the time of day of its backups.
    pub fn next_drill(&self, after: Timestamp) -> Option<Timestamp> {
        let every = self.drill?;
        Some(
            Schedule {
                every,
                ..self.schedule
            }
            .next(after),
        )
    }

    /// The policy that `change` makes of it. What is due stays due, unless the schedule changes:
    /// then it is counted from `now`.
    pub fn changed(mut self, change: &PolicyChange, now: Timestamp) -> Result<Self, Refusal> {
        let (schedule, drill) = (self.schedule, self.drill);
        if let Some(name) = &change.name {
            name.trim().clone_into(&mut self.name);
        }
        if let Some(target) = change.target {
            if self.required && target != self.target {
                return Err(Refusal::invalid(
                    "target",
                    format!("the required policy is for {} branches", self.target),
                )
                .hint("make another policy for the others"));
            }
            self.target = target;
        }
        self.schedule = schedule.changed(change)?;
        self.retention = self.retention.changed(change)?;
        self.drill = changed_drill(drill, change)?;
        if self.name.is_empty() {
            self.name = self.schedule.to_string();
        }
        if self.name.chars().count() > MAX_NAME || self.name.chars().any(char::is_control) {
            return Err(Refusal::invalid(
                "name",
                format!("a policy's name has at most {MAX_NAME} characters"),
            ));
        }
        if self.schedule != schedule {
            self.next_run_at = self.next_run(now);
        }
        if self.schedule != schedule || self.drill != drill {
            self.next_drill_at = self.next_drill(now);
        }
        self.updated_at = now;
        Ok(self)
    }

    /// It may be deleted.
    pub fn deletable(&self) -> Result<(), Refusal> {
        if self.required {
            return Err(Refusal::unprocessable(format!(
                "policy \"{}\" is the one that every database has",
                self.name
            ))
            .hint("change its frequency, time or retention instead"));
        }
        Ok(())
    }
}

fn changed_drill(drill: Option<Every>, change: &PolicyChange) -> Result<Option<Every>, Refusal> {
    let unit = match change.drill_unit {
        Some(None) => return Ok(None),
        Some(Some(unit)) => Some(unit),
        None => drill.map(|d| d.unit),
    };
    let value = change.drill_value.or(drill.map(|d| i64::from(d.value)));
    match (value, unit) {
        (None, None) => Ok(None),
        (value, Some(unit)) => {
            let fields = ("drill_frequency_value", "drill_frequency_unit");
            Every::checked(value.unwrap_or(1), unit, fields).map(Some)
        }
        (Some(_), None) => Err(Refusal::invalid(
            "drill_frequency_unit",
            "a frequency of drills needs a unit",
        )
        .hint("write hour, day, week or month")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn policy() -> BackupPolicy {
        BackupPolicy {
            id: "pppppppppppp".parse().unwrap(),
            database_id: "dddddddddddd".parse().unwrap(),
            name: "nightly".to_owned(),
            target: Target::Production,
            schedule: Schedule {
                every: Every::new(1, Unit::Day),
                minute: 3 * 60,
                day: None,
                week: None,
            },
            retention: Retention::new(2, Unit::Day),
            drill: Some(Every::new(1, Unit::Week)),
            required: false,
            last_ran_at: None,
            next_run_at: at("2026-05-01T03:00:00Z"),
            last_drilled_at: None,
            next_drill_at: Some(at("2026-05-03T03:00:00Z")),
            created_at: at("2026-01-01T00:00:00Z"),
            updated_at: at("2026-01-01T00:00:00Z"),
        }
    }

    fn change(set: impl FnOnce(&mut PolicyChange)) -> PolicyChange {
        let mut change = PolicyChange::default();
        set(&mut change);
        change
    }

    #[test]
    fn what_is_due_stays_due_unless_the_schedule_changes() {
        let now = at("2026-05-04T12:00:00Z");
        let after = |set: fn(&mut PolicyChange)| policy().changed(&change(set), now).unwrap();
        let kept = after(|c| c.retention_value = Some(9));
        assert_eq!(kept.next_run_at, policy().next_run_at);
        assert_eq!(kept.next_drill_at, policy().next_drill_at);
        assert_eq!(kept.retention, Retention::new(9, Unit::Day));
        assert_eq!(kept.updated_at, now);
        let moved = after(|c| c.schedule_time = Some("11:30".to_owned()));
        assert_eq!(moved.next_run_at, at("2026-05-05T11:30:00Z"));
        assert_eq!(moved.next_drill_at, Some(at("2026-05-10T11:30:00Z")));
        let quiet = after(|c| c.drill_unit = Some(None));
        assert_eq!((quiet.drill, quiet.next_drill_at), (None, None));
        assert_eq!(quiet.next_run_at, policy().next_run_at);
        let named = after(|c| c.name = Some("  ".to_owned()));
        assert_eq!(named.name, "every day at 03:00");
    }

    #[test]
    fn refusals_name_the_field() {
        type Set = fn(&mut PolicyChange);
        let table: [(&str, Set); 10] = [
            ("name", |c| c.name = Some("x".repeat(MAX_NAME + 1))),
            ("target", |c| c.target = Some(Target::Development)),
            ("frequency_value", |c| c.frequency_value = Some(0)),
            ("frequency_unit", |c| c.frequency_unit = Some(Unit::Year)),
            ("schedule_time", |c| {
                c.schedule_time = Some("24:00".to_owned())
            }),
            ("schedule_day", |c| c.schedule_day = Some(Some(0))),
            ("schedule_week", |c| c.schedule_week = Some(Some(0))),
            ("retention_value", |c| c.retention_value = Some(1001)),
            ("drill_frequency_value", |c| c.drill_value = Some(-1)),
            ("drill_frequency_unit", |c| {
                c.drill_unit = Some(Some(Unit::Year))
            }),
        ];
        let mut required = policy();
        required.required = true;
        for (field, set) in table {
            let refused = required
                .clone()
                .changed(&change(set), Timestamp::UNIX_EPOCH);
            assert_eq!(refused.unwrap_err().field, Some(field));
        }
        for (field, set) in [
            ("schedule_day", (|c| c.schedule_day = Some(Some(7))) as Set),
            ("schedule_week", |c| c.schedule_week = Some(Some(4))),
        ] {
            let mut change = change(set);
            change.frequency_unit = Some(Unit::Month);
            let refused = policy().changed(&change, Timestamp::UNIX_EPOCH);
            assert_eq!(refused.unwrap_err().field, Some(field));
        }
    }

    #[test]
    fn the_required_policy_stays() {
        let mut policy = policy();
        assert!(policy.deletable().is_ok());
        policy.required = true;
        assert!(policy.deletable().unwrap_err().hint.is_some());
    }
}
