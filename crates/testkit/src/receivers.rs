//! What stores secrets for others, as far as credentials are delivered there: the APIs of GitHub, GitLab and
//! Vault, in memory. Paths, statuses and bodies have the shapes that their documentation gives.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// The tokens that count.
pub const GITHUB_TOKEN: &str = "github_pat_of_the_test";
pub const GITLAB_TOKEN: &str = "glpat-of-the-test";
pub const VAULT_TOKEN: &str = "hvs.of-the-test";

/// The key of GitHub's repository and environment.
const KEY: [u8; 32] = [7; 32];
const KEY_ID: &str = "012345678912345678";

/// A request as a receiver sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub method: &'a str,
    /// With the query, without scheme and host.
    pub path: &'a str,
    /// Of the header that the API reads it from.
    pub token: &'a str,
    pub body: &'a str,
}

/// What it answers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn new(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: if body.is_null() {
                String::new()
            } else {
                body.to_string()
            },
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// All three. GitHub has repository `acme/shop` with environment `staging`, GitLab project `acme/shop`, Vault the
/// mounts `secret`, `strict` (which demands check-and-set) and `old` (version 1).
#[derive(Clone, Default)]
pub struct Receivers(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Secrets by place and name, opened.
    github: BTreeMap<String, String>,
    /// Variables by scope and name.
    gitlab: BTreeMap<String, Value>,
    /// Versions by mount and path.
    vault: BTreeMap<String, Vec<Value>>,
    /// What the next calls are answered with, whatever they ask for.
    next: VecDeque<Reply>,
    calls: usize,
}

impl Receivers {
    pub fn next(&self, replies: &[Reply]) {
        self.with(|state| state.next.extend(replies.iter().cloned()));
    }

    pub fn calls(&self) -> usize {
        self.with(|state| state.calls)
    }

    /// `acme/shop NAME`, `acme/shop@staging NAME`.
    pub fn github(&self) -> BTreeMap<String, String> {
        self.with(|state| state.github.clone())
    }

    /// `* NAME`, with everything that was said of it.
    pub fn gitlab(&self) -> BTreeMap<String, Value> {
        self.with(|state| state.gitlab.clone())
    }

    /// `secret/data/path`, the first version first.
    pub fn vault(&self) -> BTreeMap<String, Vec<Value>> {
        self.with(|state| state.vault.clone())
    }

