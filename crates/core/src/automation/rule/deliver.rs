//! How credentials reach those who are to have them, as a rule says it. No secret is in it: tokens of
//! receivers are kept beside the rule.

mod text;

use crate::span::Span;
use serde::{Deserialize, Serialize};
use text::{
    base, mount_path, namespace, opt_base, opt_mount_path, opt_template, project, repository,
    template,
};

/// How a credential reaches those who are to have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// A link that opens once.
    Link(LinkDelivery),
    /// A file on the server, in the directory that its configuration names.
    File(FileDelivery),
    /// A signed request to an address.
    Webhook(WebhookDelivery),
    /// Secrets of a repository, or of an environment of it, for GitHub Actions.
    GithubActions(GithubDelivery),
    /// Variables of a project, for GitLab CI.
    GitlabCi(GitlabDelivery),
    /// A secret in a key/value engine, version 2, of HashiCorp Vault or OpenBao.
    Vault(VaultDelivery),
    /// A file on the server with the manifest of a Kubernetes Secret.
    Kubernetes(KubernetesDelivery),
}

impl Default for Deliver {
    fn default() -> Self {
        Self::Link(LinkDelivery::default())
    }
}

impl Deliver {
    pub const KINDS: [&'static str; 7] = [
        "link",
        "file",
        "webhook",
        "github_actions",
        "gitlab_ci",
        "vault",
        "kubernetes",
    ];

    pub fn kind(&self) -> &'static str {
        match self {
            Deliver::Link(_) => "link",
            Deliver::File(_) => "file",
            Deliver::Webhook(_) => "webhook",
            Deliver::GithubActions(_) => "github_actions",
            Deliver::GitlabCi(_) => "gitlab_ci",
            Deliver::Vault(_) => "vault",
            Deliver::Kubernetes(_) => "kubernetes",
        }
    }

    /// Where, for people; templates as they are written.
    pub fn destination(&self) -> String {
        match self {
            Deliver::Link(_) => "a link that opens once".to_owned(),
            Deliver::File(file) => format!("file {}", file.name),
            Deliver::Webhook(webhook) => webhook.url.clone(),
            Deliver::GithubActions(github) => match &github.environment {
                Some(environment) => format!(
                    "Actions secrets of {}, environment {environment}",
                    github.repository
                ),
                None => format!("Actions secrets of {}", github.repository),
            },
            Deliver::GitlabCi(gitlab) => match gitlab.environment_scope.as_str() {
                GitlabDelivery::EVERYWHERE => format!("CI variables of {}", gitlab.project),
                scope => format!("CI variables of {}, environments {scope}", gitlab.project),
            },
            Deliver::Vault(vault) => format!("{}/{} in {}", vault.mount, vault.path, vault.url),
            Deliver::Kubernetes(secret) => format!("manifest {}", secret.file),
        }
    }

    /// The address that a token of this credential's own is sent to; `None`: it takes no token.
    pub fn token_goes_to(&self) -> Option<&str> {
        match self {
            Deliver::GithubActions(github) => {
                Some(github.api_url.as_deref().unwrap_or(GithubDelivery::API_URL))
            }
            Deliver::GitlabCi(gitlab) => Some(gitlab.url.as_deref().unwrap_or(GitlabDelivery::URL)),
            Deliver::Vault(vault) => Some(&vault.url),
            Deliver::Link(_) | Deliver::File(_) | Deliver::Webhook(_) | Deliver::Kubernetes(_) => {
                None
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkDelivery {
    pub expires: Span,
}

impl Default for LinkDelivery {
    fn default() -> Self {
        Self {
            expires: Span::days(7),
        }
    }
}

/// How a credential is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretFormat {
    /// `PREFIX_HOST=…` lines.
    #[default]
    Dotenv,
    /// A `[client]` section.
    MyCnf,
    /// One `mysql://` URL.
    Url,
}

/// Which named values a receiver gets that takes several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretValues {
    /// The URL and its parts.
    #[default]
    All,
    /// `HOST`, `PORT`, `USERNAME`, `PASSWORD`, `NAME`, and `CA` where the server has a CA of its own.
    Parts,
    /// `URL` alone.
    Url,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDelivery {
    /// A template of the file's name, as a branch's.
    #[serde(default = "file_name")]
    pub name: String,
    #[serde(default)]
    pub format: SecretFormat,
    /// Of the names in a dotenv file.
    #[serde(default = "prefix")]
    pub prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookDelivery {
    /// `https://…`, or `http://` where the server's configuration allows the address.
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GithubDelivery {
    /// `acme/shop`.
    #[serde(deserialize_with = "repository")]
    pub repository: String,
    /// A template of the environment's name; absent = secrets of the repository.
    #[serde(
        default,
        deserialize_with = "opt_template",
        skip_serializing_if = "Option::is_none"
    )]
    pub environment: Option<String>,
    #[serde(default)]
    pub format: SecretValues,
    /// A template of what the names of the secrets begin with.
    #[serde(default = "prefix", deserialize_with = "template")]
    pub prefix: String,
    /// Absent = the integration's with its token, else [`Self::API_URL`].
    #[serde(
        default,
        deserialize_with = "opt_base",
        skip_serializing_if = "Option::is_none"
    )]
    pub api_url: Option<String>,
}

