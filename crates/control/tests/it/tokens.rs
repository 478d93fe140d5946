//! Service tokens and what they open.

use crate::setup::{App, new_branch, settings};
use offshoot_control::caller::{Caller, authenticate};
use offshoot_control::once::Once;
use offshoot_control::{branch, database, locate, page::Page, token};
use offshoot_core::access::Access;
use offshoot_core::refusal::Kind;
use secrecy::SecretString;
use std::time::Duration;

async fn with(app: &App, database: Option<&str>, accesses: &[Access]) -> Caller {
    let at = locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap();
    let made = token::create(&app.control, &at, None, None, &Once::unnamed())
        .await
        .unwrap();
    let id = made.token.id.to_string();
    let located = locate::token(&app.control, app.caller(), "default", &id, &[])
        .await
        .unwrap();
    token::grant(&app.control, &located, database, accesses)
        .await
        .unwrap();
    app.login(&id, &made.plain_text.unwrap()).await
}

#[tokio::test]
async fn a_token_opens_what_it_was_granted() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let find = async |caller: &Caller, needs: &[Access]| {
        locate::database(&app.control, caller, "default", "shop", needs)
            .await
            .map(drop)
            .map_err(|r| r.kind)
    };
    let nothing = with(&app, None, &[]).await;
    assert_eq!(find(&nothing, &[]).await, Err(Kind::NotFound));
    let reader = with(&app, Some("shop"), &[Access::ReadBranch]).await;
    assert_eq!(find(&reader, &[Access::ReadBranch]).await, Ok(()));
    assert_eq!(
        find(&reader, &[Access::CreateBranch]).await,
        Err(Kind::Forbidden)
    );
    let at = locate::database(&app.control, &reader, "default", "shop", &[])
        .await
        .unwrap();
    let refused = branch::create(&app.control, &at, new_branch("x", None), &Once::unnamed()).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Forbidden);
    let org = locate::organization(&app.control, &nothing, "default", &[])
        .await
        .unwrap();
    let list = database::list(&app.control, &org, None, Page::default()).await;
    assert_eq!(list.unwrap().total, 0);
    let foreign = locate::organization(&app.control, &nothing, "other", &[]).await;
    assert_eq!(foreign.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_token_cannot_grant_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let writer = with(&app, None, &[Access::WriteServiceTokens]).await;
    let id = writer.token().id.to_string();
    let own = locate::token(&app.control, &writer, "default", &id, &[])
        .await
        .unwrap();
    let refused = token::grant(&app.control, &own, None, &[Access::CreateDatabases]).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Forbidden);
}

#[tokio::test]
async fn wrong_unknown_and_expired_tokens_look_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let at = locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap();
    let hour = Duration::from_secs(3600);
    let made = token::create(&app.control, &at, None, Some(hour), &Once::unnamed())
        .await
        .unwrap();
    let id = made.token.id.to_string();
    let plain = made.plain_text.unwrap();
    app.login(&id, &plain).await;
    app.clock.advance(hour);
    let wrong = SecretString::from("pscale_tkn_wrong");
    let mut texts = Vec::new();
    for (id, plain) in [
        (id.as_str(), &plain),
        (id.as_str(), &wrong),
        ("nope", &wrong),
    ] {
        let refusal = authenticate(&app.control, id, plain, None)
            .await
            .unwrap_err();
        assert_eq!(refusal.kind, Kind::Unauthorized);
        texts.push(refusal.to_string());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
}
