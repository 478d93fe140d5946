//! OAuth scopes: what a program asks for, in the accesses that service tokens have. Source: the four that PlanetScale's CLI
//! asks for at every login; besides them each access is a scope of its own name.

use crate::access::Access;

/// What a login of `pscale` needs for reading the organization, its audit log and its service tokens.
const READ_ORGANIZATION: [Access; 3] = [
    Access::ReadOrganization,
    Access::ReadAuditLogs,
    Access::ReadServiceTokens,
];
const READ_DATABASES: [Access; 4] = [
    Access::ReadDatabases,
    Access::ReadDatabase,
    Access::ReadBranch,
    Access::ReadBackups,
];

/// The accesses of a scope; `None`: there is no scope of that name.
pub fn accesses(scope: &str) -> Option<Vec<Access>> {
    match scope {
        "read_user" => Some(Vec::new()),
        "read_organization" | "read_organizations" => Some(READ_ORGANIZATION.to_vec()),
        "read_databases" => Some(READ_DATABASES.to_vec()),
        "write_databases" => Some(databases().collect()),
        name => Some(vec![name.parse().ok()?]),
    }
}

/// What a scope means, for the page on which it is allowed.
pub fn describe(scope: &str) -> &'static str {
    match scope {
        "read_user" => "Know who you are",
        "read_organization" | "read_organizations" => {
            "Read the organization, its audit log and its service tokens"
        }
        "read_databases" => "Read databases, branches and backups",
        "write_databases" => {
            "Create, change and delete databases, branches, passwords, backups and service tokens"
        }
        name => name
            .parse()
            .map_or("Nothing that is known", Access::description),
    }
}

/// Everything but the organization itself: its members stay as they are.
fn databases() -> impl Iterator<Item = Access> {
    let not = [Access::WriteOrganization, Access::ReadAuditLogs];
    Access::ALL
        .iter()
        .copied()
        .filter(move |a| !not.contains(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pscale_asks_for_leaves_members_alone() {
        let asked = "read_databases write_databases read_user read_organization";
        let all: Vec<Access> = asked
            .split(' ')
            .flat_map(|s| accesses(s).unwrap())
            .collect();
        for access in Access::ALL {
            assert_eq!(
                all.contains(access),
                *access != Access::WriteOrganization,
                "{access}"
            );
        }
    }

    #[test]
    fn every_access_is_a_scope_that_says_what_it_is() {
        for access in Access::ALL
            .iter()
            .filter(|a| !["read_organization", "read_databases"].contains(&a.as_str()))
        {
            assert_eq!(accesses(access.as_str()), Some(vec![*access]));
            assert_eq!(describe(access.as_str()), access.description());
        }
        assert_eq!(accesses("everything"), None);
    }
}
