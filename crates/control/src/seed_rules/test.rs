//! Tests of rules: begun, waited for, shown. What one does is a workflow.

use super::present;
use crate::Control;
use crate::branch::current;
use crate::locate::{LocatedBranch, quoted};
use crate::once::{Made, Once, gone};
use crate::trail::Actor;
use crate::workflow::{Testing, Work};
use offshoot_core::access::Access;
use offshoot_core::branch::BranchState;
use offshoot_core::id::RulesTestId;
use offshoot_core::instance::{Profile, Purpose};
use offshoot_core::refusal::Refusal;
use offshoot_core::seed_rules::{Rules, RulesTest, TestState};
use offshoot_core::volume::VolumeUse;
use offshoot_store::Tx;
use std::time::Duration;

/// Tests of a database that are kept, so that their reports do not pile up.
const KEPT: usize = 20;

/// Copies the branch aside, carries rules out there and throws the copy away. `draft`: these rules
/// instead of those that hold; needs `write_database`, because an answer to any condition is an answer
/// about the rows. Without it, what a branch with this one's data needs.
///
/// The test runs on return; [`wait_test`]. One at a time for a database.
pub async fn test(
    control: &Control,
    at: &LocatedBranch,
    draft: Option<Rules>,
    once: &Once,
) -> Result<RulesTest, Refusal> {
    match draft {
        Some(_) => at.within.require(&[Access::WriteDatabase])?,
        None => may_see(at)?,
    }
    if let Some(made) = once.made() {
        let id = made.subject.into();
        let found = control.0.store.read().await?.seed_rules_test(id).await?;
        return found.ok_or_else(|| gone("test"));
    }
    control.require_space().await?;
    let mut tx = control.0.store.write().await?;
    let database = present(&mut tx, &at.within).await?;
    let branch = current(&mut tx, at).await?;
    if branch.state == BranchState::Pending {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being made", branch.name))
                .hint("wait until it is ready"),
        );
    }
    let (version, rules) = match draft {
        Some(rules) => (None, rules),
        None => {
            let newest = tx.newest_seed_rules(database.id).await?;
            let set = newest.and_then(|v| Some((Some(v.version), v.rules?)));
            set.ok_or_else(|| {
                Refusal::unprocessable(format!(
                    "database \"{}\" has no seed rules to be tested",
                    database.name
                ))
                .hint(format!(
                    "test a draft: offshoot branch seed-rules test {} {} --file FILE",
                    database.name, branch.name
                ))
            })?
        }
    };
    make_room(&mut tx, at).await?;
    control.mask_secret(&mut tx, &database).await?;
    let test = RulesTest {
        id: control.id(),
        database_id: database.id,
        branch_id: branch.id,
        branch_name: branch.name.to_string(),
        version,
        rules,
        state: TestState::Running,
        tables: Vec::new(),
        unfit: Vec::new(),
        failure: None,
        actor: at.caller().name(),
        created_at: control.now(),
        completed_at: None,
    };
    let volume = control.new_volume(control.id(), branch.engine, None, VolumeUse::Work);
    let instance = control.new_instance(
        control.id(),
        volume.id,
        branch.engine,
        Purpose::Prepare,
        Profile::Development,
    );
    tx.insert_volume(&volume).await?;
    tx.insert_instance(&instance).await?;
    tx.insert_seed_rules_test(&test).await?;
    let work = Work::TestSeedRules(Testing {
        test: test.id,
        branch: branch.id,
        volume: volume.id,
        instance: instance.id,
    });
    let queued = control.enqueue(&mut tx, &work, Duration::ZERO).await?;
    let version = version.map_or("draft".to_owned(), |v| v.to_string());
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        "seed_rules.tested",
        ("Branch", branch.id.as_str(), branch.name.as_str()),
        &[
            ("database", database.name.as_str()),
            ("version", &version),
            ("test", test.id.as_str()),
        ],
    );
    tx.insert_audit(&event).await?;
    let made = Made {
        subject: test.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    Ok(test)
}

/// A report tells numbers of rows: for those who could make a branch with them, and who write the rules.
fn may_see(at: &LocatedBranch) -> Result<(), Refusal> {
    at.within.require(match at.branch.production {
        true => &[Access::WriteDatabase, Access::RestoreProductionBranchBackup],
        false => &[
            Access::WriteDatabase,
            Access::RestoreBackup,
            Access::RestoreProductionBranchBackup,
        ],
    })
}

/// A database has one test at a time, and keeps the last ones.
async fn make_room(tx: &mut Tx, at: &LocatedBranch) -> Result<(), Refusal> {
    let tests = tx.seed_rules_tests(at.database().id).await?;
    if let Some(running) = tests.iter().find(|t| t.state == TestState::Running) {
        return Err(Refusal::conflict(format!(
            "a test of the seed rules of database \"{}\" is under way, on branch \"{}\"",
            at.database().name,
            running.branch_name
        ))
        .hint("wait until it is over"));
    }
    for old in tests.iter().skip(KEPT.saturating_sub(1)) {
        tx.delete_seed_rules_test(old.id).await?;
    }
    Ok(())
}

/// Needs what [`test()`] needs without a draft, on the branch that it was begun on.
pub async fn show_test(
    control: &Control,
    at: &LocatedBranch,
    id: &str,
) -> Result<RulesTest, Refusal> {
    may_see(at)?;
    let missing = || {
        Refusal::not_found(format!("test {}", quoted(id)))
            .hint("the last tests of a database are kept; begin another one")
    };
    let parsed = id.parse().map_err(|_| missing())?;
    let row = control
        .0
        .store
        .read()
        .await?
        .seed_rules_test(parsed)
        .await?;
    let found = row.filter(|t| t.database_id == at.database().id && t.branch_id == at.branch.id);
    found.ok_or_else(missing)
}

/// Returns when the test is over, or `timeout` is.
pub async fn wait_test(
    control: &Control,
    id: RulesTestId,
    timeout: Duration,
) -> Result<(), Refusal> {
    control
        .until(timeout, |mut session| async move {
            let test = session.seed_rules_test(id).await?;
            Ok(test.is_none_or(|t| t.state != TestState::Running))
        })
        .await
}
