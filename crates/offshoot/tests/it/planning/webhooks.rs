//! Webhooks of the real server: signed, sent until they arrive, and not to whom they may not be sent.

use super::LOOPBACK;
use super::fake::{Fake, Replies, Request};
use crate::fixture::{Home, ORG, PATIENCE, Server, put_to_sleep, text};
use crate::story::{branch, database};
use hmac::{Hmac, KeyInit, Mac};
use offshoot_api_types::{CreateWebhook, UpdateWebhook, Webhook};
use offshoot_client::{Error, PageOf, WhichSent};
use offshoot_core::engine::EngineKind;
use serde_json::Value;
use sha2::Sha256;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn hex_hmac(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let tag = mac.finalize().into_bytes();
    tag.iter().map(|b| format!("{b:02x}")).collect()
}

async fn listen(server: &Server, url: &str, events: &[&str]) -> Result<Webhook, Error> {
    let body = CreateWebhook {
        url: Some(url.to_owned()),
        enabled: None,
        events: Some(events.iter().map(|e| (*e).to_owned()).collect()),
    };
    server.client.create_webhook(ORG, "shop", &body).await
}

/// What the receiver was sent of one event, when it is at least so much.
async fn told(home: &Home, receiver: &Fake, event: &str, count: usize) -> Vec<Request> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut all = receiver.requests();
        all.retain(|r| r.header("x-offshoot-event") == Some(event));
        if all.len() >= count {
            return all;
        }
        assert!(Instant::now() < end, "{event}: {all:#?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn same_id(all: &[Request]) -> bool {
    let id = |r: &Request| r.header("x-offshoot-delivery").map(str::to_owned);
    all.iter()
        .all(|r| id(r) == id(&all[0]) && r.body == all[0].body)
}

// Commands of the CLI block one thread while the receiver answers on the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_signed_and_survive_a_kill() {
    let Some(mut home) = Home::new(EngineKind::Mysql) else {
        return;
    };
    let server = home.serve().await;
    database(&server.client).await;
    // Where only this machine reaches, nobody may let it send.
    for url in [
        "http://127.0.0.1:1/x",
        "https://127.0.0.1:1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/x",
        "http://8.8.8.8/x",
    ] {
        let refused = listen(&server, url, &[]).await.unwrap_err();
        let why = refused.refused().unwrap();
        assert_eq!(
            why.error_code.as_deref(),
            Some("OFS-1504"),
            "{url}: {why:?}"
        );
        assert_eq!(why.field.as_deref(), Some("url"), "{url}: {why:?}");
        let listed = server.client.list_webhooks(ORG, "shop", PageOf::default());
        assert_eq!(listed.await.unwrap().data.len(), 0, "{url}");
    }
    assert!(server.stop().success());

    home.config.push_str(LOOPBACK);
    let server = home.serve().await;
    let receiver = Fake::start(Replies::InTurn(vec![
        (500, "no".to_owned()),
        (204, String::new()),
    ]))
    .await;
    let url = receiver.url("/events");
    let events = ["branch.ready", "branch.sleeping", "branch.deleted"];
    let webhook = listen(&server, &url, &events).await.unwrap();
    let secret = webhook.secret.clone().unwrap();

    branch(&server.client, "one").await;
    let ready = told(&home, &receiver, "branch.ready", 2).await;
    assert!(same_id(&ready), "{ready:#?}");
    for request in &ready {
        let signature = request.header("x-planetscale-signature").unwrap();
        assert_eq!(signature, hex_hmac(&secret, &request.body));
    }
    let body: Value = serde_json::from_str(&ready[1].body).unwrap();
    assert_eq!(
        (&body["event"], &body["database"]),
        (&"branch.ready".into(), &"shop".into())
    );
    let resource = &body["resource"];
    assert_eq!(
        (&resource["type"], &resource["name"], &resource["ready"]),
        (&"Branch".into(), &"one".into(), &true.into())
    );
    assert!(resource["connection"]["port"].is_number(), "{resource:#}");
    put_to_sleep(&server.client, "one").await;
    told(&home, &receiver, "branch.sleeping", 1).await;

    // The receiver is away, and the server is killed meanwhile.
    receiver.reply(Replies::Always((503, String::new())));
    server
        .client
        .delete_branch(ORG, "shop", "one", false)
        .await
        .unwrap();
    told(&home, &receiver, "branch.deleted", 1).await;
    server.kill();
    receiver.reply(Replies::Always((200, String::new())));
    let server = home.serve().await;
    let deleted = told(&home, &receiver, "branch.deleted", 2).await;
    assert!(same_id(&deleted), "{deleted:#?}");

    // What was sent can be seen, and sent again; a test says what became of it.
    let id = webhook.id.as_str();
    let said = home.offshoot(&["webhook", "test", "shop", id]);
    assert!(
        text(&said).contains("The test arrived: status 200"),
        "{}",
        text(&said)
    );
    let which = WhichSent::default();
    let page = PageOf::default();
    let log = server
        .client
        .list_webhook_deliveries(ORG, "shop", id, &which, page)
        .await
        .unwrap()
        .data;
    let names: Vec<&str> = log.iter().map(|d| d.event.as_str()).collect();
    assert_eq!(
        names,
        [
            "webhook.test",
            "branch.deleted",
            "branch.sleeping",
            "branch.ready"
        ]
    );
    assert!(log.iter().all(|d| d.state == "delivered"), "{log:#?}");
    server
        .client
        .replay_webhook_delivery(ORG, "shop", id, &log[3].id)
        .await
        .unwrap();
    let ready = told(&home, &receiver, "branch.ready", 3).await;
    assert!(same_id(&ready), "{ready:#?}");

    // Redirects are not followed, and a test that fails is one.
    let elsewhere = UpdateWebhook {
        url: Some(receiver.url("/moved")),
        ..UpdateWebhook::default()
    };
    server
        .client
        .update_webhook(ORG, "shop", id, &elsewhere)
        .await
        .unwrap();
    receiver.reply(Replies::Always((302, String::new())));
    let said = home.offshoot(&["webhook", "test", "shop", id]);
    assert_eq!(said.status.code(), Some(2));
    assert!(
        text(&said).contains("which is not followed"),
        "{}",
        text(&said)
    );

    let kept = std::fs::read(home.data().join("offshoot.db")).unwrap();
    let clear = kept.windows(secret.len()).any(|w| w == secret.as_bytes());
    assert!(
        !clear && !home.log().contains(&secret),
        "the secret is in clear"
    );
    assert!(server.stop().success());
}

