//! Which token a credential is delivered with: one of its own, kept for the address that it was given for,
//! or the integration's, which goes only where the integration goes, and only for what it is about.

use crate::integration::settings_of;
use offshoot_core::automation::Deliver;
use offshoot_core::integration::Integration;
use offshoot_core::refusal::Refusal;
use serde_json::{Map, Value};

/// Whose token, and the address that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Own(String),
    Integration(String),
}

/// `own`: the credential has a token of its own for its address. `None`: none is needed. Refused where none
/// can be used, with the reason.
pub(crate) fn source(
    deliver: &Deliver,
    own: bool,
    integration: &Integration,
) -> Result<Option<Source>, Refusal> {
    let Some(address) = deliver.token_goes_to() else {
        return Ok(None);
    };
    if own {
        return Ok(Some(Source::Own(address.to_owned())));
    }
    let borrowed = match deliver {
        Deliver::GithubActions(github) => Borrowed {
            tool: "github",
            setting: "api_url",
            given: github.api_url.as_deref(),
            list: "repositories",
            wanted: &github.repository,
        },
        Deliver::GitlabCi(gitlab) => Borrowed {
            tool: "gitlab",
            setting: "url",
            given: gitlab.url.as_deref(),
            list: "projects",
            wanted: &gitlab.project,
        },
        _ => return Err(missing(deliver, "it needs a token of its own")),
    };
    let address = borrowed.of(integration);
    address
        .map(|address| Some(Source::Integration(address)))
        .map_err(|why| missing(deliver, &why))
}

/// What of an integration's a delivery may use.
struct Borrowed<'a> {
    tool: &'static str,
    /// The setting with the address.
    setting: &'static str,
    given: Option<&'a str>,
    /// The setting with what the integration is about.
    list: &'static str,
    wanted: &'a str,
}

impl Borrowed<'_> {
    fn of(&self, integration: &Integration) -> Result<String, String> {
        let name = &integration.name;
        if integration.tool != self.tool {
            return Err(format!("integration \"{name}\" has no token for that"));
        }
        if !integration.has_token {
            return Err(format!("integration \"{name}\" has no token"));
        }
        let settings = settings_of(integration).map_err(|refusal| refusal.public)?;
        let settings = settings.to_json();
        let address = text(&settings, self.setting).unwrap_or_default();
        if self.given.is_some_and(|given| given != address) {
            return Err(format!(
                "the token of integration \"{name}\" goes to {address} only"
            ));
        }
        let listed = settings.get(self.list).and_then(Value::as_array);
        let mut listed = listed.into_iter().flatten().filter_map(Value::as_str);
        match listed.any(|l| l.eq_ignore_ascii_case(self.wanted)) {
            true => Ok(address.to_owned()),
            false => Err(format!(
                "{} is not among the {} of integration \"{name}\", whose token is for those",
                self.wanted, self.list
            )),
        }
    }
}

fn text<'a>(settings: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    settings.get(name)?.as_str()
}

fn missing(deliver: &Deliver, why: &str) -> Refusal {
    Refusal::unprocessable(format!(
        "there is no token to write to {} with: {why}",
        deliver.destination()
    ))
    .hint("give the credential one: --token-file CREDENTIAL=FILE (offshoot automation create, update or apply)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use offshoot_core::integration::Polling;
    use offshoot_core::name::IntegrationName;
    use serde_json::json;

    fn integration(tool: &str, settings: Value, has_token: bool) -> Integration {
        Integration {
            id: "iiiiiiiiiiii".parse().unwrap(),
            organization_id: "oooooooooooo".parse().unwrap(),
            name: IntegrationName::parse("tool").unwrap(),
            tool: tool.to_owned(),
            settings,
            enabled: true,
            poll_every: None,
            has_token,
            polling: Polling::default(),
            last_delivery_at: None,
            actor: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_token_goes_only_where_it_was_given_for() {
        let github = |has_token| {
            let settings =
                json!({"repositories": ["acme/shop"], "api_url": "https://ghe.example.com/api/v3"});
            integration("github", settings, has_token)
        };
        let gitlab = integration("gitlab", json!({"projects": ["acme/web/shop"]}), true);
        let to = |value: Value| serde_json::from_value::<Deliver>(value).unwrap();
        let shop = to(json!({"github_actions": {"repository": "Acme/Shop"}}));
        let ghe = "https://ghe.example.com/api/v3".to_owned();
        for (deliver, own, integration, expected) in [
            (to(json!({"link": {}})), false, github(true), Ok(None)),
            (
                shop.clone(),
                false,
                github(true),
                Ok(Some(Source::Integration(ghe))),
            ),
            // One of its own goes to the address of the rule.
            (
                shop.clone(),
                true,
                github(true),
                Ok(Some(Source::Own("https://api.github.com".into()))),
            ),
            (shop.clone(), false, github(false), Err("has no token")),
            (shop, false, gitlab.clone(), Err("no token for that")),
            (
                to(json!({"github_actions": {"repository": "acme/other"}})),
                false,
                github(true),
                Err("not among the repositories"),
            ),
            (
                to(
                    json!({"github_actions": {"repository": "acme/shop", "api_url": "https://evil.example.com"}}),
                ),
                false,
                github(true),
                Err("goes to https://ghe.example.com/api/v3 only"),
            ),
            (
                to(json!({"gitlab_ci": {"project": "acme/web/shop"}})),
                false,
                gitlab.clone(),
                Ok(Some(Source::Integration("https://gitlab.com".into()))),
            ),
            (
                to(json!({"vault": {"url": "https://vault.example.com"}})),
                false,
                gitlab,
                Err("token of its own"),
            ),
        ] {
            let found = source(&deliver, own, &integration);
            match expected {
                Ok(expected) => assert_eq!(found.unwrap(), expected),
                Err(part) => {
                    let refusal = found.unwrap_err().to_string();
                    assert!(refusal.contains(part), "{refusal}");
                }
            }
        }
    }
}