impl GithubDelivery {
    pub const API_URL: &'static str = "https://api.github.com";
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitlabDelivery {
    /// `acme/web/shop`, or the number of the project.
    #[serde(deserialize_with = "project")]
    pub project: String,
    /// A template of the environments that see the variables.
    #[serde(default = "everywhere", deserialize_with = "template")]
    pub environment_scope: String,
    /// Only pipelines of protected branches and tags see them.
    #[serde(default = "yes")]
    pub protected: bool,
    /// What is secret is hidden in the logs of jobs.
    #[serde(default = "yes")]
    pub masked: bool,
    #[serde(default)]
    pub format: SecretValues,
    /// A template of what the names of the variables begin with.
    #[serde(default = "prefix", deserialize_with = "template")]
    pub prefix: String,
    /// Absent = the integration's with its token, else [`Self::URL`].
    #[serde(
        default,
        deserialize_with = "opt_base",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
}

impl GitlabDelivery {
    pub const URL: &'static str = "https://gitlab.com";
    /// The scope that means all environments.
    pub const EVERYWHERE: &'static str = "*";
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultDelivery {
    /// `https://vault.example.com:8200`.
    #[serde(deserialize_with = "base")]
    pub url: String,
    #[serde(default = "mount", deserialize_with = "mount_path")]
    pub mount: String,
    /// A template of the secret's path in the mount.
    #[serde(default = "vault_path", deserialize_with = "template")]
    pub path: String,
    #[serde(
        default,
        deserialize_with = "opt_mount_path",
        skip_serializing_if = "Option::is_none"
    )]
    pub namespace: Option<String>,
    #[serde(default)]
    pub format: SecretValues,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesDelivery {
    /// A template of the file's name.
    #[serde(default = "manifest_name", deserialize_with = "template")]
    pub file: String,
    /// A template of the Secret's name, made fit for one.
    #[serde(default = "secret_name", deserialize_with = "template")]
    pub name: String,
    /// Absent = the one that `kubectl` works in.
    #[serde(
        default,
        deserialize_with = "namespace",
        skip_serializing_if = "Option::is_none"
    )]
    pub namespace: Option<String>,
    #[serde(default)]
    pub format: SecretValues,
    /// A template of what the names of the keys begin with.
    #[serde(default = "prefix", deserialize_with = "template")]
    pub prefix: String,
}

fn yes() -> bool {
    true
}

fn file_name() -> String {
    "{{ database }}-{{ branch }}-{{ credential }}.env".to_owned()
}

fn manifest_name() -> String {
    "{{ database }}-{{ branch }}-{{ credential }}.yaml".to_owned()
}

fn secret_name() -> String {
    "{{ database }}-{{ branch }}-{{ credential }}".to_owned()
}

fn vault_path() -> String {
    "offshoot/{{ database }}/{{ branch }}/{{ credential }}".to_owned()
}

