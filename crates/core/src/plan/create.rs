//! What a new branch is made from.

use crate::backup::{Backup, BackupState};
use crate::branch::Branch;
use crate::engine::EngineRef;
use crate::id::{InstanceId, SnapshotId, VolumeId};
use crate::name::BranchName;
use crate::refusal::{Refusal, code};
use serde::{Deserialize, Serialize};

/// What is known when a branch is to be made from a parent.
#[derive(Clone, Debug)]
pub struct CreateFacts<'a> {
    pub name: &'a BranchName,
    pub taken: bool,
    pub database_deleting: bool,
    /// Branches the database has, and may have.
    pub branches: u64,
    pub limit: u64,
    pub parent: &'a Branch,
    pub seed: SeedFacts<'a>,
    /// The database lets branches start with data.
    pub allow_data: bool,
    /// Snapshot of the parent's schema template, where there is one.
    pub template: Option<SnapshotId>,
    /// A warm engine on a fork of it.
    pub warm: Option<(InstanceId, VolumeId)>,
    /// A volume forked from it.
    pub spare: Option<VolumeId>,
}

/// What the branch is to start with.
#[derive(Clone, Copy, Debug)]
pub enum SeedFacts<'a> {
    Schema,
    Live,
    /// `None`: the parent has no backup that succeeded.
    LastBackup(Option<&'a Backup>),
    Backup(&'a Backup),
}

/// Where the new branch's volume comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The engine's own image; the whole schema is replayed.
    Engine,
    /// A fork of the parent's schema template, still to be made.
    Fork(SnapshotId),
    /// A volume forked ahead.
    Spare(SnapshotId),
    /// A running engine on a volume forked ahead.
    Warm(SnapshotId),
    /// A fork of a backup's image, still to be made.
    Backup(SnapshotId),
    /// A copy of the parent, still to be made.
    Live,
}

impl Source {
    pub fn snapshot(self) -> Option<SnapshotId> {
        match self {
            Source::Engine | Source::Live => None,
            Source::Fork(s) | Source::Spare(s) | Source::Warm(s) | Source::Backup(s) => Some(s),
        }
    }

