//! Telling the team over machines in memory: chats and notes, each piece of news once.

use crate::planning::{event, known, send};
use crate::setup::{App, settings};
use hmac::{Hmac, KeyInit, Mac};
use offshoot_control::automation::{self, AutomationChange};
use offshoot_control::handover;
use offshoot_control::inbound::{self, Arrived};
use offshoot_control::integration::{self, NewIntegration};
use offshoot_control::iteration::BindingView;
use offshoot_control::locate::{self, LocatedAutomation, LocatedOrganization};
use offshoot_control::once::Once;
use offshoot_control::page::Page;
use offshoot_control::revision::Expected;
use offshoot_core::automation::BindingState;
use offshoot_core::name::IntegrationName;
use offshoot_core::refusal::Refusal;
use offshoot_testkit::fake::Sent;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;

const CHAT: &str = "https://chat.example.com/hooks/never-to-be-seen";
const SECRET: &str = "a secret of the planner";
const HOUR: u64 = 3_600;

async fn organization(app: &App) -> LocatedOrganization {
    locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap()
}

async fn integrate(
    app: &App,
    name: &str,
    tool: &str,
    settings: Value,
    token: Option<&str>,
) -> Result<String, Refusal> {
    let new = NewIntegration {
        name: IntegrationName::parse(name).unwrap(),
        tool: tool.to_owned(),
        settings: settings.as_object().unwrap().clone(),
        secret: Some(SecretString::from(SECRET)),
        token: token.map(SecretString::from),
        poll_every: None,
    };
    let at = organization(app).await;
    let made = integration::create(&app.control, &at, new, &Once::unnamed()).await?;
    Ok(made.integration.id.to_string())
}

async fn automate(app: &App, rule: Value) -> Result<(), Refusal> {
    crate::planning::automate_with(app, "sprints", rule, &[]).await
}

async fn sprints(app: &App) -> LocatedAutomation {
    locate::automation(
        &app.control,
        app.caller(),
        "default",
        "shop",
        "sprints",
        &[],
    )
    .await
    .unwrap()
}

fn planner() -> Value {
    json!({"mapping": {
        "fields": {"id": "/id", "name": "/name", "state": "/state", "updated_at": "/at"},
        "signature": {"scheme": "token"},
    }})
}

/// Sprints of a tool of no particular kind, told to a chat.
async fn chat(tool: &str, on: Value) -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    // The first integration is the one that events go to.
    integrate(&app, "a-planner", "generic", planner(), None)
        .await
        .unwrap();
    integrate(&app, "team-chat", tool, json!({}), Some(CHAT))
        .await
        .unwrap();
    let rule = json!({
        "integration": "a-planner", "credentials": {"app": {}}, "on": on,
        "tell": {"chats": ["team-chat"]},
    });
    automate(&app, rule).await.unwrap();
    app.world.answers(&[(200, "ok")]);
    (app, dir)
}

fn told(app: &App) -> Vec<Sent> {
    let all = app.world.sent().into_iter();
    all.filter(|s| s.url.starts_with(CHAT)).collect()
}

fn text(sent: &Sent) -> String {
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    let text = body.get("text").or_else(|| body.get("content"));
    text.and_then(Value::as_str).unwrap().to_owned()
}

async fn only(app: &App) -> BindingView {
    known(app).await.remove(0).bindings.remove(0)
}

/// As the tool says it, the n-th time.
async fn says(app: &App, name: &str, state: &str, n: i64) {
    send(app, &event(1, name, state, n)).await.unwrap();
    app.settle().await;
}

async fn open_link(app: &App) {
    let view = only(app).await.handovers.remove(0);
    let id = view.handover.id.to_string();
    handover::reveal(&app.control, &id, &view.link.unwrap(), None)
        .await
        .unwrap();
    app.settle().await;
}

