//! Whether a branch may be deleted, and what goes with it.

use crate::branch::Branch;
use crate::id::BranchId;
use crate::refusal::{Refusal, code};

#[derive(Clone, Copy, Debug)]
pub struct DeleteFacts<'a> {
    /// The branch itself first, then all that descend from it.
    pub tree: &'a [Branch],
    pub default_branch: BranchId,
    /// The caller asked for the descendants to go too.
    pub descendants: bool,
    /// The caller may delete development, production branches.
    pub may_development: bool,
    pub may_production: bool,
}

/// The branches that go.
pub fn plan_delete(facts: &DeleteFacts<'_>) -> Result<Vec<BranchId>, Refusal> {
    let Some(branch) = facts.tree.first() else {
        return Err(Refusal::not_found("the branch"));
    };
    if branch.id == facts.default_branch {
        return Err(Refusal::unprocessable(format!(
            "\"{}\" is the default branch of its database",
            branch.name
        ))
        .code(code::PROTECTED)
        .hint("make another branch the default one first, or delete the database"));
    }
    if facts.tree.len() > 1 && !facts.descendants {
        let names: Vec<&str> = facts.tree[1..]
            .iter()
            .take(5)
            .map(|b| b.name.as_str())
            .collect();
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" has {} descendants: {}",
            branch.name,
            facts.tree.len() - 1,
            names.join(", ")
        ))
        .code(code::HAS_DESCENDANTS)
        .hint("delete them first, or ask for descendants to be deleted too"));
    }
    for b in facts.tree {
        if b.id == facts.default_branch || b.deletion_protected {
            return Err(Refusal::unprocessable(format!(
                "branch \"{}\" is protected from deletion",
                b.name
            ))
            .code(code::PROTECTED)
            .hint("switch its deletion protection off first"));
        }
        let (may, access) = if b.production {
            (facts.may_production, "delete_production_branch")
        } else {
            (facts.may_development, "delete_branch")
        };
        if !may {
            return Err(Refusal::new(
                crate::Kind::Forbidden,
                format!("the token may not delete branch \"{}\"", b.name),
            )
            .hint(format!("grant it {access}")));
        }
    }
    Ok(facts.tree.iter().map(|b| b.id).collect())
}
