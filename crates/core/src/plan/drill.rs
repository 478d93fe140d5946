//! Whether a backup may be drilled, and what a drill says about it.

use crate::backup::{Backup, BackupState, Examined};
use crate::drill::{DrillState, Outcome};
use crate::refusal::{Refusal, code};
use std::time::Duration;

/// What the drill of a backup compares with. `under_way`: another drill of it is.
pub fn plan_drill(backup: &Backup, under_way: bool) -> Result<Examined, Refusal> {
    let good = backup.state == BackupState::Success;
    let Some(expected) = backup.examined.as_ref().filter(|_| good) else {
        let why = match &backup.failure {
            Some(failure) => format!("it failed: {failure}"),
            None => format!("it is {}", backup.state),
        };
        return Err(Refusal::unprocessable(format!(
            "backup {} cannot be drilled: {why}",
            backup.id
        ))
        .code(code::NO_BACKUP)
        .hint("choose one whose state is success"));
    };
    if under_way {
        return Err(
            Refusal::conflict(format!("a drill of backup {} is under way", backup.id))
                .hint("wait until it is over: offshoot backup drills"),
        );
    }
    Ok(expected.clone())
}

/// Compares what was restored with what was backed up.
pub fn compare(
    expected: &Examined,
    found: Examined,
    restored_in: Duration,
) -> (DrillState, Outcome) {
    let mut differences = Vec::new();
    let mut differ = |what: &str, now: u64, then: u64| {
        if now != then {
            differences.push(format!("{now} {what}, {then} when it was backed up"));
        }
    };
    differ("tables", found.tables, expected.tables);
    differ("rows", found.rows, expected.rows);
    if differences.is_empty() && found.digest != expected.digest {
        differences.push(
            "the tables' checksums are not those of when it was backed up, with as many tables and rows"
                .to_owned(),
        );
    }
    let failure = (!differences.is_empty()).then(|| {
        format!(
            "what was restored is not what was backed up: {}",
            differences.join("; ")
        )
    });
    let state = match failure {
        Some(_) => DrillState::Failed,
        None => DrillState::Success,
    };
    let outcome = Outcome {
        found: Some(found),
        differences,
        failure,
        restored_in: Some(restored_in),
    };
    (state, outcome)
}

/// What it says about a backup that its drill ended with this code. `copied`: its image had been
/// copied already, so that what failed is the start of an engine on it, or reading it.
pub fn verdict(code: &str, copied: bool) -> DrillState {
    let blamed: &[&str] = match copied {
        true => &[code::ENGINE_START, code::UNPROCESSABLE, code::UNAVAILABLE],
        false => &[code::NOT_FOUND],
    };
    match blamed.contains(&code) {
        true => DrillState::Failed,
        false => DrillState::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::backup::tests::backup;

    fn examined(tables: u64, rows: u64, digest: &str) -> Examined {
        Examined {
            tables,
            rows,
            digest: digest.to_owned(),
        }
    }

    #[test]
    fn only_what_could_be_restored_is_drilled_and_once_at_a_time() {
        let mut good = backup(BackupState::Success);
        good.examined = Some(examined(1, 2, "a"));
        assert_eq!(plan_drill(&good, false).unwrap(), examined(1, 2, "a"));
        assert_eq!(plan_drill(&good, true).unwrap_err().code, code::CONFLICT);
        for state in [
            BackupState::Pending,
            BackupState::Running,
            BackupState::Failed,
        ] {
            let refused = plan_drill(&backup(state), false).unwrap_err();
            assert_eq!(refused.code, code::NO_BACKUP);
        }
    }

    #[test]
    fn every_difference_fails_the_drill() {
        let expected = examined(2, 10, "a");
        for (found, state, differences) in [
            (examined(2, 10, "a"), DrillState::Success, 0),
            (examined(2, 10, "b"), DrillState::Failed, 1),
            (examined(2, 9, "b"), DrillState::Failed, 1),
            (examined(1, 9, "b"), DrillState::Failed, 2),
        ] {
            let (seen, outcome) = compare(&expected, found, Duration::from_secs(1));
            assert_eq!((seen, outcome.differences.len()), (state, differences));
            assert_eq!(outcome.failure.is_some(), state == DrillState::Failed);
        }
    }

    #[test]
    fn what_the_machine_lacks_is_no_fault_of_the_backup() {
        for (code, copied, state) in [
            (code::ENGINE_START, true, DrillState::Failed),
            (code::UNPROCESSABLE, true, DrillState::Failed),
            (code::UNAVAILABLE, true, DrillState::Failed),
            (code::NOT_FOUND, false, DrillState::Failed),
            (code::UNAVAILABLE, false, DrillState::Error),
            (code::MEMORY_BUDGET, true, DrillState::Error),
            (code::DISK_FULL, true, DrillState::Error),
            (code::DISK_FULL, false, DrillState::Error),
            (code::NO_ENGINE, true, DrillState::Error),
            (code::INTERNAL, true, DrillState::Error),
        ] {
            assert_eq!(verdict(code, copied), state, "{code} {copied}");
        }
    }
}
