//! Variables of GitLab CI: changed where there is one of the name in the scope, else made.
//!
//! <https://docs.gitlab.com/api/project_level_variables/>. What is to be masked is masked or not delivered: GitLab
//! masks no value that has less than eight characters, spaces or lines.

use super::format::Named;
use super::receiver::{Answer, Api, Undelivered, escaped};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Shortest value that GitLab masks, in characters.
const SHORTEST: usize = 8;

/// Where in GitLab, and how.
pub(super) struct Place<'a> {
    /// Path or number.
    pub(super) project: &'a str,
    /// Which environments see it.
    pub(super) scope: &'a str,
    pub(super) protected: bool,
    pub(super) masked: bool,
}

pub(super) async fn deliver(
    api: &Api<'_>,
    place: &Place<'_>,
    values: &[(String, Named)],
) -> Result<(), Undelivered> {
    // Before anything is written.
    for (name, value) in values {
        if place.masked && value.secret {
            maskable(value.text.expose_secret()).map_err(|why| {
                Undelivered::new(format!(
                    "GitLab cannot mask {name}, because {why}; nothing was written. Leave it out with format, or let the rule say masked: false"
                ))
            })?;
        }
    }
    for (name, value) in values {
        place.put(api, name, value).await?;
    }
    Ok(())
}

impl Place<'_> {
    async fn put(&self, api: &Api<'_>, name: &str, value: &Named) -> Result<(), Undelivered> {
        let project = escaped(self.project);
        let masked = self.masked && value.secret;
        // A certificate is what programs are given as a file.
        let file = value.part == "CA";
        let body = json!({
            "key": name,
            "value": value.text.expose_secret(),
            "variable_type": if file { "file" } else { "env_var" },
            "environment_scope": self.scope,
            "protected": self.protected,
            "masked": masked,
            // Nothing in it stands for another variable.
            "raw": true,
        });
        let variables = format!("/projects/{project}/variables");
        let one = format!(
            "{variables}/{}?filter%5Benvironment_scope%5D={}",
            escaped(name),
            escaped(self.scope)
        );
        let mut answer = api.ask("PUT", &one, Some(&body)).await?;
        if answer.status == 404 && answer.has("Variable Not Found") {
            answer = api.ask("POST", &variables, Some(&body)).await?;
        }
        if !answer.good() {
            return Err(self.refused(name, masked, &answer, &api.renew));
        }
        match masked && answer.body.get("masked").and_then(Value::as_bool) == Some(false) {
            true => Err(Undelivered::new(format!(
                "GitLab did not mask {name}, though it was asked to"
            ))),
            false => Ok(()),
        }
    }

    fn refused(&self, name: &str, masked: bool, answer: &Answer, renew: &str) -> Undelivered {
        let (project, said) = (self.project, answer.said());
        Undelivered::new(match answer.status {
            403 => format!(
                "GitLab does not let the token write variables of {project}{said}: it needs the role Maintainer and the scope api; give another: {renew}"
            ),
            404 => format!(
                "GitLab knows no project {project}, or the token may not see it{said}: it needs the role Maintainer and the scope api"
            ),
            400 if masked => format!("GitLab refuses variable {name}, which it is to mask{said}"),
            _ => format!("GitLab refuses variable {name}{said}"),
        })
    }
}

/// Why GitLab would not mask it.
fn maskable(value: &str) -> Result<(), &'static str> {
    match value {
        v if v.chars().count() < SHORTEST => Err("it has less than 8 characters"),
        v if v.contains(['\n', '\r']) => Err("it has several lines"),
        v if v.contains(char::is_whitespace) => Err("it has spaces"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gitlab_does_not_mask_is_known_before() {
        for good in ["ofs_pw_s", "mysql://u:p@[::1]:7306/shop"] {
            assert_eq!(maskable(good), Ok(()), "{good}");
        }
        for (bad, part) in [
            ("7306", "less than 8"),
            ("with a space", "spaces"),
            ("one line\nanother", "lines"),
        ] {
            assert!(maskable(bad).unwrap_err().contains(part), "{bad}");
        }
    }
}
