//! Backups of branches: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod export;
pub(crate) mod list;
pub(crate) mod show;
pub(crate) mod update;

use offshoot_core::Refusal;
use offshoot_core::backup_policy::{Retention, Unit};

/// `None`: it stays until it is deleted.
fn retention(value: Option<i64>, unit: Option<&str>) -> Result<Option<Retention>, Refusal> {
    if value.is_none() && unit.is_none() {
        return Ok(None);
    }
    let unit = match unit {
        Some(text) => text.parse().map_err(|_| {
            Refusal::invalid("retention_unit", "there is no such unit of time")
                .hint("use hour, day, week, month or year")
        })?,
        None => Unit::Day,
    };
    Retention::checked(value.unwrap_or(1), unit).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_refused_by_its_field() {
        assert_eq!(retention(None, None).unwrap(), None);
        let read = |value, unit| retention(value, unit).unwrap().unwrap().to_string();
        assert_eq!(read(Some(7), None), "7 days");
        assert_eq!(read(None, Some("year")), "1 year");
        let field = |value, unit| retention(value, unit).unwrap_err().field;
        assert_eq!(field(Some(0), None), Some("retention_value"));
        assert_eq!(field(Some(1), Some("ages")), Some("retention_unit"));
    }
}