    pub fn answer(&self, call: Call<'_>) -> Reply {
        self.with(|state| {
            state.calls += 1;
            if let Some(reply) = state.next.pop_front() {
                return reply;
            }
            let (path, query) = call.path.split_once('?').unwrap_or((call.path, ""));
            let parts: Vec<String> = path.trim_matches('/').split('/').map(plain).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            match parts[..] {
                ["repos", ..] => github(state, call, &parts[1..]),
                ["api", "v4", "projects", project, "variables", ref rest @ ..] => {
                    gitlab(state, call, project, rest.first().copied(), query)
                }
                ["v1", mount, "data", ref rest @ ..] => vault(state, call, mount, rest),
                ["v1", mount, ..] => no_route(mount),
                _ => Reply::new(404, &json!({"message": "Not Found"})),
            }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// <https://docs.github.com/en/rest/actions/secrets>
fn github(state: &mut State, call: Call<'_>, parts: &[&str]) -> Reply {
    let not_found = json!({
        "message": "Not Found",
        "documentation_url": "https://docs.github.com/rest/actions/secrets",
        "status": "404",
    });
    if call.token != format!("Bearer {GITHUB_TOKEN}") {
        let body = json!({
            "message": "Bad credentials",
            "documentation_url": "https://docs.github.com/rest",
            "status": "401",
        });
        return Reply::new(401, &body);
    }
    let (place, name) = match parts {
        ["acme", "shop", "actions", "secrets", name] => ("acme/shop", name),
        ["acme", "shop", "environments", "staging", "secrets", name] => ("acme/shop@staging", name),
        _ => return Reply::new(404, &not_found),
    };
    let secret = SecretKey::from(KEY);
    match (call.method, *name) {
        ("GET", "public-key") => {
            let key = STANDARD.encode(secret.public_key().as_bytes());
            Reply::new(200, &json!({"key_id": KEY_ID, "key": key}))
        }
        ("PUT", name) => {
            let body: Value = serde_json::from_str(call.body).unwrap_or_default();
            let sealed = body["encrypted_value"].as_str().unwrap_or_default();
            let sealed = STANDARD.decode(sealed).unwrap_or_default();
            let (Ok(value), true) = (secret.unseal(&sealed), body["key_id"] == KEY_ID) else {
                return Reply::new(
                    422,
                    &json!({"message": "Validation Failed", "status": "422"}),
                );
            };
            let value = String::from_utf8(value).unwrap_or_default();
            let there = state.github.insert(format!("{place} {name}"), value);
            match there {
                None => Reply::new(201, &json!({})),
                Some(_) => Reply::new(204, &Value::Null),
            }
        }
        _ => Reply::new(404, &not_found),
    }
}

/// <https://docs.gitlab.com/api/project_level_variables/>
fn gitlab(
    state: &mut State,
    call: Call<'_>,
    project: &str,
    name: Option<&str>,
    query: &str,
) -> Reply {
    if call.token != GITLAB_TOKEN {
        return Reply::new(401, &json!({"message": "401 Unauthorized"}));
    }
    if project != "acme/shop" {
        return Reply::new(404, &json!({"message": "404 Project Not Found"}));
    }
    let body: Value = serde_json::from_str(call.body).unwrap_or_default();
    let value = body["value"].as_str().unwrap_or_default();
    let masked = body["masked"] == true;
    let bad = masked && (value.len() < 8 || value.contains(char::is_whitespace));
    let filter = query.strip_prefix("filter%5Benvironment_scope%5D=");
    let key = match (call.method, name) {
        ("PUT", Some(name)) => format!("{} {name}", plain(filter.unwrap_or("%2A"))),
        ("POST", None) => {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("environment_scope"), text("key"))
        }
        _ => return Reply::new(405, &json!({"error": "405 Not Allowed"})),
    };
    let there = state.gitlab.contains_key(&key);
    match (call.method, there, bad) {
        ("PUT", false, _) => Reply::new(404, &json!({"message": "404 Variable Not Found"})),
        ("POST", true, _) => {
            let taken = json!({"message": {"key": ["(DATABASE) has already been taken"]}});
            Reply::new(400, &taken)
        }
        (_, _, true) => Reply::new(400, &json!({"message": {"value": ["is invalid"]}})),
        (method, ..) => {
            state.gitlab.insert(key, body.clone());
            Reply::new(if method == "POST" { 201 } else { 200 }, &body)
        }
    }
}

/// <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>
fn vault(state: &mut State, call: Call<'_>, mount: &str, path: &[&str]) -> Reply {
    if call.token != VAULT_TOKEN {
        return Reply::new(403, &json!({"errors": ["permission denied"]}));
    }
    if !["secret", "strict", "old"].contains(&mount) {
        return no_route(mount);
    }
    let versions = state
        .vault
        .entry(format!("{mount}/data/{}", path.join("/")));
    let versions = versions.or_default();
    let version = versions.len();
    if call.method == "GET" {
        return match versions.last() {
            Some(data) => Reply::new(
                200,
                &json!({"data": {"data": data, "metadata": {"version": version}}}),
            ),
            None => Reply::new(404, &json!({"errors": []})),
        };
    }
    let body: Value = serde_json::from_str(call.body).unwrap_or_default();
    if mount == "old" {
        versions.push(body);
        return Reply::new(204, &Value::Null);
    }
    let cas = body.pointer("/options/cas").and_then(Value::as_u64);
    let said = match cas {
        None if mount == "strict" => Some("check-and-set parameter required for this call"),
        Some(cas) if usize::try_from(cas) != Ok(version) => {
            Some("check-and-set parameter did not match the current version")
        }
        _ => None,
    };
    if let Some(said) = said {
        return Reply::new(400, &json!({"errors": [said]}));
    }
    versions.push(body["data"].clone());
    let data = json!({
        "created_time": "2026-01-02T03:04:05.678901234Z",
        "custom_metadata": null,
        "deletion_time": "",
        "destroyed": false,
        "version": version + 1,
    });
    Reply::new(
        200,
        &json!({"request_id": "r", "data": data, "warnings": null}),
    )
}

fn no_route(mount: &str) -> Reply {
    let said = format!("no handler for route \"{mount}/data/x\". route entry not found.");
    Reply::new(404, &json!({"errors": [said]}))
}

/// Without its escapes.
fn plain(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3);
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
