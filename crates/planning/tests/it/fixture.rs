//! Requests as tools send them, and a script in the place of a tool's API.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use offshoot_core::iteration::{Covered, Gone, Iteration, Observation};
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::poll::{Failure, HttpRequest, HttpResponse, Poll, Step, What};
use offshoot_planning::{Settings, Tool};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const SECRET: &str = "a secret of the team's";
pub(crate) const TOKEN: &str = "token-never-to-be-seen";
pub(crate) const URL: &str = "https://offshoot.acme.example/v1/inbound/abcdefghij09";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When everything in these tests is received, or polled.
pub(crate) fn now() -> Timestamp {
    at("2026-03-10T12:00:00Z")
}

pub(crate) fn settings(tool: Tool, given: Value) -> Settings {
    Settings::parse(tool, given.as_object().unwrap()).unwrap()
}

/// Settings of each tool that have something to watch and to ask.
pub(crate) fn example(tool: Tool) -> Settings {
    let url = "https://tool.acme.example";
    let given = match tool {
        Tool::JiraCloud => json!({"url": url, "boards": "68", "email": "nora@acme.example"}),
        Tool::JiraDataCenter => json!({"url": url}),
        Tool::Github => json!({
            "repositories": "acme/shop", "projects": "acme/5",
            "watch": "milestones,pull_requests,project_iterations"
        }),
        Tool::Gitlab => json!({
            "projects": "acme/shop", "groups": "acme", "watch": "milestones,merge_requests,iterations"
        }),
        Tool::Linear | Tool::Slack | Tool::Teams | Tool::Mattermost | Tool::Discord => json!({}),
        Tool::AzureDevops => json!({"url": url, "teams": "Shop/Team"}),
        Tool::Taiga => json!({"projects": "1"}),
        Tool::Shortcut => json!({}),
        Tool::Clickup => json!({"folders": "90"}),
        Tool::Asana => json!({"projects": "12", "teams": "13"}),
        Tool::Trello => json!({"boards": "b1", "api_key": "k"}),
        Tool::Monday => json!({"boards": "7"}),
        Tool::Openproject | Tool::Redmine => json!({"url": url, "projects": "shop"}),
        Tool::Youtrack => json!({"url": url, "boards": "131-4"}),
        Tool::Generic => json!({"mapping": {
            "fields": {"id": "/id", "name": "/name", "state": "/state", "ends_at": "/end"},
            "date_formats": ["%d.%m.%Y", "%s", "%Q"]
        }}),
    };
    settings(tool, given)
}

pub(crate) fn secrets(secrets: &[&str]) -> Vec<SecretString> {
    secrets.iter().map(|s| SecretString::from(*s)).collect()
}

