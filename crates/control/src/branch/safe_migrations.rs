//! Safe migrations, on and off.

use super::{BranchView, current};
use crate::Control;
use crate::fail::Fail;
use crate::locate::LocatedBranch;
use crate::revision::{Expected, Revision};
use offshoot_core::access::Access;
use offshoot_core::plan::plan_safe_migrations;
use offshoot_core::refusal::{Refusal, code};

/// Whether statements of clients may change the branch's schema: with safe migrations they may not, whatever their role.
/// They are for production branches, and count at once, for connections that are open as well. Needs `write_database`
/// or `promote_branches`: a credential alone does not let its owner switch them off. Refused (`SAFE_MIGRATIONS`): what
/// could change the schema all the same is there. Repeated, it changes nothing.
pub async fn set_safe_migrations(
    control: &Control,
    at: &LocatedBranch,
    on: bool,
    expected: &Expected,
) -> Result<BranchView, Refusal> {
    at.within
        .require(&[Access::WriteDatabase, Access::PromoteBranches])?;
    if on {
        nothing_evades(control, at).await?;
    }
    let now = control.now();
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    let what = format!("branch \"{}\"", branch.name);
    expected.check(&Revision::of_branch(&branch), what)?;
    let import = tx.live_import(branch.id).await?;
    let Some(state) = plan_safe_migrations(&branch, &at.database().name, on, import.as_ref())?
    else {
        drop(tx);
        return control.branch_view(branch.id).await;
    };
    tx.set_safe_migrations(branch.id, state, Some(now)).await?;
    let action = match on {
        true => "branch.safe_migrations_enabled",
        false => "branch.safe_migrations_disabled",
    };
    control.note_branch(&mut tx, at, action).await?;
    tx.commit().await?;
    control.changed();
    control.safe_migrations_set(branch.id).await;
    control.branch_view(branch.id).await
}

/// Refused: procedures and events with their definer's rights that say they change triggers or events. For these the
/// definer keeps the privileges.
async fn nothing_evades(control: &Control, at: &LocatedBranch) -> Result<(), Refusal> {
    let mut session = control.0.store.read().await?;
    let row = session.branch_by_id(at.branch.id).await?;
    let branch = row.ok_or_else(|| Refusal::not_found("the branch"))?;
    let import = session.live_import(branch.id).await?;
    drop(session);
    if plan_safe_migrations(&branch, &at.database().name, true, import.as_ref())?.is_none() {
        return Ok(());
    }
    let endpoint = control.open_branch(branch.id).await?;
    let found = control.0.ports.instances.evasions(&endpoint).await;
    let found = found.map_err(Fail::from)?;
    if found.is_empty() {
        return Ok(());
    }
    /// Names that fit a sentence.
    const SHOWN: usize = 5;
    let more = found.len().saturating_sub(SHOWN);
    let mut named = found[..found.len() - more].join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    Err(Refusal::unprocessable(format!(
        "what could change triggers or events with the rights of its definer is in branch \"{}\": {named}",
        branch.name
    ))
    .code(code::SAFE_MIGRATIONS)
    .hint(
        "give procedures the rights of their caller (ALTER PROCEDURE … SQL SECURITY INVOKER), drop or rewrite such events",
    ))
}
