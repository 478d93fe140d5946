//! Backup policies.

use offshoot_api_types::BackupPolicy;
use offshoot_core::backup_policy::BackupPolicy as Policy;

pub(crate) fn backup_policy(policy: Policy) -> BackupPolicy {
    let (schedule, retention) = (policy.schedule, policy.retention);
    BackupPolicy {
        id: policy.id.to_string(),
        display_name: policy.name.clone(),
        name: policy.name,
        target: policy.target.into(),
        retention_value: retention.value.into(),
        retention_unit: retention.unit.into(),
        frequency_value: schedule.every.value.into(),
        frequency_unit: schedule.every.unit.into(),
        schedule_time: schedule.time_text(),
        schedule_day: schedule.day.map(i64::from),
        schedule_week: schedule.week.map(i64::from),
        created_at: policy.created_at,
        updated_at: policy.updated_at,
        last_ran_at: policy.last_ran_at,
        next_run_at: Some(policy.next_run_at),
        required: policy.required,
        drill_frequency_value: policy.drill.map(|d| d.value.into()),
        drill_frequency_unit: policy.drill.map(|d| d.unit.into()),
        last_drilled_at: policy.last_drilled_at,
        next_drill_at: policy.next_drill_at,
    }
}
