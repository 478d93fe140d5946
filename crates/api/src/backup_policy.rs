//! Backup policies of databases: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod update;

use crate::request::blank;
use offshoot_api_types::BackupPolicyFields;
use offshoot_core::Refusal;
use offshoot_core::backup_policy::{PolicyChange, Unit};

fn parse(body: BackupPolicyFields) -> Result<PolicyChange, Refusal> {
    let target = body.target.map(|text| {
        text.parse()
            .map_err(|_| Refusal::invalid("target", format!("{text:?} is not a target")))
            .map_err(|r| r.hint("use production or development"))
    });
    let drill_unit = body.drill_frequency_unit.map(|unit| {
        let unit = blank(unit);
        unit.map(|u| self::unit("drill_frequency_unit", &u))
            .transpose()
    });
    let unit = |field, text: Option<String>| text.map(|t| self::unit(field, &t)).transpose();
    Ok(PolicyChange {
        name: body.name,
        target: target.transpose()?,
        frequency_value: body.frequency_value,
        frequency_unit: unit("frequency_unit", body.frequency_unit)?,
        schedule_time: body.schedule_time,
        schedule_day: body.schedule_day,
        schedule_week: body.schedule_week,
        retention_value: body.retention_value,
        retention_unit: unit("retention_unit", body.retention_unit)?,
        drill_value: body.drill_frequency_value,
        drill_unit: drill_unit.transpose()?,
    })
}

fn unit(field: &'static str, text: &str) -> Result<Unit, Refusal> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        Refusal::invalid(field, format!("{shown:?} is not a unit of time"))
            .hint("use hour, day, week or month; for a retention year, too")
    })
}