#[tokio::test]
async fn a_chat_hears_each_piece_of_news_once() {
    let (app, _dir) = chat("slack", json!({"ended": "sleep"})).await;
    says(&app, "Sprint 1", "planned", 1).await;
    let all = told(&app);
    assert_eq!(all.len(), 1, "{all:#?}");
    let first = text(&all[0]);
    assert!(
        first.contains("branch `sprint-1` of database `shop` is ready."),
        "{first}"
    );
    assert!(
        first.contains("/v1/reveal/") && first.contains("port `7306`"),
        "{first}"
    );
    assert!(!first.contains("ofs_pw_"), "{first}");
    // Nothing new: a repetition, another look, a link that was opened, a start.
    says(&app, "Sprint 1", "planned", 1).await;
    open_link(&app).await;
    says(&app, "Sprint 1", "started", 2).await;
    assert_eq!(told(&app).len(), 1);
    for (n, name, state, part) in [
        (3, "Sprint one", "started", "until now it was `sprint-1`."),
        (
            4,
            "Sprint one",
            "ended",
            "it is over. Branch `sprint-one` of database `shop` sleeps",
        ),
        (
            5,
            "Sprint one",
            "started",
            "it goes on, and so does branch `sprint-one`",
        ),
    ] {
        says(&app, name, state, n).await;
        app.settle().await;
        let all = told(&app);
        assert_eq!(all.len(), usize::try_from(n).unwrap() - 1, "{all:#?}");
        assert!(text(all.last().unwrap()).contains(part), "{all:#?}");
    }
    let announced = only(&app).await.announcements.remove(0);
    assert_eq!(
        (announced.chat.as_str(), announced.attempts),
        ("team-chat", 0)
    );
    assert!(announced.told_at.is_some() && announced.failure.is_none());
}

#[tokio::test]
async fn a_date_is_told_and_told_again_the_day_before() {
    let (app, _dir) = chat("mattermost", json!({"ended": "delete after 7d"})).await;
    says(&app, "Sprint 1", "planned", 1).await;
    says(&app, "Sprint 1", "ended", 2).await;
    let all = told(&app);
    assert_eq!(all.len(), 2, "{all:#?}");
    assert!(text(&all[1]).contains("is deleted at `20"), "{all:#?}");
    for (hours, count, part) in [
        (5 * 24, 2, "it is over"),
        (24 + 2, 3, "offshoot branch protect shop sprint-1"),
        (24, 4, "is gone"),
        (24, 4, "is gone"),
    ] {
        app.clock.advance(Duration::from_secs(hours * HOUR));
        app.settle().await;
        app.settle().await;
        let all = told(&app);
        assert_eq!(all.len(), count, "{hours}: {all:#?}");
        assert!(
            text(all.last().unwrap()).contains(part),
            "{hours}: {all:#?}"
        );
    }
    assert_eq!(only(&app).await.detail.binding.state, BindingState::Deleted);
}

