//! What templates of receivers give: names that are valid where they are used.

use crate::automation::name::{file_name, render, slug};
use offshoot_core::automation::Deliver;
use serde_json::{Value, json};

/// Longest name that a prefix may make, with what stands behind it.
const PREFIX: usize = 64;
/// Longest name of an object of Kubernetes.
const OBJECT: usize = 253;
/// Longest path, environment or scope, in bytes.
const TEXT: usize = 255;

/// What templates of receivers know beside the iteration.
pub(crate) fn variables(database: &str, branch: &str, credential: &str) -> Value {
    json!({ "database": database, "branch": branch, "credential": credential })
}

fn rendered(what: &str, template: &str, variables: &Value) -> Result<String, String> {
    let text =
        render(template, variables).map_err(|why| format!("the {what}'s template: {why}"))?;
    let text = text.trim();
    match text.is_empty() || text.len() > TEXT || text.contains(char::is_control) {
        true => Err(format!("the {what}'s template gives {text:?}")),
        false => Ok(text.to_owned()),
    }
}

/// What names of variables begin with: upper-case letters, digits and `_`, made of whatever the template gives.
pub(super) fn prefix(template: &str, variables: &Value) -> Result<String, String> {
    let text = rendered("prefix", template, variables)?;
    let mut name: String = text
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    match name.len() > PREFIX || name.bytes().all(|b| b == b'_') {
        true => Err(format!(
            "the prefix's template gives {text:?}, of which no name of a variable can be made"
        )),
        false => Ok(name),
    }
}

/// An environment, or which ones are meant.
pub(super) fn environment(template: &str, variables: &Value) -> Result<String, String> {
    rendered("environment", template, variables)
}

/// The path of a secret: parts between slashes, none of which leads elsewhere.
pub(super) fn path(template: &str, variables: &Value) -> Result<String, String> {
    let text = rendered("path", template, variables)?;
    let text = text.trim_matches('/');
    let fits = text.split('/').all(|part| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%' | b'\\'))
    });
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "the path's template gives {text:?}: write parts between slashes, without spaces and without .."
        )),
    }
}

/// The name of an object of Kubernetes (a subdomain of RFC 1123), made of whatever the template gives.
pub(super) fn object(template: &str, variables: &Value) -> Result<String, String> {
    let text = rendered("name", template, variables)?;
    let parts = text.split('.').map(slug);
    let mut name = parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(".");
    name.truncate(OBJECT);
    name.truncate(name.trim_end_matches(['-', '.']).len());
    match name.is_empty() {
        true => Err(format!(
            "the name's template gives {text:?}, of which no name of a Secret can be made"
        )),
        false => Ok(name),
    }
}

/// What a delivery writes to: two that are the same overwrite each other. `None`: nothing is overwritten.
pub(crate) fn target(deliver: &Deliver, variables: &Value) -> Result<Option<String>, String> {
    Ok(match deliver {
        Deliver::Link(_) | Deliver::Webhook(_) => None,
        Deliver::File(file) => Some(format!("file {}", file_name(&file.name, variables)?)),
        Deliver::Kubernetes(secret) => {
            Some(format!("file {}", file_name(&secret.file, variables)?))
        }
        Deliver::GithubActions(github) => {
            let environment = github.environment.as_deref();
            let environment = environment
                .map(|e| environment_of(e, variables))
                .transpose()?;
            Some(format!(
                "github {} {} {}",
                github.repository.to_lowercase(),
                environment.unwrap_or_default(),
                prefix(&github.prefix, variables)?
            ))
        }
        Deliver::GitlabCi(gitlab) => Some(format!(
            "gitlab {} {} {}",
            gitlab.project.to_lowercase(),
            environment(&gitlab.environment_scope, variables)?,
            prefix(&gitlab.prefix, variables)?
        )),
        Deliver::Vault(vault) => Some(format!(
            "vault {} {} {} {}",
            vault.url,
            vault.namespace.as_deref().unwrap_or_default(),
            vault.mount,
            path(&vault.path, variables)?
        )),
    })
}

/// Environments are the same whatever the case.
fn environment_of(template: &str, variables: &Value) -> Result<String, String> {
    environment(template, variables).map(|e| e.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Value {
        let mut all = variables("shop", "sprint-42", "app_1");
        all["iteration"] = json!({"number": 42, "name": "Sprint №42"});
        all
    }

    #[test]
    fn a_prefix_is_made_fit_for_a_variable() {
        for (template, name) in [
            ("DATABASE", "DATABASE"),
            ("{{ branch }}", "SPRINT_42"),
            ("{{ iteration.number }}", "_42"),
            ("db {{ credential }}", "DB_APP_1"),
        ] {
            assert_eq!(prefix(template, &some()).unwrap(), name, "{template}");
        }
        let long = "x".repeat(65);
        for bad in [
            "",
            "--",
            "{{ nobody }}",
            "{{ iteration.nome }}",
            long.as_str(),
        ] {
            assert!(prefix(bad, &some()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_stays_in_its_mount() {
        let good = path("/{{ database }}/{{ branch }}/", &some()).unwrap();
        assert_eq!(good, "shop/sprint-42");
        for bad in ["a//b", "../b", "a/./b", "a b", "a?b", "a%2e", "", "/"] {
            assert!(path(bad, &some()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_object_has_a_name_that_kubernetes_takes() {
        for (template, name) in [
            (
                "{{ database }}-{{ branch }}-{{ credential }}",
                "shop-sprint-42-app-1",
            ),
            ("{{ iteration.name }}", "sprint-42"),
            ("A.B..C", "a.b.c"),
            ("a.", "a"),
        ] {
            assert_eq!(object(template, &some()).unwrap(), name, "{template}");
        }
        assert!(object("№", &some()).is_err());
        assert_eq!(object(&"x".repeat(255), &some()).unwrap().len(), OBJECT);
    }

    #[test]
    fn what_would_overwrite_each_other_is_the_same_target() {
        let read = |value: Value| serde_json::from_value::<Deliver>(value).unwrap();
        let same = |one: Value, other: Value| {
            let [one, other] = [one, other].map(|v| target(&read(v), &some()).unwrap());
            one.is_some() && one == other
        };
        let github = |rest: Value| {
            let mut all = json!({"repository": "acme/shop"});
            all.as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            json!({"github_actions": all})
        };
        assert!(same(
            github(json!({})),
            github(json!({"prefix": "database"}))
        ));
        assert!(!same(github(json!({})), github(json!({"prefix": "CI"}))));
        assert!(!same(
            github(json!({})),
            github(json!({"environment": "x"}))
        ));
        assert!(same(
            json!({"file": {"name": "a.yaml"}}),
            json!({"kubernetes": {"file": "a.yaml"}})
        ));
        assert!(!same(json!({"link": {}}), json!({"link": {}})));
    }
}