pub(crate) fn request(headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Request {
    Request {
        method: "POST".into(),
        url: URL.into(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_ref().to_vec(),
    }
}

/// With the header that `sign` makes of the key and the body.
pub(crate) fn signed(
    mut request: Request,
    header: &str,
    sign: impl Fn(&str, &[u8]) -> String,
) -> Request {
    let value = sign(SECRET, &request.body);
    request.headers.push((header.to_owned(), value));
    request
}

pub(crate) fn sha256(key: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn sha1(key: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn jwt(key: &str, head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let tag = URL_SAFE_NO_PAD.encode(sha256(key, signed.as_bytes()));
    format!("{signed}.{tag}")
}

/// The request is the tool's with its secret, also during rotation; and is not when anything is different.
pub(crate) fn proves(settings: &Settings, good: &Request) {
    let verify = |secrets: &[SecretString], request: &Request| {
        inbound::verify(settings, secrets, request, now())
    };
    verify(&secrets(&[SECRET]), good).unwrap();
    verify(&secrets(&["the next one", SECRET]), good).unwrap();
    for wrong in [&[][..], &[""], &["another"], &["another", "a third"]] {
        verify(&secrets(wrong), good).unwrap_err();
    }
    for n in 0..good.headers.len() {
        let mut bare = good.clone();
        bare.headers.remove(n);
        if bare.headers.is_empty() {
            verify(&secrets(&[SECRET]), &bare).unwrap_err();
        }
    }
    let mut bare = good.clone();
    bare.headers.clear();
    bare.url = URL.into();
    verify(&secrets(&[SECRET]), &bare).unwrap_err();
}

/// As [`proves`], for schemes that sign the body.
pub(crate) fn proves_body(settings: &Settings, good: &Request) {
    proves(settings, good);
    let verify = |request: &Request| {
        inbound::verify(settings, &secrets(&[SECRET]), request, now()).unwrap_err()
    };
    let mut forged = good.clone();
    forged.body.push(b' ');
    verify(&forged);
    forged.body.truncate(good.body.len() / 2);
    verify(&forged);
    forged.body.clear();
    verify(&forged);
}

/// What a request says, read from what would be kept of it.
pub(crate) fn parse(settings: &Settings, request: &Request) -> Parsed {
    let parsed = inbound::parse(settings, request, now());
    let kept = request.kept(settings);
    assert_eq!(inbound::parse(settings, &kept, now()), parsed);
    for secret in [SECRET, TOKEN] {
        assert!(!format!("{:?}{:?}", kept.headers, kept.url).contains(secret));
    }
    parsed
}

/// The one iteration that a request says was seen.
pub(crate) fn seen(settings: &Settings, request: &Request) -> Iteration {
    match parse(settings, request) {
        Parsed::Observed(mut all) if all.len() == 1 => match all.remove(0) {
            Observation::Seen(iteration) => iteration,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

pub(crate) fn gone(settings: &Settings, request: &Request) -> Gone {
    match parse(settings, request) {
        Parsed::Observed(mut all) if all.len() == 1 => match all.remove(0) {
            Observation::Gone(gone) => gone,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Dates, for people: `2026-03-02T00:00:00Z..-`.
pub(crate) fn dates(iteration: &Iteration) -> String {
    let text = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
    format!("{}..{}", text(iteration.starts_at), text(iteration.ends_at))
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &Value) -> HttpResponse {
    HttpResponse {
        status,
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        body: body.to_string().into_bytes(),
    }
}

pub(crate) fn ok(body: &Value) -> HttpResponse {
    reply(200, &[], body)
}

/// How a poll went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) requests: Vec<HttpRequest>,
    pub(crate) waits: Vec<Duration>,
    pub(crate) found: Vec<Iteration>,
    pub(crate) gone: Vec<String>,
    pub(crate) end: Result<Vec<Covered>, Failure>,
}

impl Ran {
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.requests.iter().map(|r| r.url.as_str()).collect()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.found.iter().map(|i| i.name.as_str()).collect()
    }

    pub(crate) fn covered(&self) -> Vec<String> {
        let covered = self.end.as_ref().unwrap().iter();
        let scope = |c: &Covered| c.scope_id.clone().unwrap_or_else(|| "any".into());
        let text = |c: &Covered| format!("{}* of {}: {}", c.prefix, scope(c), c.absent);
        covered.map(text).collect()
    }

    pub(crate) fn failure(&self) -> &Failure {
        self.end.as_ref().unwrap_err()
    }
}

/// Runs a poll of everything against a script, and sees to it that the token is in a header of each request
/// and nowhere else.
pub(crate) fn run(settings: &Settings, answer: impl FnMut(&HttpRequest) -> HttpResponse) -> Ran {
    run_of(settings, &What::Everything, answer)
}

pub(crate) fn run_of(
    settings: &Settings,
    what: &What,
    answer: impl FnMut(&HttpRequest) -> HttpResponse,
) -> Ran {
    let token = SecretString::from(TOKEN);
    drive(Poll::new(settings, Some(token), what, now()), answer)
}

pub(crate) fn drive(mut poll: Poll, mut answer: impl FnMut(&HttpRequest) -> HttpResponse) -> Ran {
    let mut ran = Ran {
        requests: Vec::new(),
        waits: Vec::new(),
        found: Vec::new(),
        gone: Vec::new(),
        end: Ok(Vec::new()),
    };
    let mut ids = BTreeSet::new();
    for _ in 0..10_000 {
        assert!(!format!("{poll:?}").contains(TOKEN));
        match poll.next() {
            Step::Ask(request) => {
                discreet(&request);
                let response = answer(&request);
                ran.requests.push(request);
                poll.answer(&response, now());
            }
            Step::Wait(time) => ran.waits.push(time),
            Step::Found(all) => {
                for observation in all {
                    match observation {
                        // Where there are several pages, they are looked through twice.
                        Observation::Seen(iteration) => {
                            if ids.insert(iteration.source_id.clone()) {
                                ran.found.push(iteration);
                            }
                        }
                        Observation::Gone(gone) => ran.gone.push(gone.source_id),
                    }
                }
            }
            Step::Done(covered) => {
                ran.end = Ok(covered);
                return ran;
            }
            Step::Failed(failure) => {
                assert!(!failure.reason.contains(TOKEN));
                ran.end = Err(failure);
                return ran;
            }
        }
    }
    panic!("the poll does not end");
}

fn discreet(request: &HttpRequest) {
    let coded = STANDARD.encode(format!(":{TOKEN}"));
    let tail = &coded[coded.len() - 12..];
    assert!(!format!("{request:?}").contains(TOKEN), "{request:?}");
    assert!(!request.url.contains(TOKEN), "{}", request.url);
    let in_headers = request.headers.iter().any(|(_, value)| {
        let value = value.expose_secret();
        value.contains(TOKEN) || value.contains(tail) || decoded(value).contains(TOKEN)
    });
    assert!(in_headers, "the request carries no token");
}

fn decoded(value: &str) -> String {
    let coded = value.strip_prefix("Basic ").unwrap_or_default();
    String::from_utf8(STANDARD.decode(coded).unwrap_or_default()).unwrap_or_default()
}

pub(crate) fn header(request: &HttpRequest, name: &str) -> Option<String> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(other, _)| *other == name);
    found.map(|(_, value)| value.expose_secret().to_owned())
}

/// The members of the first object, with those of the second in their place or beside them.
pub(crate) fn merged(mut value: Value, changes: Value) -> Value {
    let changes = changes.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(changes);
    value
}

/// The value of a parameter of a request's query.
pub(crate) fn query(request: &HttpRequest, name: &str) -> Option<String> {
    let url = url::Url::parse(&request.url).unwrap();
    let found = url.query_pairs().find(|(n, _)| n == name);
    found.map(|(_, value)| value.into_owned())
}

pub(crate) fn nothing() -> Value {
    json!([])
}
