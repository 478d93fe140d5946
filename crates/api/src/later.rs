//! Addresses that PlanetScale's clients call and this server has no use for, or not yet: each with a
//! sentence that says why, so that nobody takes a feature for a mistyped name.

const VITESS: &str = "this belongs to Vitess; a branch here is one MySQL server without shards";
const DEPLOY: &str = "there are no deploy requests yet";
const PEOPLE: &str =
    "there are no teams here: what a member may do is said by their role, and by service tokens";
const BILLING: &str = "there is no billing here";
const OAUTH: &str =
    "there are no OAuth applications here: programs log in with a code that a user confirms";
const POSTGRES: &str = "this belongs to PostgreSQL databases, and there are only MySQL ones here";
const INSIGHTS: &str =
    "there are no query insights yet; the engine's own views are there for role admin";
const IMPORT: &str = "imports from a running server are not there yet";
const EXPORTS: &str =
    "refused logins are in the audit log and in the password's last_refused_reason";
const MAINTENANCE: &str = "there are no maintenance windows: an engine is upgraded when you say so";

const OF_ORGANIZATION: &[(&str, &str)] = &[
    ("teams", PEOPLE),
    ("invoices", BILLING),
    ("oauth-applications", OAUTH),
    ("auth-attempt-exports", EXPORTS),
    ("data-imports", IMPORT),
];
const OF_DATABASE: &[(&str, &str)] = &[
    ("throttler", VITESS),
    ("workflows", VITESS),
    ("maintenance-schedules", MAINTENANCE),
    ("deploy-requests", DEPLOY),
    ("deploy-queue", DEPLOY),
    ("schema-recommendations", INSIGHTS),
    ("data-imports", IMPORT),
    ("cidrs", POSTGRES),
];
const OF_BRANCH: &[(&str, &str)] = &[
    ("routing-rules", VITESS),
    ("vtctld", VITESS),
    ("tablets", VITESS),
    ("planned-reparent", VITESS),
    ("move-tables", VITESS),
    ("materialize", VITESS),
    ("lookup-vindex", VITESS),
    ("vdiff", VITESS),
    ("keyspaces", VITESS),
    ("query-patterns", INSIGHTS),
    ("metrics", INSIGHTS),
    ("insights", INSIGHTS),
    ("anomalies", INSIGHTS),
    ("errors", INSIGHTS),
    ("extensions", POSTGRES),
    ("parameters", POSTGRES),
    ("changes", POSTGRES),
    ("bouncers", POSTGRES),
    ("roles", POSTGRES),
    ("traffic", POSTGRES),
];

/// Why there is nothing at a path that clients call; `None` for a path that nobody knows.
pub(crate) fn reason(path: &str) -> Option<&'static str> {
    let mut segments = path.trim_matches('/').split('/');
    let (v1, organizations) = (segments.next()?, segments.next()?);
    if v1 != "v1" || organizations != "organizations" {
        return None;
    }
    let rest: Vec<&str> = segments.collect();
    let (table, name) = match rest.as_slice() {
        [_, "databases", _, "branches", _, name, ..] => (OF_BRANCH, name),
        [_, "databases", _, name, ..] => (OF_DATABASE, name),
        [_, name, ..] => (OF_ORGANIZATION, name),
        _ => return None,
    };
    table.iter().find(|(n, _)| n == name).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_call_has_a_reason() {
        let branch = "/v1/organizations/o/databases/d/branches/b";
        assert_eq!(reason(&format!("{branch}/vtctld/workflows")), Some(VITESS));
        assert_eq!(
            reason("/v1/organizations/o/databases/d/deploy-requests"),
            Some(DEPLOY)
        );
        assert_eq!(reason("/v1/organizations/o/teams/t/members"), Some(PEOPLE));
        assert_eq!(reason("/v1/organizations/o/data-imports/new"), Some(IMPORT));
        for nothing in [
            "/",
            "/v1",
            "/v1/organizations/o",
            branch,
            "/v1/organizations/o/x",
        ] {
            assert_eq!(reason(nothing), None, "{nothing}");
        }
    }
}
