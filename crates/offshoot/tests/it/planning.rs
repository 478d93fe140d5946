//! A sprint is planned, and its database is there: events through the public endpoint, to a branch that
//! a MySQL client connects to with the credential that was delivered.

mod chaos;
mod fake;
mod receivers;
mod telling;
mod webhooks;

use crate::fixture::{Home, ORG, PATIENCE, Server, connect};
use crate::story::database;
use fake::{Fake, Replies};
use hmac::{Hmac, KeyInit, Mac};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use offshoot_api_types::{
    CreateAutomation, CreateIntegration, Iteration, IterationBranch, RevealedCredential,
};
use offshoot_client::{PageOf, WhichIterations};
use offshoot_core::engine::EngineKind;
use reqwest::header::ACCEPT;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const SECRET: &str = "the secret that GitHub signs with";
/// In the configuration of every server here: fakes listen on this machine.
const LOOPBACK: &str = "[outbound]\nallow = [\"127.0.0.0/8\"]\n";

/// A tool that sends events of milestones.
pub(crate) struct Tool {
    url: String,
    http: reqwest::Client,
}

impl Tool {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// An event as GitHub sends it; `delivery` is its id.
    pub(crate) async fn send(&self, delivery: &str, event: &Value) -> reqwest::Result<Response> {
        let body = event.to_string();
        self.post(delivery, "milestone", &body, &signature(SECRET, &body))
            .await
    }

    async fn post(
        &self,
        delivery: &str,
        event: &str,
        body: &str,
        signature: &str,
    ) -> reqwest::Result<Response> {
        self.http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", signature)
            .body(body.to_owned())
            .send()
            .await
    }

    async fn accepted(&self, delivery: &str, event: &Value) {
        let answer = self.send(delivery, event).await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{delivery}");
    }
}

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let tag: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("sha256={tag}")
}

/// A milestone's event. `second`: when GitHub says that it last changed, from now on.
pub(crate) fn milestone(action: &str, number: u32, title: &str, second: i64) -> Value {
    let at = |second: i64| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let at = i64::try_from(now).unwrap() + second;
        jiff::Timestamp::from_second(at).unwrap().to_string()
    };
    let state = if action == "closed" { "closed" } else { "open" };
    json!({
        "action": action,
        "milestone": {
            "id": 5_000 + number,
            "number": number,
            "title": title,
            "state": state,
            "created_at": at(0),
            "updated_at": at(second),
            "due_on": null,
            "closed_at": null,
            "html_url": format!("https://github.com/acme/shop/milestone/{number}"),
        },
        "repository": {"full_name": "acme/shop"},
        "sender": {"login": "octocat"},
    })
}

/// The address that the tool sends to.
pub(crate) async fn integration(server: &Server, settings: Value, poll: bool) -> String {
    let body = CreateIntegration {
        name: Some("github".to_owned()),
        tool: Some("github".to_owned()),
        settings: settings.as_object().cloned(),
        secret: Some(SECRET.to_owned()),
        token: None,
        poll_seconds: poll.then_some(86_400),
    };
    let made = server.client.create_integration(ORG, &body).await.unwrap();
    assert_eq!(
        made.plain_text, None,
        "a secret that was given is not shown"
    );
    made.url
}

pub(crate) async fn automation(server: &Server, rule: Value) -> Option<String> {
    let body = CreateAutomation {
        name: "sprints".to_owned(),
        rule: serde_json::from_value(rule).unwrap(),
        enabled: None,
        tokens: std::collections::BTreeMap::new(),
    };
    let made = server.client.create_automation(ORG, "shop", &body).await;
    made.unwrap().webhook_secret
}

pub(crate) async fn iterations(server: &Server) -> Vec<Iteration> {
    let (which, mut all) = (WhichIterations::default(), Vec::new());
    let mut next = Some(1);
    while let Some(page) = next {
        let page = PageOf {
            page: Some(page),
            per_page: Some(100),
        };
        let listed = server.client.list_iterations(ORG, &which, page).await;
        let listed = listed.unwrap();
        all.extend(listed.data);
        next = listed.next_page;
    }
    all
}

