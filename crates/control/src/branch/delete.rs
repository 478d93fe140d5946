//! Delete: hidden with the commit, torn down in the background.

use crate::Control;
use crate::locate::LocatedBranch;
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::plan::{DeleteFacts, plan_delete};
use offshoot_core::refusal::Refusal;

/// Needs `delete_branch`, for a production branch `delete_production_branch`. Refused: the default
/// branch, one at another revision than `expected` (`CHANGED`), a protected one (`PROTECTED`), one with descendants unless `descendants` (`HAS_DESCENDANTS`).
pub async fn delete(
    control: &Control,
    at: &LocatedBranch,
    descendants: bool,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within
        .require(&[Access::DeleteBranch, Access::DeleteProductionBranch])?;
    let mut tx = control.0.store.write().await?;
    let tree = tx.with_descendants(at.branch.id).await?;
    if let Some(branch) = tree.first() {
        let what = format!("branch \"{}\"", branch.name);
        expected.check(&Revision::of_branch(branch), what)?;
    }
    let default_branch = tx
        .database_by_id(at.database().id)
        .await?
        .map_or(at.database().default_branch, |d| d.default_branch);
    let ids = plan_delete(&DeleteFacts {
        tree: &tree,
        default_branch,
        descendants,
        may_development: at.within.may(Access::DeleteBranch),
        may_production: at.within.may(Access::DeleteProductionBranch),
    })?;
    for branch in &tree {
        let event = control.event(
            at.organization().id,
            &Actor::Caller(at.caller()),
            "branch.deleted",
            ("Branch", branch.id.as_str(), branch.name.as_str()),
            &[("database", at.database().name.as_str())],
        );
        tx.insert_audit(&event).await?;
    }
    let queued = control.doom_branches(&mut tx, &ids).await?;
    tx.commit().await?;
    control.start_now(&queued);
    control.0.runner.due.notify_one();
    Ok(())
}
