//! List and show.

use super::{BranchFilter, BranchView};
use crate::Control;
use crate::locate::{LocatedBranch, LocatedDatabase};
use crate::page::{Listed, Page};
use offshoot_core::Refusal;
use offshoot_store::branch::{BranchDetail, BranchQuery};

/// Oldest first, unless the filter says otherwise.
pub async fn list(
    control: &Control,
    at: &LocatedDatabase,
    filter: &BranchFilter,
    page: Page,
) -> Result<Listed<BranchView>, Refusal> {
    let query = BranchQuery {
        q: filter.q.as_deref().filter(|q| !q.is_empty()),
        production: filter.production,
        safe_migrations: filter.safe_migrations,
        newest_first: filter.newest_first,
        labels: Some(&filter.labels),
        offset: page.offset(),
        limit: page.per_page().into(),
    };
    let (rows, total) = control
        .0
        .store
        .read()
        .await?
        .branches(at.database.id, &query)
        .await?;
    Ok(Listed {
        items: rows.into_iter().map(|row| control.view_of(row)).collect(),
        total,
        page,
    })
}

pub async fn show(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    // By its id, as it may have been renamed since.
    let found = control
        .branch_named(at.database().id, at.branch.id.as_str())
        .await?
        .ok_or_else(|| Refusal::not_found("the branch"))?;
    Ok(control.view_of(BranchDetail::clone(&found)))
}
