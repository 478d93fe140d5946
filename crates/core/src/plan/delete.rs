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

/// Descendants that a refusal names.
const NAMED: usize = 5;

/// The branches that go.
pub fn plan_delete(facts: &DeleteFacts<'_>) -> Result<Vec<BranchId>, Refusal> {
    let Some(branch) = facts.tree.first() else {
        return Err(Refusal::not_found("the branch"));
    };
    if branch.id == facts.default_branch {
        return Err(default_stays(branch));
    }
    if facts.tree.len() > 1 && !facts.descendants {
        let below = &facts.tree[1..];
        let named: Vec<&str> = below.iter().take(NAMED).map(|b| b.name.as_str()).collect();
        let more = match below.len() - named.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" has descendants: {}{more}",
            branch.name,
            named.join(", ")
        ))
        .code(code::HAS_DESCENDANTS)
        .hint("delete them first, or all together with --delete-descendants (delete_descendants=true)"));
    }
    for b in facts.tree {
        if b.id == facts.default_branch {
            return Err(default_stays(b));
        }
        if b.deletion_protected {
            return Err(Refusal::unprocessable(format!(
                "branch \"{}\" is protected from deletion",
                b.name
            ))
            .code(code::PROTECTED)
            .hint(format!(
                "switch its deletion protection off first: offshoot branch unprotect DATABASE {}",
                b.name
            )));
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

fn default_stays(branch: &Branch) -> Refusal {
    Refusal::unprocessable(format!(
        "\"{}\" is the default branch of its database",
        branch.name
    ))
    .code(code::DEFAULT_BRANCH)
    .hint("make another branch the default one first (offshoot database update DATABASE --default-branch BRANCH), or delete the database")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::branch::{BranchState, Runtime, Seed};
    use crate::name::BranchName;
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    pub(crate) fn branch(name: &str, production: bool, deletion_protected: bool) -> Branch {
        let id = format!("{name:x<12}");
        Branch {
            id: id.parse().unwrap(),
            database_id: id.parse().unwrap(),
            name: BranchName::parse(name).unwrap(),
            parent: None,
            production,
            state: BranchState::Ready,
            seed: Seed::Schema,
            runtime: Runtime::Managed,
            engine: "mysql-9.7.4".parse().unwrap(),
            volume: id.parse().unwrap(),
            instance: id.parse().unwrap(),
            deletion_protected,
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
    fn what_may_go_goes_and_the_rest_names_the_reason() {
        let main = branch("main", true, false);
        let (a, b) = (branch("a", false, false), branch("b", false, false));
        let kept = branch("kept", false, true);
        let prod = branch("prod", true, false);
        for (tree, descendants, may_development, may_production, expected) in [
            (vec![a.clone()], false, true, false, Ok(1)),
            (vec![a.clone(), b.clone()], true, true, false, Ok(2)),
            (
                vec![a.clone(), b],
                false,
                true,
                false,
                Err(code::HAS_DESCENDANTS),
            ),
            (
                vec![main.clone()],
                true,
                true,
                true,
                Err(code::DEFAULT_BRANCH),
            ),
            (
                vec![a.clone(), main.clone()],
                true,
                true,
                true,
                Err(code::DEFAULT_BRANCH),
            ),
            (vec![kept.clone()], false, true, true, Err(code::PROTECTED)),
            (
                vec![a.clone(), kept],
                true,
                true,
                true,
                Err(code::PROTECTED),
            ),
            (vec![prod.clone()], false, true, false, Err(code::FORBIDDEN)),
            (vec![prod.clone()], false, false, true, Ok(1)),
            (
                vec![a.clone(), prod],
                true,
                true,
                false,
                Err(code::FORBIDDEN),
            ),
            (vec![a], false, false, true, Err(code::FORBIDDEN)),
            (vec![], false, true, true, Err(code::NOT_FOUND)),
        ] {
            let planned = plan_delete(&DeleteFacts {
                tree: &tree,
                default_branch: main.id,
                descendants,
                may_development,
                may_production,
            });
            let found = planned.map(|ids| ids.len()).map_err(|r| r.code);
            assert_eq!(found, expected, "{tree:?}");
        }
    }
}
