//! The team is told by the real server: in a chat, and in a note with the milestone.

use super::fake::{Fake, Replies, Request};
use super::{LOOPBACK, SECRET, Tool, automation, milestone, opened_once, until};
use crate::fixture::{Home, ORG, PATIENCE};
use crate::story::database;
use offshoot_api_types::CreateIntegration;
use offshoot_core::engine::EngineKind;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What was sent with a body, when it is at least so much.
async fn written(home: &Home, place: &Fake, count: usize) -> Vec<Request> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut all = place.requests();
        all.retain(|r| !r.body.is_empty());
        if all.len() >= count {
            return all;
        }
        assert!(Instant::now() < end, "{all:#?}\n{}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn field(request: &Request, name: &str) -> String {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    body[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_team_is_told_what_was_made_and_when_it_is_over() {
    let Some(mut home) = Home::new(EngineKind::Mysql) else {
        return;
    };
    home.config.push_str(LOOPBACK);
    let github = Fake::start(Replies::Always((
        200,
        json!({"description": "Ship it."}).to_string(),
    )))
    .await;
    // The chat is not well at first.
    let chat = Fake::start(Replies::InTurn(vec![
        (500, String::new()),
        (200, "ok".to_owned()),
    ]))
    .await;
    let server = home.serve().await;
    database(&server.client).await;
    let address = chat.url("/hooks/never-to-be-seen");
    let mut body = CreateIntegration {
        name: Some("github".to_owned()),
        tool: Some("github".to_owned()),
        settings: json!({"repositories": ["acme/shop"], "api_url": github.url("")})
            .as_object()
            .cloned(),
        secret: Some(SECRET.to_owned()),
        token: Some("a token that may write".to_owned()),
        poll_seconds: None,
    };
    let made = server.client.create_integration(ORG, &body).await.unwrap();
    body.name = Some("team-chat".to_owned());
    body.tool = Some("slack".to_owned());
    body.settings = None;
    body.token = Some(address.clone());
    server.client.create_integration(ORG, &body).await.unwrap();
    automation(
        &server,
        json!({
            "integration": "github",
            "branch": {"name": "{{ iteration.name | slug }}"},
            "credentials": {"app": {"role": "readwriter"}},
            "tell": {"note": true, "chats": ["team-chat"]},
        }),
    )
    .await;

    let tool = Tool::new(&made.url);
    tool.accepted("d1", &milestone("created", 1, "Sprint 1", 1))
        .await;
    let note = written(&home, &github, 1).await;
    let text = field(&note[0], "description");
    assert!(
        text.starts_with("Ship it.\n\n<!-- offshoot -->\n"),
        "{text}"
    );
    assert!(
        text.contains("branch `sprint-1` of database `shop` is ready."),
        "{text}"
    );
    let said = written(&home, &chat, 2).await;
    assert_eq!(said[0].body, said[1].body, "tried again");
    let said = field(&said[1], "text");
    assert!(said.contains(&format!("port `{}`", home.gateway)), "{said}");
    let link = said
        .split_once(": <http")
        .unwrap()
        .1
        .split_once('>')
        .unwrap()
        .0;
    let session = opened_once(&format!("http{link}")).await;
    assert!(!said.contains(&session.plain_text) && !text.contains(&session.plain_text));
    let note = written(&home, &github, 2).await;
    assert!(field(&note[1], "description").contains("was opened."));

    tool.accepted("d2", &milestone("closed", 1, "Sprint 1", 2))
        .await;
    let made = until(&home, &server, "told", |_, b| {
        let mut places = b.told.iter();
        b.state == "ended" && places.all(|t| t.told_at.is_some() && t.failure.is_none())
    })
    .await;
    assert_eq!(made.told[0].place, "team-chat");
    let said = written(&home, &chat, 3).await;
    assert!(field(&said[2], "text").contains("it is over."), "{said:#?}");
    let note = written(&home, &github, 3).await;
    assert!(field(&note[2], "description").contains("it is over."));

    let kept = std::fs::read(home.data().join("offshoot.db")).unwrap();
    let clear = kept.windows(address.len()).any(|w| w == address.as_bytes());
    assert!(!clear, "the chat's address is in the store in clear");
    assert!(!home.log().contains("never-to-be-seen"), "{}", home.log());
    assert!(server.stop().success());
    assert_eq!(written(&home, &chat, 3).await.len(), 3);
    assert_eq!(written(&home, &github, 3).await.len(), 3);
}