/// Waits until what was made of the only iteration is as wanted.
async fn until(
    home: &Home,
    server: &Server,
    what: &str,
    wanted: impl Fn(&Iteration, &IterationBranch) -> bool,
) -> IterationBranch {
    let end = Instant::now() + PATIENCE;
    loop {
        let all = iterations(server).await;
        let found = all
            .iter()
            .flat_map(|i| i.branches.iter().map(move |b| (i, b)));
        if let Some((_, made)) = found.clone().find(|(i, b)| wanted(i, b)) {
            return made.clone();
        }
        assert!(Instant::now() < end, "{what}: {all:#?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connect_with(revealed: &RevealedCredential) -> Result<Conn, mysql_async::Error> {
    let options = OptsBuilder::default()
        .ip_or_hostname(revealed.host.clone())
        .tcp_port(u16::try_from(revealed.port).unwrap())
        .prefer_socket(false)
        .user(Some(revealed.username.clone()))
        .pass(Some(revealed.plain_text.clone()))
        .db_name(Some(revealed.schema.clone()));
    Conn::new(Opts::from(options)).await
}

const RULE: &str = r#"{
    "integration": "github",
    "filter": "iteration.name.startsWith('Sprint')",
    "branch": {"name": "{{ iteration.name | slug }}"},
    "credentials": {
        "app": {"role": "admin"},
        "ci": {"role": "readwriter", "ttl": "30d", "deliver": {"file": {"format": "url"}}},
        "hook": {"role": "reader", "deliver": {"webhook": {"url": "RECEIVER"}}}
    },
    "on": {"deleted": "delete"}
}"#;

async fn sprint(kind: EngineKind) {
    let Some(mut home) = Home::new(kind) else {
        return;
    };
    home.config.push_str(LOOPBACK);
    // The first try of a webhook finds a receiver that is not well.
    let receiver = Fake::start(Replies::InTurn(vec![
        (500, "no".to_owned()),
        (204, String::new()),
    ]))
    .await;
    let server = home.serve().await;
    let main = database(&server.client).await;
    let mut production = connect(&main).await.unwrap();
    production
        .query_drop("CREATE TABLE t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    let url = integration(&server, json!({"repositories": ["acme/shop"]}), false).await;
    let rule = RULE.replace("RECEIVER", &receiver.url("/credentials"));
    let signing = automation(&server, serde_json::from_str(&rule).unwrap()).await;
    let tool = Tool::new(&url);

    // Planned: the branch is there, with its credentials.
    tool.accepted("d1", &milestone("created", 1, "Sprint 1", 1))
        .await;
    let again = tool
        .send("d1", &milestone("created", 1, "Sprint 1", 1))
        .await;
    assert_eq!(
        again.unwrap().status(),
        StatusCode::OK,
        "the same event once"
    );
    let made = until(&home, &server, "made", |_, b| b.state == "made").await;
    assert_eq!(made.branch.as_deref(), Some("sprint-1"));
    let link = made.credentials.iter().find(|c| c.name == "app").unwrap();
    let session = opened_once(link.link.as_deref().unwrap()).await;
    let mut branch = connect_with(&session).await.unwrap();
    branch.query_drop("SELECT * FROM t").await.unwrap();
    branch
        .query_drop("CREATE TABLE of_the_branch (id INT PRIMARY KEY)")
        .await
        .unwrap();

    // The other credentials arrive, too; a receiver that was not well gets the same one again.
    let arrived = |_: &Iteration, b: &IterationBranch| {
        let mut others = b.credentials.iter();
        others.all(|c| c.state == "delivered" && c.link.is_none())
    };
    until(&home, &server, "delivered", arrived).await;
    let file = home.data().join("credentials/shop-sprint-1-ci.env");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("mysql://") && text.ends_with("/shop\n"),
        "{text}"
    );
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let sent = receiver.requests();
    assert_eq!(sent.len(), 2, "{sent:#?}");
    assert_eq!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
    let of_hook: Value = serde_json::from_str(&sent[1].body).unwrap();
    assert_eq!(of_hook["data"]["iteration"]["name"], "Sprint 1");
    assert_eq!(
        sent[1].header("webhook-signature"),
        Some(&*sign(&sent[1], &signing.unwrap()))
    );
    let kept = std::fs::read(home.data().join("offshoot.db")).unwrap();
    let secret = session.plain_text.as_bytes();
    assert!(
        !kept.windows(secret.len()).any(|w| w == secret),
        "in the store in clear"
    );
    assert!(!home.log().contains(&session.plain_text), "in the log");

    // Renamed, ended, going on, by events of which none is believed without its signature.
    refused(&tool).await;
    tool.accepted("d2", &milestone("edited", 1, "Sprint 1: payments", 2))
        .await;
    until(&home, &server, "renamed", |_, b| {
        b.branch.as_deref() == Some("sprint-1-payments")
    })
    .await;
    branch
        .query_drop("SELECT * FROM of_the_branch")
        .await
        .unwrap();
    tool.accepted("d3", &milestone("closed", 1, "Sprint 1: payments", 3))
        .await;
    until(&home, &server, "ended", |_, b| b.state == "ended").await;
    let asleep = server
        .client
        .show_branch(ORG, "shop", "sprint-1-payments")
        .await;
    assert_eq!(asleep.unwrap().state.as_str(), "sleeping");
    tool.accepted("d4", &milestone("opened", 1, "Sprint 1: payments", 4))
        .await;
    until(&home, &server, "reopened", |i, b| {
        i.state == "started" && b.state == "made"
    })
    .await;
    branch
        .query_drop("SELECT * FROM of_the_branch")
        .await
        .unwrap();

    // Deleted: what is not merged holds it, until it is gone.
    let gone = milestone("deleted", 1, "Sprint 1: payments", 5);
    tool.accepted("d5", &gone).await;
    let held = until(&home, &server, "held", |_, b| b.state == "held").await;
    assert!(held.reason.unwrap().contains("changes of the schema"));
    branch.query_drop("DROP TABLE of_the_branch").await.unwrap();
    replay(&server, "deleted").await;
    until(&home, &server, "deleted", |_, b| {
        b.state == "deleted" && b.branch.is_none()
    })
    .await;
    assert!(
        connect_with(&session).await.is_err(),
        "so are its credentials"
    );
    assert!(server.stop().success());
}

/// Replays the delivery that said so.
async fn replay(server: &Server, change: &str) {
    let page = PageOf::default();
    let listed = server
        .client
        .list_deliveries(ORG, "github", None, page)
        .await;
    let listed = listed.unwrap().data;
    let mut found = listed.iter().filter(|d| {
        let mut changes = d.iterations.iter().flat_map(|i| &i.changes);
        changes.any(|c| c == change)
    });
    let id = &found.next().unwrap().id;
    server
        .client
        .replay_delivery(ORG, "github", id)
        .await
        .unwrap();
}

/// What standardwebhooks.com says that the signature is.
fn sign(request: &fake::Request, secret: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    for part in ["webhook-id", "webhook-timestamp"] {
        mac.update(request.header(part).unwrap().as_bytes());
        mac.update(b".");
    }
    mac.update(request.body.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Looks at a link as previews do, opens it twice at once, and again later: it opens once.
async fn opened_once(link: &str) -> RevealedCredential {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..3 {
        let looked = http
            .get(link)
            .header(ACCEPT, "text/html")
            .send()
            .await
            .unwrap();
        assert_eq!(looked.status(), StatusCode::OK);
        assert_eq!(looked.headers()["cache-control"], "no-store");
        let page = looked.text().await.unwrap();
        assert!(
            page.contains("<button>") && !page.contains("ofs_pw_"),
            "{page}"
        );
    }
    let (one, two) = tokio::join!(http.post(link).send(), http.post(link).send());
    let (one, two) = (one.unwrap(), two.unwrap());
    let good = [&one, &two]
        .iter()
        .filter(|r| r.status() == StatusCode::OK)
        .count();
    assert_eq!(good, 1, "{} {}", one.status(), two.status());
    let right = if one.status() == StatusCode::OK {
        one
    } else {
        two
    };
    let late = http
        .post(link)
        .header(ACCEPT, "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), StatusCode::NOT_FOUND);
    assert!(late.text().await.unwrap().contains("opened already"));
    let mut wrong = link.to_owned();
    wrong.pop();
    wrong.push('!');
    let wrong = http.post(&wrong).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);
    right.json().await.unwrap()
}

/// Forged, truncated and endless bodies do nothing; what is of no interest is kept and told.
async fn refused(tool: &Tool) {
    let event = milestone("edited", 1, "Sprint of a stranger", 60);
    let body = event.to_string();
    let right = signature(SECRET, &body);
    let cut = &body[..body.len() - 20];
    let endless = "x".repeat(10 << 20);
    for (body, signature, status) in [
        (
            &*body,
            &*signature("another secret", &body),
            StatusCode::UNAUTHORIZED,
        ),
        (&*body, "sha256=00", StatusCode::UNAUTHORIZED),
        (&*body, "", StatusCode::UNAUTHORIZED),
        (cut, &*right, StatusCode::UNAUTHORIZED),
        ("", &*right, StatusCode::UNAUTHORIZED),
        (&*endless, &*right, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        // A server that refuses a long body may close the connection while it is sent.
        match tool.post("forged", "milestone", body, signature).await {
            Ok(answer) => assert_eq!(answer.status(), status),
            Err(error) => assert!(body.len() > 1 << 20, "{error}"),
        }
    }
    let stars = tool
        .post("star", "star", "{}", &signature(SECRET, "{}"))
        .await
        .unwrap();
    assert_eq!(stars.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sprint_has_a_database_on_mysql() {
    sprint(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sprint_has_a_database_on_mariadb() {
    sprint(EngineKind::Mariadb).await;
}

/// A tool whose events are lost is asked: the result is the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_told_is_found_by_asking() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    home.config.push_str(LOOPBACK);
    let of = |event: Value| event["milestone"].clone();
    let page = |milestones: &[Value]| (200, Value::from(milestones).to_string());
    let first = of(milestone("created", 1, "Sprint 1", 1));
    let second = of(milestone("created", 2, "Sprint 2", 1));
    let api = Fake::start(Replies::Always(page(&[first.clone(), second]))).await;
    let server = home.serve().await;
    database(&server.client).await;
    let settings = json!({
        "repositories": ["acme/shop"], "watch": ["milestones"], "api_url": api.url(""),
    });
    integration(&server, settings, true).await;
    let rule =
        json!({"integration": "github", "on": {"deleted": "delete", "delete_unmerged": true}});
    automation(&server, rule).await;
    let end = Instant::now() + PATIENCE;
    let state = |all: &[Iteration], name: &str| -> Vec<String> {
        let of = all.iter().filter(|i| i.name == name);
        of.flat_map(|i| i.branches.iter().map(|b| b.state.clone()))
            .collect()
    };
    loop {
        let all = iterations(&server).await;
        if ["Sprint 1", "Sprint 2"]
            .iter()
            .all(|n| state(&all, n) == ["made"])
        {
            break;
        }
        assert!(Instant::now() < end, "{all:#?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let asked = api.requests();
    assert!(
        asked[0].path.starts_with("/repos/acme/shop/milestones"),
        "{}",
        asked[0].path
    );

    // One is gone, one has ended; and the tool is not well the first time.
    let mut ended = first;
    ended["state"] = "closed".into();
    ended["updated_at"] = of(milestone("closed", 1, "", 9))["updated_at"].clone();
    api.reply(Replies::InTurn(vec![(502, String::new()), page(&[ended])]));
    let change = offshoot_api_types::UpdateIntegration {
        enabled: Some(true),
        ..Default::default()
    };
    server
        .client
        .update_integration(ORG, "github", &change)
        .await
        .unwrap();
    loop {
        let all = iterations(&server).await;
        if state(&all, "Sprint 1") == ["ended"] && state(&all, "Sprint 2") == ["deleted"] {
            break;
        }
        assert!(Instant::now() < end + PATIENCE, "{all:#?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let shown = server.client.show_integration(ORG, "github").await.unwrap();
    assert_eq!(shown.poll_failure, None);
    assert!(shown.last_poll_at.is_some());
    assert!(server.stop().success());
}
