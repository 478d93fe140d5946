//! How credentials are delivered, and the tokens of receivers, as flags say it.

use crate::failure::Failure;
use crate::integration::read_secret;
use clap::Args;
use offshoot_api_types::AutomationRule;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Tokens come from files or the environment: a command line is seen by everybody on the machine.
#[derive(Debug, Args)]
pub(super) struct Tokens {
    /// File with the token that the receiver of a credential is reached with; - is standard input. May be given
    /// several times
    #[arg(long, value_name = "CREDENTIAL=FILE", group = "change")]
    token_file: Vec<String>,
    /// The same, from a variable of the environment
    #[arg(long, value_name = "CREDENTIAL=VARIABLE", group = "change")]
    token_env: Vec<String>,
}

impl Tokens {
    /// By what stands before the equals sign.
    pub(super) fn read(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut tokens = BTreeMap::new();
        for text in &self.token_file {
            let (name, file) = pair(text, "CREDENTIAL=FILE")?;
            put(&mut tokens, name, read_secret(Path::new(file))?)?;
        }
        for text in &self.token_env {
            let (name, variable) = pair(text, "CREDENTIAL=VARIABLE")?;
            let value = std::env::var(variable).unwrap_or_default();
            if value.trim().is_empty() {
                return Err(Failure::usage(
                    format!("the environment has no {variable}"),
                    "export it, or give the token in a file: --token-file",
                ));
            }
            put(&mut tokens, name, value.trim().to_owned())?;
        }
        Ok(tokens)
    }
}

fn put(tokens: &mut BTreeMap<String, String>, name: &str, token: String) -> Result<(), Failure> {
    match tokens.insert(name.to_owned(), token) {
        None => Ok(()),
        Some(_) => Err(Failure::usage(
            format!("credential {name} is given two tokens"),
            "give it one",
        )),
    }
}

fn pair<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    let found = text.split_once('=').map(|(n, v)| (n.trim(), v.trim()));
    found
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| {
            Failure::usage(
                format!("{text:?} names no token"),
                format!("write it as {form}"),
            )
        })
}

/// Tokens of a file's rules, which are written `RULE/CREDENTIAL`; where there is one rule, `CREDENTIAL` will do.
pub(super) fn by_rule(
    tokens: BTreeMap<String, String>,
    rules: &BTreeMap<String, AutomationRule>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, token) in tokens {
        let (rule, credential) = match (name.split_once('/'), rules.len()) {
            (Some((rule, credential)), _) => (rule.to_owned(), credential.to_owned()),
            (None, 1) => (rules.keys().next().cloned().unwrap_or_default(), name),
            (None, _) => {
                return Err(Failure::usage(
                    format!(
                        "the file has {} rules, and a token is for credential {name} of one of them",
                        rules.len()
                    ),
                    format!("write it as RULE/{name}=FILE"),
                ));
            }
        };
        if !rules.contains_key(&rule) {
            return Err(Failure::usage(
                format!("a token is for rule {rule:?}, which is not in the file"),
                "correct the rule's name before the slash",
            ));
        }
        all.entry(rule).or_default().insert(credential, token);
    }
    Ok(all)
}

/// `NAME=KIND,KEY=VALUE,…`: the name, and what a rule says as `deliver`.
pub(super) fn parse(text: &str) -> Result<(String, Value), Failure> {
    let wrong = |what: String| {
        Failure::usage(
            what,
            "write it as NAME=KIND,KEY=VALUE, such as ci=github_actions,repository=acme/shop",
        )
    };
    let (name, said) = text
        .split_once('=')
        .ok_or_else(|| wrong(format!("{text:?} is no delivery")))?;
    let mut parts = said.split(',').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if kind.is_empty() || kind.contains('=') {
        return Err(wrong(format!("{text:?} names no kind of delivery")));
    }
    let mut fields = Map::new();
    for part in parts {
        let (key, value) = part
            .split_once('=')
            .ok_or_else(|| wrong(format!("{part:?} in {text:?} is no KEY=VALUE")))?;
        let value = match value.trim() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => text.into(),
        };
        fields.insert(key.trim().to_owned(), value);
    }
    let deliver = Map::from_iter([(kind.to_owned(), Value::Object(fields))]);
    Ok((name.trim().to_owned(), Value::Object(deliver)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_delivery_is_said_in_one_flag() {
        for (text, name, deliver) in [
            ("app=link", "app", json!({"link": {}})),
            (
                "app=link,expires=2d",
                "app",
                json!({"link": {"expires": "2d"}}),
            ),
            (
                "ci = github_actions, repository=acme/shop, environment={{ branch }}",
                "ci",
                json!({"github_actions": {"repository": "acme/shop", "environment": "{{ branch }}"}}),
            ),
            (
                "ci=gitlab_ci,project=17,masked=false,prefix=DB",
                "ci",
                json!({"gitlab_ci": {"project": "17", "masked": false, "prefix": "DB"}}),
            ),
            (
                "hook=webhook,url=https://ci.example.com/x?a=b",
                "hook",
                json!({"webhook": {"url": "https://ci.example.com/x?a=b"}}),
            ),
        ] {
            assert_eq!(parse(text).unwrap(), (name.to_owned(), deliver), "{text}");
        }
        for (text, part) in [
            ("app", "no delivery"),
            ("app=", "names no kind"),
            ("app=url=x", "names no kind"),
            ("app=link,2d", "no KEY=VALUE"),
        ] {
            let told = parse(text).unwrap_err().to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
    }

    #[test]
    fn tokens_find_their_rule() {
        let rule = |name: &str| -> (String, AutomationRule) {
            let rule = serde_json::from_value(json!({"integration": "x"})).unwrap();
            (name.to_owned(), rule)
        };
        let given = |name: &str| BTreeMap::from([(name.to_owned(), "t".to_owned())]);
        let one = BTreeMap::from([rule("a")]);
        let two = BTreeMap::from([rule("a"), rule("b")]);
        for (name, rules, found) in [
            ("ci", &one, Some("a")),
            ("a/ci", &one, Some("a")),
            ("b/ci", &two, Some("b")),
            ("ci", &two, None),
            ("c/ci", &two, None),
        ] {
            let all = by_rule(given(name), rules).ok();
            let token = found.and_then(|rule| all.as_ref()?.get(rule)?.get("ci"));
            assert_eq!(
                (token.is_some(), all.is_some()),
                (found.is_some(), found.is_some()),
                "{name}"
            );
        }
    }

    #[test]
    fn a_token_comes_from_a_file_and_is_never_empty() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "  ghp_x\n").unwrap();
        let said = format!("ci={}", file.display());
        let tokens = |file: &[&str], env: &[&str]| Tokens {
            token_file: file.iter().map(|t| (*t).to_owned()).collect(),
            token_env: env.iter().map(|t| (*t).to_owned()).collect(),
        };
        let read = tokens(&[&said], &[]).read().unwrap();
        assert_eq!(read["ci"], "ghp_x");
        std::fs::write(&file, " \n").unwrap();
        for (bad, part) in [
            (tokens(&[&said], &[]), "empty"),
            (tokens(&["ci"], &[]), "CREDENTIAL=FILE"),
            (
                tokens(&[], &["ci=OFFSHOOT_NO_SUCH_TOKEN"]),
                "no OFFSHOOT_NO_SUCH_TOKEN",
            ),
        ] {
            let told = bad.read().unwrap_err();
            let told = format!("{told} {told:?}");
            assert!(told.contains(part), "{told}");
        }
    }
}