/// The code of a language on the guide's page.
fn shown(language: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/webhooks.md");
    let page = std::fs::read_to_string(page).unwrap();
    let begin = format!("```{language}\n");
    let (_, rest) = page.split_once(&begin).unwrap();
    rest.split_once("\n```").unwrap().0.to_owned()
}

/// What a program says when it checks `body`, once with the right signature, once with another. `None` where
/// the language is not on this machine.
fn says(program: &str, arguments: &[&str], code: &str) -> Option<String> {
    let there = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|s| s.success()) {
        return None;
    }
    let output = Command::new(program).args(arguments).arg(code).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout)
        .trim()
        .to_lowercase();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said} {errors}");
    Some(said)
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does not run has to be seen"
)]
#[test]
fn the_guides_receivers_know_who_signed() {
    let (secret, body) = (
        "ofs_whk_secret",
        r#"{"event": "branch.ready", "name": "ä"}"#,
    );
    let right = hex_hmac(secret, body);
    let wrong = hex_hmac("another", body);
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let (s, b) = (text(secret), text(body));
    let mut ran = 0;
    for signature in [right.as_str(), wrong.as_str(), "", "x"] {
        let g = text(signature);
        let programs = [
            (
                "python3",
                vec!["-c"],
                format!("{}\nprint(signed({b}.encode(), {g}, {s}))", shown("python")),
            ),
            (
                "node",
                vec!["-e"],
                format!(
                    "{}\nconsole.log(signed(Buffer.from({b}), {g}, {s}))",
                    shown("javascript")
                ),
            ),
            (
                "ruby",
                vec!["-e"],
                format!("{}\nputs signed({b}, {g}, {s})", shown("ruby")),
            ),
            (
                "php",
                vec!["-r"],
                format!(
                    "{}\necho signed({b}, {g}, {s}) ? 'true' : 'false';",
                    shown("php")
                ),
            ),
        ];
        for (program, arguments, code) in programs {
            if let Some(said) = says(program, &arguments, &code) {
                let expected = (signature == right).to_string();
                assert_eq!(said, expected, "{program} {signature}");
                ran += 1;
            }
        }
    }
    if ran == 0 {
        eprintln!("SKIP: no language of the guide's receivers is on this machine");
    }
}
