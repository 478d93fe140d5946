//! Backup policies: which branches are backed up when, and for how long.

use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which branches a policy backs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyTarget {
    Production,
    Development,
}

impl PolicyTarget {
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyTarget::Production => "production",
            PolicyTarget::Development => "development",
        }
    }
}

impl From<offshoot_core::backup_policy::Target> for PolicyTarget {
    fn from(target: offshoot_core::backup_policy::Target) -> Self {
        match target {
            offshoot_core::backup_policy::Target::Production => Self::Production,
            offshoot_core::backup_policy::Target::Development => Self::Development,
        }
    }
}

/// `year` is of retentions only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyUnit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl PolicyUnit {
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyUnit::Hour => "hour",
            PolicyUnit::Day => "day",
            PolicyUnit::Week => "week",
            PolicyUnit::Month => "month",
            PolicyUnit::Year => "year",
        }
    }
}

impl From<offshoot_core::backup_policy::Unit> for PolicyUnit {
    fn from(unit: offshoot_core::backup_policy::Unit) -> Self {
        use offshoot_core::backup_policy::Unit as Core;
        match unit {
            Core::Hour => Self::Hour,
            Core::Day => Self::Day,
            Core::Week => Self::Week,
            Core::Month => Self::Month,
            Core::Year => Self::Year,
        }
    }
}

/// A backup policy. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupPolicy {
    pub id: String,
    pub display_name: String,
    pub name: String,
    pub target: PolicyTarget,
    pub retention_value: i64,
    pub retention_unit: PolicyUnit,
    pub frequency_value: i64,
    pub frequency_unit: PolicyUnit,
    /// `HH:MM`; of hourly policies: from where the hours are counted.
    pub schedule_time: String,
    /// Day of the week, Sunday = 0, of weekly and monthly policies; `null` = Sunday.
    pub schedule_day: Option<i64>,
    /// Which of that day in the month, the first = 0, of monthly policies; `null` = the first.
    pub schedule_week: Option<i64>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_ran_at: Option<Timestamp>,
    pub next_run_at: Option<Timestamp>,
    /// Every database has it; it cannot be deleted.
    pub required: bool,

    // Additions of Offshoot.
    /// How often the newest backup of each branch is restored aside and compared; `null` = never.
    #[serde(default)]
    pub drill_frequency_value: Option<i64>,
    #[serde(default)]
    pub drill_frequency_unit: Option<PolicyUnit>,
    #[serde(default)]
    pub last_drilled_at: Option<Timestamp>,
    #[serde(default)]
    pub next_drill_at: Option<Timestamp>,
}

/// What makes or changes a policy. Absent fields stay; in a new policy they are as in the one that
/// every database has, without drills.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct BackupPolicyFields {
    /// Absent or blank in a new policy = what it does, such as `every day at 03:00`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `production` or `development`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub target: Option<String>,
    /// 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_value: Option<i64>,
    /// `hour`, `day`, `week`, `month` or `year`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub retention_unit: Option<String>,
    /// 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_value: Option<i64>,
    /// `hour`, `day`, `week` or `month`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub frequency_unit: Option<String>,
    /// `HH:MM`, UTC.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub schedule_time: Option<String>,
    /// 0 (Sunday) to 6, of weekly and monthly policies.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub schedule_day: Option<Option<i64>>,
    /// 0 (the first such day of the month) to 3, of monthly policies.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub schedule_week: Option<Option<i64>>,

    // Additions of Offshoot.
    /// 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill_frequency_value: Option<i64>,
    /// `hour`, `day`, `week` or `month`; `null` = no drills.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub drill_frequency_unit: Option<Option<String>>,
}
