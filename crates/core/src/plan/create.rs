//! What a new branch is made from.

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
    /// Snapshot of the parent's schema template, where there is one.
    pub template: Option<SnapshotId>,
    /// A warm engine on a fork of it.
    pub warm: Option<(InstanceId, VolumeId)>,
    /// A volume forked from it.
    pub spare: Option<VolumeId>,
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
}

impl Source {
    pub fn snapshot(self) -> Option<SnapshotId> {
        match self {
            Source::Engine => None,
            Source::Fork(s) | Source::Spare(s) | Source::Warm(s) => Some(s),
        }
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
            max_connections: None,
            disk_quota: None,
            quota: crate::branch::QuotaState::Free,
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
                template: None,
                warm: None,
                spare: None,
            })
            .unwrap_err();
            assert_eq!(refusal.code, expected);
        }
    }
}
