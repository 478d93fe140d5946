//! "Did you mean": names that are like one that does not exist.

use crate::session::Session;
use offshoot_client::{Error, PageOf};

/// How many names are looked at.
const PAGE: PageOf = PageOf {
    page: None,
    per_page: Some(100),
};

/// What the user may have meant, after a call that found nothing: the answer names the path that
/// was called, so one place serves every command.
pub(crate) async fn meant(session: &Session<'_>, error: &Error) -> Option<String> {
    let refused = error.refused().filter(|_| error.not_found())?;
    let parts: Vec<&str> = refused.path.trim_start_matches('/').split('/').collect();
    let ["v1", "organizations", org, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let client = &session.client;
    let ["databases", database, rest @ ..] = rest else {
        let all = client.list_organizations(PAGE).await.ok()?.data;
        return question(org, all.iter().map(|o| (o.name.as_str(), o.id.as_str())));
    };
    let Ok(all) = client.list_databases(org, PAGE).await else {
        return None;
    };
    let names = || all.data.iter().map(|d| (d.name.as_str(), d.id.as_str()));
    if !names().any(|(name, id)| name == *database || id == *database) {
        return question(database, names());
    }
    let ["branches", branch, ..] = rest else {
        return None;
    };
    let all = client.list_branches(org, database, PAGE).await.ok()?.data;
    let names = || all.iter().map(|b| (b.name.as_str(), b.id.as_str()));
    match names().any(|(name, id)| name == *branch || id == *branch) {
        true => None,
        false => question(branch, names()),
    }
}

fn question<'a>(wrong: &str, names: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let name = nearest(wrong, names.map(|(name, _)| name))?;
    Some(format!("did you mean {name}?"))
}

/// The name that differs least, if it differs little: a third of its characters at most.
fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    names
        .map(|name| {
            (
                strsim::damerau_levenshtein(&wrong, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_near_is_suggested() {
        let names = ["main", "sprint-42", "sprint-43", "release"];
        for (wrong, meant) in [
            ("sprint-24", Some("sprint-42")),
            ("Sprint-43", Some("sprint-43")),
            ("mian", Some("main")),
            ("relaese", Some("release")),
            ("staging", None),
            ("x", None),
        ] {
            assert_eq!(nearest(wrong, names.into_iter()), meant, "{wrong}");
        }
    }
}