    /// The volume comes with data, and with the schema that the data has.
    pub fn data(self) -> bool {
        matches!(self, Source::Backup(_) | Source::Live)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatePlan {
    pub engine: EngineRef,
    pub source: Source,
    /// Existing ones that are taken over; `None` = new ones.
    pub volume: Option<VolumeId>,
    pub instance: Option<InstanceId>,
}

pub fn plan_create(facts: &CreateFacts<'_>) -> Result<CreatePlan, Refusal> {
    if facts.database_deleting {
        return Err(Refusal::conflict("the database is being deleted").code(code::DELETING));
    }
    if facts.taken {
        return Err(
            Refusal::conflict(format!("branch \"{}\" exists already", facts.name))
                .hint("choose another name, or delete that branch first"),
        );
    }
    if facts.branches >= facts.limit {
        return Err(Refusal::unprocessable(format!(
            "the database has {} branches, as many as it may have",
            facts.branches
        ))
        .code(code::TOO_MANY)
        .hint(
            "delete branches that are not needed any more, or raise limits.branches_per_database",
        ));
    }
    if let Some((engine, source)) = data_source(facts.seed, facts.parent, facts.allow_data)? {
        return Ok(CreatePlan {
            engine,
            source,
            volume: None,
            instance: None,
        });
    }
    let (source, volume, instance) = match (facts.template, facts.warm, facts.spare) {
        (Some(s), Some((instance, volume)), _) => (Source::Warm(s), Some(volume), Some(instance)),
        (Some(s), None, Some(volume)) => (Source::Spare(s), Some(volume), None),
        (Some(s), None, None) => (Source::Fork(s), None, None),
        (None, ..) => (Source::Engine, None, None),
    };
    Ok(CreatePlan {
        engine: facts.parent.engine,
        source,
        volume,
        instance,
    })
}

/// What a branch that is reset starts again with. `template`: snapshot of the parent's schema template.
pub fn plan_reset(
    seed: SeedFacts<'_>,
    parent: &Branch,
    allow_data: bool,
    template: Option<SnapshotId>,
) -> Result<CreatePlan, Refusal> {
    let data = data_source(seed, parent, allow_data)?;
    let schema = template.map_or(Source::Engine, Source::Fork);
    let (engine, source) = data.unwrap_or((parent.engine, schema));
    Ok(CreatePlan {
        engine,
        source,
        volume: None,
        instance: None,
    })
}

/// Engine and source of a branch with data; `None` for one without.
fn data_source(
    seed: SeedFacts<'_>,
    parent: &Branch,
    allow_data: bool,
) -> Result<Option<(EngineRef, Source)>, Refusal> {
    let backup = match seed {
        SeedFacts::Schema => return Ok(None),
        _ if !allow_data => {
            return Err(Refusal::unprocessable(
                "branches of this database start without data: data branching is off",
            )
            .code(code::DATA_BRANCHING)
            .hint("switch it on (offshoot database update DATABASE --allow-data-branching true), or make the branch without data"));
        }
        SeedFacts::Live => return Ok(Some((parent.engine, Source::Live))),
        SeedFacts::LastBackup(Some(backup)) | SeedFacts::Backup(backup) => backup,
        SeedFacts::LastBackup(None) => {
            return Err(Refusal::unprocessable(format!(
                "branch \"{}\" has no backup that succeeded yet",
                parent.name
            ))
            .code(code::NO_BACKUP)
            .hint(format!(
                "make one (offshoot backup create DATABASE {}), or copy the branch as it is now (--live)",
                parent.name
            )));
        }
    };
    if backup.state != BackupState::Success {
        let why = match &backup.failure {
            Some(failure) => format!("it failed: {failure}"),
            None => format!("it is {}", backup.state),
        };
        return Err(Refusal::unprocessable(format!(
            "backup {} cannot be restored: {why}",
            backup.id
        ))
        .code(code::NO_BACKUP)
        .hint("choose one whose state is success"));
    }
    Ok(Some((backup.engine, Source::Backup(backup.snapshot))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branch::{BranchState, Runtime, Seed};
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    fn parent() -> Branch {
        let id = "aaaaaaaaaaaa";
        Branch {
            id: id.parse().unwrap(),
            database_id: id.parse().unwrap(),
            name: BranchName::parse("main").unwrap(),
            parent: None,
            production: true,
            state: BranchState::Ready,
            seed: Seed::Empty,
            runtime: Runtime::Managed,
            engine: "mysql-9.7.4".parse().unwrap(),
            volume: id.parse().unwrap(),
            instance: id.parse().unwrap(),
            deletion_protected: false,
            labels: BTreeMap::new(),
            expires_at: None,
            sleep_after: None,
            event_scheduler: false,
            size: None,
            max_connections: None,
            disk_quota: None,
            quota: crate::branch::QuotaState::Free,
            safe_migrations: crate::branch::SafeMigrations::Off,
            deleting: false,
            actor: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            schema_updated_at: None,
        }
    }

    #[test]
    fn the_most_prepared_source_is_taken() {
        let parent = parent();
        let name = BranchName::parse("x").unwrap();
        let snapshot: SnapshotId = "ssssssssssss".parse().unwrap();
        let volume: VolumeId = "vvvvvvvvvvvv".parse().unwrap();
        let warm = ("iiiiiiiiiiii".parse().unwrap(), volume);
        for (template, warm, spare, source, taken_over) in [
            (None, None, None, Source::Engine, false),
            (Some(snapshot), None, None, Source::Fork(snapshot), false),
            (
                Some(snapshot),
                None,
                Some(volume),
                Source::Spare(snapshot),
                true,
            ),
            (
                Some(snapshot),
                Some(warm),
                Some(volume),
                Source::Warm(snapshot),
                true,
            ),
        ] {
            let plan = plan_create(&CreateFacts {
                name: &name,
                taken: false,
                database_deleting: false,
                branches: 1,
                limit: 10,
                parent: &parent,
                seed: SeedFacts::Schema,
                allow_data: true,
                template,
                warm,
                spare,
            })
            .unwrap();
            assert_eq!(plan.source, source);
            assert_eq!(plan.volume.is_some(), taken_over);
        }
    }

    #[test]
    fn refusals_name_the_reason() {
        let parent = parent();
        let name = BranchName::parse("x").unwrap();
        for (taken, deleting, branches, expected) in [
            (true, false, 1, code::CONFLICT),
            (false, true, 1, code::DELETING),
            (false, false, 10, code::TOO_MANY),
        ] {
            let refusal = plan_create(&CreateFacts {
                name: &name,
                taken,
                database_deleting: deleting,
                branches,
                limit: 10,
                parent: &parent,
                seed: SeedFacts::Schema,
                allow_data: true,
                template: None,
                warm: None,
                spare: None,
            })
            .unwrap_err();
            assert_eq!(refusal.code, expected);
        }
    }

    #[test]
    fn data_comes_from_where_it_was_asked_for_or_not_at_all() {
        let parent = parent();
        let name = BranchName::parse("x").unwrap();
        let good = crate::plan::backup::tests::backup(BackupState::Success);
        let failed = crate::plan::backup::tests::backup(BackupState::Failed);
        for (seed, allow_data, expected) in [
            (SeedFacts::Schema, false, Ok(Source::Engine)),
            (SeedFacts::Live, true, Ok(Source::Live)),
            (
                SeedFacts::Backup(&good),
                true,
                Ok(Source::Backup(good.snapshot)),
            ),
            (
                SeedFacts::LastBackup(Some(&good)),
                true,
                Ok(Source::Backup(good.snapshot)),
            ),
            (SeedFacts::LastBackup(None), true, Err(code::NO_BACKUP)),
            (SeedFacts::Backup(&failed), true, Err(code::NO_BACKUP)),
            (SeedFacts::Live, false, Err(code::DATA_BRANCHING)),
            (SeedFacts::Backup(&good), false, Err(code::DATA_BRANCHING)),
        ] {
            let planned = plan_create(&CreateFacts {
                name: &name,
                taken: false,
                database_deleting: false,
                branches: 1,
                limit: 10,
                parent: &parent,
                seed,
                allow_data,
                template: None,
                warm: None,
                spare: None,
            });
            let found = planned.map(|p| p.source).map_err(|r| r.code);
            assert_eq!(found, expected, "{seed:?} {allow_data}");
        }
    }
}