#[tokio::test]
async fn a_message_that_can_be_changed_is() {
    let (app, _dir) = chat("discord", json!({})).await;
    app.world.answers(&[(200, r#"{"id": "42"}"#)]);
    says(&app, "Sprint 1", "planned", 1).await;
    open_link(&app).await;
    says(&app, "Sprint 1", "ended", 2).await;
    let all = told(&app);
    let how: Vec<_> = all
        .iter()
        .map(|s| (s.method, s.url.strip_prefix(CHAT).unwrap()))
        .collect();
    let change = ("PATCH", "/messages/42");
    assert_eq!(how, [("POST", "?wait=true"), change, change]);
    assert!(text(&all[0]).contains("/v1/reveal/"), "{all:#?}");
    assert!(text(&all[1]).contains("was opened.") && !text(&all[1]).contains("/v1/reveal/"));
    assert!(text(&all[2]).contains("it is over."), "{all:#?}");
    // Somebody deleted the message: it is said anew.
    app.world
        .answers(&[(404, r#"{"code": 10008}"#), (200, r#"{"id": "43"}"#)]);
    says(&app, "Sprint 1", "started", 3).await;
    says(&app, "Sprint 1", "ended", 4).await;
    let all = told(&app);
    let how: Vec<_> = all[3..].iter().map(|s| s.method).collect();
    assert_eq!(how, ["PATCH", "POST", "PATCH"]);
    assert!(all[5].url.ends_with("/messages/43"));
}

#[tokio::test]
async fn a_chat_that_is_not_there_holds_nothing_up() {
    let (app, _dir) = chat("teams", json!({})).await;
    app.world.answers(&[(500, ""), (404, ""), (202, "")]);
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.control.settle(3).await;
    let made = only(&app).await;
    assert_eq!(made.detail.binding.state, BindingState::Made);
    let failed = &made.announcements[0];
    assert_eq!(failed.attempts, 1);
    assert!(
        failed.failure.as_ref().unwrap().contains("500"),
        "{failed:?}"
    );
    // Seconds that pass, tries by then: later and later, and where only people can help, an hour.
    for (seconds, tries) in [(9, 1), (1, 2), (3_599, 2), (1, 3), (7_200, 3)] {
        app.clock.advance(Duration::from_secs(seconds));
        app.control.settle(2).await;
        assert_eq!(told(&app).len(), tries, "{seconds}");
    }
    let now = only(&app).await.announcements.remove(0);
    assert_eq!((now.attempts, now.failure, now.retry_at), (0, None, None));
}

#[tokio::test]
async fn what_is_told_without_links_says_where_they_are() {
    let (app, _dir) = chat("slack", json!({})).await;
    let mut rule = sprints(&app).await.automation().rule.clone();
    rule.tell.links = false;
    let change = AutomationChange {
        rule: Some(rule),
        ..AutomationChange::default()
    };
    automation::update(&app.control, &sprints(&app).await, change)
        .await
        .unwrap();
    says(&app, "<!channel> & co", "planned", 1).await;
    let all = told(&app);
    let first = text(&all[0]);
    assert!(
        !first.contains("reveal") && first.contains("offshoot iteration show"),
        "{first}"
    );
    assert!(first.contains("&lt;!channel&gt; &amp; co"), "{first}");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_its_place() {
    let (app, _dir) = chat("slack", json!({})).await;
    integrate(
        &app,
        "github",
        "github",
        json!({"repositories": "acme/shop"}),
        None,
    )
    .await
    .unwrap();
    for (rule, field) in [
        (json!({"integration": "team-chat"}), "rule.integration"),
        (
            json!({"integration": "a-planner", "tell": {"note": true}}),
            "rule.tell.note",
        ),
        (
            json!({"integration": "github", "tell": {"note": true}}),
            "rule.tell.note",
        ),
        (
            json!({"integration": "github", "tell": {"chats": ["nobody"]}}),
            "rule.tell.chats",
        ),
        (
            json!({"integration": "github", "tell": {"chats": ["a-planner"]}}),
            "rule.tell.chats",
        ),
    ] {
        let refused = automate(&app, rule).await.unwrap_err();
        assert_eq!(refused.field, Some(field), "{refused}");
    }
    for token in [None, Some("xoxb-secret"), Some("ftp://example.com/secret")] {
        let refused = integrate(&app, "chat", "slack", json!({}), token).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.field, Some("token"), "{refused}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
    // A rule tells it, so it stays.
    let (control, caller) = (&app.control, app.caller());
    let at = locate::integration(control, caller, "default", "team-chat", &[]).await;
    let refused = integration::delete(control, &at.unwrap(), &Expected::any()).await;
    assert!(refused.unwrap_err().to_string().contains("sprints"));
}

#[tokio::test]
async fn a_test_shows_what_would_be_told() {
    let (app, _dir) = chat("slack", json!({})).await;
    let arrived = Arrived {
        method: "POST".to_owned(),
        url: String::new(),
        headers: Vec::new(),
        body: event(1, "Sprint 1", "planned", 1).to_string().into_bytes(),
    };
    let tested = automation::test(&app.control, &sprints(&app).await, arrived)
        .await
        .unwrap();
    let tells = tested.effects[0].tells.as_ref().unwrap();
    assert!(tells.starts_with("team-chat:\n"), "{tells}");
    assert!(
        tells.contains("branch sprint-1 of database shop is ready."),
        "{tells}"
    );
    app.settle().await;
    assert_eq!(told(&app).len(), 0);
}

/// Milestones of GitHub, with notes.
async fn noting() -> (App, tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let settings = json!({"repositories": "acme/shop"});
    let id = integrate(
        &app,
        "github",
        "github",
        settings,
        Some("a token that may write"),
    )
    .await
    .unwrap();
    let rule = json!({
        "integration": "github", "credentials": {"app": {}}, "tell": {"note": true},
        "branch": {"name": "{{ iteration.name | slug }}"},
    });
    automate(&app, rule).await.unwrap();
    (app, dir, id)
}

async fn milestone(app: &App, id: &str, action: &str, title: &str, second: i64) {
    let at = |second: i64| {
        let at = jiff::Timestamp::from_second(1_800_000_000 + HOUR as i64 + second);
        at.unwrap().to_string()
    };
    let state = if action == "closed" { "closed" } else { "open" };
    let body = json!({
        "action": action,
        "milestone": {"id": 5_007, "number": 7, "title": title, "state": state, "created_at": at(0),
            "updated_at": at(second), "due_on": null, "closed_at": null,
            "html_url": "https://github.com/acme/shop/milestone/7"},
        "repository": {"full_name": "acme/shop"},
    });
    let body = body.to_string().into_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let tag = mac.finalize().into_bytes();
    let tag: String = tag.iter().map(|b| format!("{b:02x}")).collect();
    let arrived = Arrived {
        method: "POST".to_owned(),
        url: format!("http://api.example.com/v1/inbound/{id}"),
        headers: vec![
            ("X-GitHub-Event".to_owned(), "milestone".to_owned()),
            ("X-Hub-Signature-256".to_owned(), format!("sha256={tag}")),
        ],
        body,
    };
    inbound::receive(&app.control, id, arrived).await.unwrap();
    app.settle().await;
}

/// What was written into the milestone's description.
fn notes(app: &App) -> Vec<String> {
    let all = app.world.sent();
    let written = all.iter().filter(|s| s.method == "PATCH");
    written
        .map(|s| {
            assert!(s.url.ends_with("/repos/acme/shop/milestones/7"), "{s:?}");
            let body: Value = serde_json::from_str(&s.body).unwrap();
            body["description"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn description(text: &str) -> String {
    json!({"description": text}).to_string()
}

#[tokio::test]
async fn a_note_is_written_when_its_text_changes_and_in_its_place() {
    let (app, _dir, id) = noting().await;
    app.world
        .answers(&[(200, &*description("Ship it.")), (200, "{}")]);
    milestone(&app, &id, "created", "Sprint 1", 1).await;
    let first = notes(&app);
    assert_eq!(first.len(), 1, "{first:#?}");
    assert!(
        first[0].starts_with("Ship it.\n\n<!-- offshoot -->"),
        "{}",
        first[0]
    );
    assert!(
        first[0].contains("branch `sprint-1` of database `shop` is ready."),
        "{}",
        first[0]
    );
    assert!(first[0].contains("/v1/reveal/"), "{}", first[0]);
    // Nothing new is nothing written, and not even asked for.
    let asked = app.world.sent().len();
    milestone(&app, &id, "edited", "Sprint 1", 2).await;
    app.settle().await;
    assert_eq!(app.world.sent().len(), asked);
    // A link that was opened, and an end.
    app.world
        .answers(&[(200, &*description(&first[0])), (200, "{}")]);
    open_link(&app).await;
    let second = notes(&app);
    assert_eq!(second.len(), 2, "{second:#?}");
    assert!(second[1].starts_with("Ship it.\n\n") && second[1].contains("was opened."));
    assert_eq!(second[1].matches("<!-- offshoot -->").count(), 1);
    app.world
        .answers(&[(200, &*description(&second[1])), (200, "{}")]);
    milestone(&app, &id, "closed", "Sprint 1", 3).await;
    let third = notes(&app);
    assert_eq!(third.len(), 3, "{third:#?}");
    assert!(third[2].contains("it is over."), "{}", third[2]);
    // Nobody writes there any more: it is taken away.
    app.world
        .answers(&[(200, &*description(&third[2])), (200, "{}")]);
    automation::delete(&app.control, &sprints(&app).await, &Expected::any())
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(notes(&app).last().unwrap(), "Ship it.");
    app.settle().await;
    assert_eq!(notes(&app).len(), 4);
}

#[tokio::test]
async fn a_note_that_may_not_be_written_is_shown_and_tried_again() {
    let (app, _dir, id) = noting().await;
    app.world.answers(&[(403, "{}")]);
    milestone(&app, &id, "created", "Sprint 1", 1).await;
    let view = known(&app).await.remove(0);
    assert_eq!(view.bindings[0].detail.binding.state, BindingState::Made);
    let note = view.note.unwrap();
    assert!(note.failure.as_ref().unwrap().contains("403"), "{note:?}");
    assert!(note.written_at.is_none() && note.attempts == 1, "{note:?}");
    let tries = app.world.sent().len();
    app.clock.advance(Duration::from_secs(HOUR - 600));
    app.control.settle(1).await;
    assert_eq!(app.world.sent().len(), tries);
    app.world.answers(&[(200, &*description("")), (200, "{}")]);
    app.clock.advance(Duration::from_secs(HOUR));
    app.control.settle(1).await;
    assert_eq!(notes(&app).len(), 1);
    let note = known(&app).await.remove(0).note.unwrap();
    assert_eq!((note.attempts, note.failure), (0, None));
    assert!(note.written_at.is_some());
    let at = organization(&app).await;
    let listed = integration::list(&app.control, &at, Page::default()).await;
    assert_eq!(listed.unwrap().items.len(), 1);
}
