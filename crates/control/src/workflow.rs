//! Workflows: what has to reach an end once, in spite of crashes. `docs/design/0001-workflows.md`.
//!
//! A state is one variant of [`Work`]; a step does one effect and returns the next state. All ids
//! were chosen when the workflow was planned, so every step can be repeated. A step that goes on
//! from a state that cannot be repeated cheaply writes the new one down first.

mod backup;
mod create;
mod delete;
mod drill;
mod drop_database;
mod fill;
mod import;
mod restart;
mod runner;
mod seed_rules_test;
mod shadow;
mod template;

pub(crate) use backup::{Fetched, Making, State as BackupWork};
pub(crate) use drill::{Drilling, State as DrillWork};
pub(crate) use fill::Filling;
pub(crate) use import::{Reverting, aside};
pub(crate) use runner::Runner;
pub(crate) use seed_rules_test::Testing;
pub(crate) use shadow::{MAKE_SHADOW, Shadowing, State as ShadowWork};

use crate::Control;
use crate::fail::Fail;
use offshoot_core::id::{BranchId, DatabaseId, ImportId, WorkflowId};
use offshoot_store::workflow::Workflow;
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Version of the states' format. `tests/golden/workflows-1.json` holds one of each.
pub(crate) const VERSION: u32 = 1;

/// Kind of the workflow that an import begins with.
pub(crate) const OPEN_IMPORT: &str = "open_import";

/// What a workflow is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    CreateBranch(create::State),
    ResetBranch(create::State),
    DeleteBranch { branch: BranchId },
    RestartBranch { branch: BranchId },
    DeleteDatabase { database: DatabaseId },
    MakeTemplate(template::State),
    OpenImport { import: ImportId, branch: BranchId },
    RevertImport(Reverting),
    MakeBackup(BackupWork),
    TestSeedRules(Testing),
    DrillBackup(DrillWork),
    MakeShadow(ShadowWork),
}

impl Work {
    pub(crate) fn create(filling: Filling) -> Self {
        Work::CreateBranch(create::State::Fork(filling))
    }

    pub(crate) fn reset(filling: Filling) -> Self {
        Work::ResetBranch(create::State::Fork(filling))
    }

    pub(crate) fn shadow(shadowing: Shadowing) -> Self {
        Work::MakeShadow(ShadowWork::Copy(shadowing))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Work::CreateBranch(_) => "create_branch",
            Work::ResetBranch(_) => "reset_branch",
            Work::DeleteBranch { .. } => "delete_branch",
            Work::RestartBranch { .. } => "restart_branch",
            Work::DeleteDatabase { .. } => "delete_database",
            Work::MakeTemplate(_) => "make_template",
            Work::OpenImport { .. } => OPEN_IMPORT,
            Work::RevertImport(_) => "revert_import",
            Work::MakeBackup(_) => backup::MAKE_BACKUP,
            Work::TestSeedRules(_) => seed_rules_test::TEST_SEED_RULES,
            Work::DrillBackup(_) => drill::DRILL_BACKUP,
            Work::MakeShadow(_) => MAKE_SHADOW,
        }
    }

    /// What is to be done next.
    pub(crate) fn step(&self) -> &'static str {
        match self {
            Work::CreateBranch(s) | Work::ResetBranch(s) => s.step(),
            Work::DeleteBranch { .. } | Work::DeleteDatabase { .. } => "remove",
            Work::RestartBranch { .. } => "restart",
            Work::MakeTemplate(_) => "make",
            Work::OpenImport { .. } => "keep",
            Work::RevertImport(_) => "take_back",
            Work::MakeBackup(s) => s.step(),
            Work::TestSeedRules(_) => "test",
            Work::DrillBackup(s) => s.step(),
            Work::MakeShadow(s) => s.step(),
        }
    }

    /// What it works on. Two workflows on one subject never run at the same time.
    pub(crate) fn subject(&self) -> String {
        match self {
            Work::CreateBranch(s) | Work::ResetBranch(s) => s.filling().branch.to_string(),
            Work::DeleteBranch { branch }
            | Work::RestartBranch { branch }
            | Work::OpenImport { branch, .. } => branch.to_string(),
            Work::RevertImport(reverting) => reverting.branch.to_string(),
            Work::DeleteDatabase { database } => database.to_string(),
            Work::MakeTemplate(s) => s.subject(),
            Work::MakeBackup(s) => s.making().backup.to_string(),
            Work::TestSeedRules(testing) => testing.test.to_string(),
            Work::DrillBackup(s) => s.drilling().backup.to_string(),
            Work::MakeShadow(s) => s.shadowing().instance.to_string(),
        }
    }
}