fn prefix() -> String {
    "DATABASE".to_owned()
}

fn mount() -> String {
    "secret".to_owned()
}

fn everywhere() -> String {
    GitlabDelivery::EVERYWHERE.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<Deliver, String> {
        serde_json::from_value(value).map_err(|e| e.to_string())
    }

    #[test]
    fn a_delivery_that_says_little_means_what_is_usual() {
        for (value, kind, destination, token) in [
            (
                json!({"github_actions": {"repository": "acme/shop"}}),
                "github_actions",
                "Actions secrets of acme/shop",
                Some("https://api.github.com"),
            ),
            (
                json!({"github_actions": {"repository": "acme/shop", "environment": "{{ branch }}", "api_url": "https://ghe.example.com/api/v3"}}),
                "github_actions",
                "Actions secrets of acme/shop, environment {{ branch }}",
                Some("https://ghe.example.com/api/v3"),
            ),
            (
                json!({"gitlab_ci": {"project": "acme/web/shop"}}),
                "gitlab_ci",
                "CI variables of acme/web/shop",
                Some("https://gitlab.com"),
            ),
            (
                json!({"gitlab_ci": {"project": "17", "environment_scope": "review/*", "protected": false}}),
                "gitlab_ci",
                "CI variables of 17, environments review/*",
                Some("https://gitlab.com"),
            ),
            (
                json!({"vault": {"url": "https://vault.example.com:8200", "path": "shop"}}),
                "vault",
                "secret/shop in https://vault.example.com:8200",
                Some("https://vault.example.com:8200"),
            ),
            (
                json!({"kubernetes": {"file": "a.yaml", "namespace": "ci"}}),
                "kubernetes",
                "manifest a.yaml",
                None,
            ),
            (json!({"link": {}}), "link", "a link that opens once", None),
        ] {
            let deliver = read(value.clone()).unwrap();
            assert_eq!(deliver.kind(), kind);
            assert!(Deliver::KINDS.contains(&kind));
            assert_eq!(deliver.destination(), destination, "{value}");
            assert_eq!(deliver.token_goes_to(), token, "{value}");
            let again = read(serde_json::to_value(&deliver).unwrap());
            assert_eq!(again.unwrap(), deliver, "{value}");
        }
        let Deliver::GitlabCi(gitlab) =
            read(json!({"gitlab_ci": {"project": "acme/shop"}})).unwrap()
        else {
            panic!("another kind");
        };
        assert!(gitlab.masked && gitlab.protected);
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        for (value, part) in [
            (json!({"github_actions": {}}), "repository"),
            (
                json!({"github_actions": {"repository": "shop"}}),
                "OWNER/NAME",
            ),
            (
                json!({"github_actions": {"repository": "acme/.."}}),
                "OWNER/NAME",
            ),
            (
                json!({"github_actions": {"repository": "a/b", "token": "x"}}),
                "token",
            ),
            (
                json!({"github_actions": {"repository": "a/b", "api_url": "https://u:p@x"}}),
                "without a user",
            ),
            (
                json!({"github_actions": {"repository": "a/b", "format": "json"}}),
                "json",
            ),
            (json!({"gitlab_ci": {"project": "shop"}}), "GROUP/NAME"),
            (json!({"gitlab_ci": {"project": "a/b?c"}}), "GROUP/NAME"),
            (json!({"vault": {"path": "x"}}), "url"),
            (json!({"vault": {"url": "vault:8200"}}), "https://"),
            (
                json!({"vault": {"url": "https://v.example.com", "mount": "a/../b"}}),
                "team/kv",
            ),
            (
                json!({"vault": {"url": "https://v.example.com", "namespace": "a b"}}),
                "team/kv",
            ),
            (json!({"kubernetes": {"namespace": "Prod"}}), "lower-case"),
            (json!({"kubernetes": {"namespace": "-a"}}), "lower-case"),
            (json!({"pigeon": {}}), "pigeon"),
        ] {
            let error = read(value.clone()).unwrap_err();
            assert!(error.contains(part), "{value}: {error}");
        }
    }
}
