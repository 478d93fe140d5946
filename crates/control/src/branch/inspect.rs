//! What an engine says of a branch: schema, difference to the parent, log.

use super::ObjectText;
use crate::Control;
use crate::fail::Fail;
use crate::locate::LocatedBranch;
use offshoot_core::id::BranchId;
use offshoot_core::refusal::Refusal;
use offshoot_schema::lint::Finding;
use offshoot_schema::{ObjectKind, SchemaObject};

/// Most lines of a log in one answer.
const MAX_LINES: usize = 10_000;

/// What is questionable about the branch's tables; wakes the branch.
pub async fn lint(control: &Control, at: &LocatedBranch) -> Result<Vec<Finding>, Refusal> {
    let endpoint = control.open_branch(at.branch.id).await?;
    let tables = control.0.ports.schemas.tables(&endpoint).await;
    Ok(offshoot_schema::lint::lint(tables.map_err(Fail::from)?))
}

/// The branch's tables and other objects as the engine shows them, of one MySQL schema or of all;
/// wakes the branch.
pub async fn schema(
    control: &Control,
    at: &LocatedBranch,
    keyspace: Option<&str>,
) -> Result<Vec<ObjectText>, Refusal> {
    let own = &at.database().schema_name;
    let objects = read(control, at.branch.id).await?;
    Ok(objects
        .into_iter()
        .filter(|o| o.name.kind != ObjectKind::Schema)
        .filter(|o| keyspace.is_none_or(|k| o.name.schema == k))
        .map(|o| ObjectText {
            name: if o.name.schema == *own {
                o.name.name.clone()
            } else {
                format!("{}.{}", o.name.schema, o.name.name)
            },
            raw: o.ddl,
        })
        .collect())
}

/// Unified diff of every object that differs from the parent's; wakes both.
pub async fn diff(control: &Control, at: &LocatedBranch) -> Result<Vec<ObjectText>, Refusal> {
    let Some(parent) = at.branch.parent else {
        return Ok(Vec::new());
    };
    let parent = read(control, parent).await?;
    let branch = read(control, at.branch.id).await?;
    Ok(offshoot_schema::diff::diff(&parent, &branch)
        .into_iter()
        .map(|d| ObjectText {
            name: d.name,
            raw: d.raw,
        })
        .collect())
}

/// The last lines of the engine's log, oldest first.
pub async fn logs(
    control: &Control,
    at: &LocatedBranch,
    lines: usize,
) -> Result<Vec<String>, Refusal> {
    let lines = lines.min(MAX_LINES);
    Ok(control
        .0
        .ports
        .instances
        .logs(at.branch.instance, lines)
        .await
        .map_err(Fail::from)?)
}

async fn read(control: &Control, branch: BranchId) -> Result<Vec<SchemaObject>, Refusal> {
    let endpoint = control.open_branch(branch).await?;
    Ok(control
        .0
        .ports
        .schemas
        .read(&endpoint, None)
        .await
        .map_err(Fail::from)?)
}