/// What a step came to.
pub(crate) enum Step {
    Next(Work),
    /// The workflow's row is gone.
    Done,
    /// Not now; nothing failed.
    Wait(Duration),
}

/// A run of a workflow, with what fences its writes.
pub(crate) struct Run {
    pub(crate) id: WorkflowId,
    pub(crate) token: String,
    /// Nothing of the first state's effects can be there yet.
    pub(crate) fresh: bool,
}

impl Run {
    pub(crate) async fn finish(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.finish_workflow(self.id, &self.token).await
    }
}

impl Control {
    async fn step(&self, run: &Run, work: Work) -> Result<Step, Fail> {
        match work {
            Work::CreateBranch(state) => self.create_step(run, state, Work::CreateBranch).await,
            Work::ResetBranch(state) => self.create_step(run, state, Work::ResetBranch).await,
            Work::DeleteBranch { branch } => self.delete_branch_step(run, branch).await,
            Work::RestartBranch { branch } => self.restart_step(run, branch).await,
            Work::DeleteDatabase { database } => self.delete_database_step(run, database).await,
            Work::MakeTemplate(state) => self.template_step(run, state).await,
            Work::OpenImport { import, branch } => self.open_import_step(run, import, branch).await,
            Work::RevertImport(reverting) => self.revert_import_step(run, &reverting).await,
            Work::MakeBackup(state) => self.backup_step(run, state).await,
            Work::TestSeedRules(testing) => self.seed_rules_test_step(run, testing).await,
            Work::DrillBackup(state) => self.drill_step(run, state).await,
            Work::MakeShadow(state) => self.shadow_step(run, state).await,
        }
    }

    /// It failed for good: leave nothing half-made. `false` = it has to be tried for ever.
    async fn undo(&self, run: &Run, work: &Work, fail: &Fail) -> Result<bool, Fail> {
        match work {
            Work::CreateBranch(state) => self.undo_create(run, state, fail).await.map(|()| true),
            Work::MakeTemplate(state) => self.undo_template(run, state, fail).await.map(|()| true),
            Work::MakeBackup(state) => self.undo_backup(run, state, fail).await.map(|()| true),
            Work::TestSeedRules(testing) => {
                self.undo_seed_rules_test(run, *testing, fail).await?;
                Ok(true)
            }
            Work::DrillBackup(state) => self.undo_drill(run, state, fail).await.map(|()| true),
            Work::MakeShadow(state) => self.undo_shadow(run, state, fail).await.map(|()| true),
            Work::OpenImport { import, .. } => {
                self.undo_open_import(run, *import).await.map(|()| true)
            }
            Work::RestartBranch { .. } => {
                let mut tx = self.0.store.write().await?;
                run.finish(&mut tx).await?;
                tx.commit().await?;
                Ok(true)
            }
            Work::ResetBranch(_)
            | Work::DeleteBranch { .. }
            | Work::DeleteDatabase { .. }
            | Work::RevertImport(_) => Ok(false),
        }
    }

    /// Puts a workflow down in the transaction of what it belongs to. Hand it to
    /// [`Control::start_now`] after the commit.
    pub(crate) async fn enqueue(
        &self,
        tx: &mut Tx,
        work: &Work,
        after: Duration,
    ) -> Result<WorkflowId, StoreError> {
        let now = self.now();
        let state = serde_json::to_string(work).map_err(|_| StoreError::Corrupt {
            column: "state".to_owned(),
        })?;
        let workflow = Workflow {
            id: self.id(),
            kind: work.kind().to_owned(),
            version: VERSION,
            subject: work.subject(),
            state,
            attempts: 0,
            run_at: now.checked_add(after).unwrap_or(now),
            created_at: now,
        };
        let lease = (after.is_zero() && self.0.runner.active()).then(|| self.lease(now));
        tx.insert_workflow(&workflow, lease.as_ref()).await?;
        Ok(workflow.id)
    }
}

