//! Whether a backup may be copied off-site, when a copy is tried again, and what opens one that was
//! fetched.

use crate::backup::{Backup, BackupState};
use crate::engine::EngineRef;
use crate::off_site::{BackupCopy, CopyState, Place};
use crate::refusal::{Refusal, code};
use std::time::Duration;

/// What asking for a copy comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportPlan {
    /// There is one, or it is being made.
    There,
    Begin,
}

/// First pause after a copy could not be made; doubles with each try.
const PAUSE: Duration = Duration::from_secs(30);
/// Longest pause: a store that is back is seen within the hour.
const LONGEST: Duration = Duration::from_secs(3600);

/// Whether the backup can be copied to `place`. `copy`: what is known of one.
pub fn plan_export(
    backup: &Backup,
    copy: Option<&BackupCopy>,
    place: &Place,
) -> Result<ExportPlan, Refusal> {
    if backup.state != BackupState::Success {
        return Err(Refusal::unprocessable(format!(
            "backup {} is {}, and only one that succeeded is copied off-site",
            backup.id, backup.state
        ))
        .hint("wait until it is success, or make another one"));
    }
    let there = copy.is_some_and(|copy| match copy.state {
        CopyState::Pending | CopyState::Running => true,
        // A copy in another store, or under another key, is not one here.
        CopyState::Exported => copy.place == *place,
        CopyState::Failed | CopyState::Deleting => false,
    });
    Ok(match there {
        true => ExportPlan::There,
        false => ExportPlan::Begin,
    })
}

/// How long to wait after so many tries that failed. `transient`: another try may go better soon.
pub fn plan_copy_retry(attempts: u32, transient: bool) -> Duration {
    match transient {
        true => PAUSE
            .saturating_mul(1 << attempts.saturating_sub(1).min(16))
            .min(LONGEST),
        false => LONGEST,
    }
}

/// Which installed engine opens an image: its own, else the oldest of the same series that is
/// younger, which brings it up to date when it starts.
pub fn plan_engine(wanted: EngineRef, installed: &[EngineRef]) -> Result<EngineRef, Refusal> {
    let series = |engine: EngineRef| (engine.kind, engine.version.major, engine.version.minor);
    installed
        .iter()
        .copied()
        .filter(|engine| series(*engine) == series(wanted) && engine.version >= wanted.version)
        .min_by_key(|engine| engine.version)
        .ok_or_else(|| {
            let (kind, version) = (wanted.kind, wanted.version);
            Refusal::unprocessable(format!(
                "the copy is one of {wanted}, and this server has no {kind} {}.{} of that patch or a later one",
                version.major, version.minor
            ))
            .code(code::NO_ENGINE)
            .hint(format!(
                "install one: offshoot engine install {}",
                kind.as_str()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::backup::tests::backup;
    use jiff::Timestamp;

    fn place(store: &str) -> Place {
        Place {
            store: store.to_owned(),
            key: "00".to_owned(),
        }
    }

    fn copy(state: CopyState, store: &str) -> BackupCopy {
        BackupCopy {
            backup: "kkkkkkkkkkkk".parse().unwrap(),
            place: place(store),
            state,
            bytes: 0,
            stored: 0,
            attempts: 0,
            failure: None,
            retry_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            exported_at: None,
        }
    }

    #[test]
    fn a_good_backup_is_copied_once_to_each_place() {
        use CopyState::*;
        let good = backup(BackupState::Success);
        for (known, expected) in [
            (None, ExportPlan::Begin),
            (Some((Pending, "a")), ExportPlan::There),
            (Some((Running, "a")), ExportPlan::There),
            (Some((Exported, "a")), ExportPlan::There),
            (Some((Exported, "b")), ExportPlan::Begin),
            (Some((Failed, "a")), ExportPlan::Begin),
        ] {
            let known = known.map(|(state, store)| copy(state, store));
            let planned = plan_export(&good, known.as_ref(), &place("a"));
            assert_eq!(planned.unwrap(), expected, "{known:?}");
        }
        for state in [
            BackupState::Pending,
            BackupState::Running,
            BackupState::Failed,
        ] {
            assert!(plan_export(&backup(state), None, &place("a")).is_err());
        }
    }

    #[test]
    fn tries_get_rarer() {
        for (attempts, transient, seconds) in [
            (1, true, 30),
            (2, true, 60),
            (7, true, 1_920),
            (8, true, 3_600),
            (u32::MAX, true, 3_600),
            (1, false, 3_600),
        ] {
            let pause = plan_copy_retry(attempts, transient);
            assert_eq!(pause.as_secs(), seconds, "{attempts}");
        }
    }

    #[test]
    fn an_image_is_opened_by_its_own_series() {
        let engines = [
            "mysql-8.4.3",
            "mysql-9.7.3",
            "mysql-9.7.6",
            "mysql-9.7.5",
            "mariadb-11.8.2",
        ]
        .map(|text| text.parse().unwrap());
        let found = |wanted: &str| {
            let found = plan_engine(wanted.parse().unwrap(), &engines);
            found.map(|e| e.to_string()).map_err(|r| r.code)
        };
        assert_eq!(found("mysql-9.7.3"), Ok("mysql-9.7.3".to_owned()));
        assert_eq!(found("mysql-9.7.4"), Ok("mysql-9.7.5".to_owned()));
        assert_eq!(found("mysql-8.4.0"), Ok("mysql-8.4.3".to_owned()));
        for missing in [
            "mysql-9.7.7",
            "mysql-8.0.40",
            "mysql-9.6.0",
            "mariadb-11.4.2",
        ] {
            assert_eq!(found(missing), Err(code::NO_ENGINE), "{missing}");
        }
    }
}