#[cfg(test)]
mod tests {
    use super::template::Build;
    use super::*;
    use crate::binlog::{Replaying, RestorePoint};
    use crate::shadow::Taken;
    use offshoot_core::backup::{Copied, Examined, Method, Position};
    use offshoot_core::plan::Source;

    /// States written by an earlier version must be read for ever.
    #[test]
    fn persisted_states_keep_their_format() {
        let filling = Filling {
            branch: "bbbbbbbbbbbb".parse().unwrap(),
            parent: Some("pppppppppppp".parse().unwrap()),
            volume: "vvvvvvvvvvvv".parse().unwrap(),
            instance: "iiiiiiiiiiii".parse().unwrap(),
            engine: "mysql-9.7.4".parse().unwrap(),
            source: Source::Fork("ssssssssssss".parse().unwrap()),
            schema: "shop".to_owned(),
            replay: None,
        };
        let engine = Filling {
            parent: None,
            source: Source::Engine,
            ..filling.clone()
        };
        let with_data = Filling {
            source: Source::Backup("ssssssssssss".parse().unwrap()),
            ..filling.clone()
        };
        let replay = |until| {
            Some(Replaying {
                history: "hhhhhhhhhhhh".parse().unwrap(),
                first: 7,
                from: "0-1-7".to_owned(),
                until,
            })
        };
        let build = Build {
            parent: "pppppppppppp".parse().unwrap(),
            from: "ssssssssssss".parse().unwrap(),
            volume: "vvvvvvvvvvvv".parse().unwrap(),
            instance: "iiiiiiiiiiii".parse().unwrap(),
            snapshot: "tttttttttttt".parse().unwrap(),
        };
        let all = vec![
            Work::create(filling.clone()),
            Work::create(engine),
            Work::CreateBranch(create::State::Fill(filling.clone())),
            Work::reset(filling),
            Work::DeleteBranch {
                branch: "bbbbbbbbbbbb".parse().unwrap(),
            },
            Work::RestartBranch {
                branch: "bbbbbbbbbbbb".parse().unwrap(),
            },
            Work::DeleteDatabase {
                database: "dddddddddddd".parse().unwrap(),
            },
            Work::MakeTemplate(template::State::Engine {
                engine: "mariadb-10.11.19".parse().unwrap(),
                volume: "vvvvvvvvvvvv".parse().unwrap(),
                snapshot: "tttttttttttt".parse().unwrap(),
            }),
            Work::MakeTemplate(template::State::Fork(build.clone())),
            Work::MakeTemplate(template::State::Fill(build.clone())),
            Work::MakeTemplate(template::State::Cut {
                build,
                fingerprint: "{\"objects\":[]}".to_owned(),
            }),
            Work::OpenImport {
                import: "mmmmmmmmmmmm".parse().unwrap(),
                branch: "bbbbbbbbbbbb".parse().unwrap(),
            },
            Work::RevertImport(Reverting {
                import: "mmmmmmmmmmmm".parse().unwrap(),
                branch: "bbbbbbbbbbbb".parse().unwrap(),
                snapshot: "ssssssssssss".parse().unwrap(),
                volume: "vvvvvvvvvvvv".parse().unwrap(),
                instance: "iiiiiiiiiiii".parse().unwrap(),
            }),
        ];
        let making = Making {
            backup: "kkkkkkkkkkkk".parse().unwrap(),
            branch: "bbbbbbbbbbbb".parse().unwrap(),
            volume: "vvvvvvvvvvvv".parse().unwrap(),
            instance: "iiiiiiiiiiii".parse().unwrap(),
            snapshot: "ssssssssssss".parse().unwrap(),
        };
        let drilling = Drilling {
            drill: "llllllllllll".parse().unwrap(),
            backup: "kkkkkkkkkkkk".parse().unwrap(),
            snapshot: "ssssssssssss".parse().unwrap(),
            volume: "vvvvvvvvvvvv".parse().unwrap(),
            instance: "iiiiiiiiiiii".parse().unwrap(),
        };
        let copied = Copied {
            method: Method::Frozen,
            pause: Duration::from_millis(9),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        let of_shadow = Copied {
            method: Method::Shadow,
            pause: Duration::ZERO,
            ..copied
        };
        let position = Position {
            gtid_set: "0-1-9".to_owned(),
            file: "binlog.000003".to_owned(),
            offset: 815,
        };
        let shadowing = Shadowing {
            branch: "bbbbbbbbbbbb".parse().unwrap(),
            volume: "vvvvvvvvvvvv".parse().unwrap(),
            instance: "iiiiiiiiiiii".parse().unwrap(),
        };
        let fetched = Fetched {
            copy: "cccccccccccc".parse().unwrap(),
            position: None,
            examined: Examined {
                tables: 1,
                rows: 2,
                digest: "00".to_owned(),
            },
        };
        let all = [
            all,
            vec![
                Work::create(Filling {
                    replay: replay(RestorePoint::Time(
                        "2027-01-31T23:59:59.5Z".parse().unwrap(),
                    )),
                    ..with_data.clone()
                }),
                Work::create(Filling {
                    replay: replay(RestorePoint::Gtids("0-1-9".to_owned())),
                    ..with_data.clone()
                }),
                Work::create(Filling {
                    source: Source::Live,
                    ..with_data.clone()
                }),
                Work::CreateBranch(create::State::Recover {
                    filling: with_data.clone(),
                    taken: Box::new(Taken {
                        copied,
                        position: None,
                    }),
                }),
                Work::MakeBackup(BackupWork::Copy(making)),
                Work::MakeBackup(BackupWork::Check {
                    making,
                    copied,
                    position: None,
                }),
                Work::MakeBackup(BackupWork::Keep {
                    making,
                    position: Position {
                        gtid_set: "0-1-7".to_owned(),
                        file: "binlog.000002".to_owned(),
                        offset: 4711,
                    },
                    examined: Examined {
                        tables: 1,
                        rows: 2,
                        digest: "00".to_owned(),
                    },
                    size: 3,
                }),
                Work::DrillBackup(DrillWork::Copy(drilling)),
                Work::DrillBackup(DrillWork::Examine {
                    drilling,
                    copied_in: Duration::from_millis(9),
                }),
                Work::TestSeedRules(Testing {
                    test: "tttttttttttt".parse().unwrap(),
                    branch: "bbbbbbbbbbbb".parse().unwrap(),
                    volume: "vvvvvvvvvvvv".parse().unwrap(),
                    instance: "iiiiiiiiiiii".parse().unwrap(),
                }),
            ],
            [
                BackupWork::Fetch {
                    making,
                    source: fetched.clone(),
                },
                BackupWork::Compare {
                    making,
                    source: fetched,
                },
            ]
            .map(Work::MakeBackup)
            .to_vec(),
            vec![
                Work::CreateBranch(create::State::Recover {
                    filling: with_data,
                    taken: Box::new(Taken {
                        copied: of_shadow,
                        position: Some(position.clone()),
                    }),
                }),
                Work::MakeBackup(BackupWork::Check {
                    making,
                    copied: of_shadow,
                    position: Some(position.clone()),
                }),
                Work::shadow(shadowing),
                Work::MakeShadow(ShadowWork::Open {
                    shadowing,
                    of: shadow::ShadowOf::Parent(copied),
                }),
                Work::MakeShadow(ShadowWork::Open {
                    shadowing,
                    of: shadow::ShadowOf::Backup {
                        backup: "kkkkkkkkkkkk".parse().unwrap(),
                        position,
                    },
                }),
            ],
        ]
        .concat();
        let golden = include_str!("../tests/golden/workflows-1.json");
        assert_eq!(
            serde_json::to_string_pretty(&all).unwrap().trim(),
            golden.trim()
        );
        let read: Vec<Work> = serde_json::from_str(golden).unwrap();
        assert_eq!(read, all);
    }
}
