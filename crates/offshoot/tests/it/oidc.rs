//! Logging in with an OIDC provider: the built binary, a small provider with real keys, a browser that keeps cookies.

mod browser;
mod provider;

use crate::fixture::{Home, ORG, Server, free_port, text};
use browser::{Browser, Program};
use offshoot_client::PageOf;
use offshoot_core::engine::EngineKind;
use provider::{CLIENT, Provider, SECRET};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

/// A server whose provider is at that issuer; more of `[login.oidc]` with it.
fn home(issuer: &str, more: &str) -> Option<Home> {
    let mut home = Home::new(EngineKind::Mariadb)?;
    let secret = home.directory().join("client-secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    home.config = format!(
        "[instances]\nwarm_instances = 0\n{more}\n\
         [login.oidc]\nname = \"Example\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n\
         client_secret_file = \"{}\"\n",
        secret.display()
    );
    Some(home)
}

fn run(home: &Home, args: &[&str]) -> Value {
    let output = home.offshoot(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Actions of the audit log, newest first.
async fn actions(server: &Server) -> Vec<String> {
    let log = server
        .client
        .list_audit_log(ORG, &[], None, None)
        .await
        .unwrap();
    log.data.into_iter().map(|e| e.audit_action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_log_in_with_the_account_that_they_have() {
    let provider = Provider::start(free_port()).await;
    let Some(home) = home(&provider.issuer, "") else {
        return;
    };
    let mut command = home.command(&["serve"]);
    command.env("OFFSHOOT_LOG", "debug");
    let server = home.serve_as(command).await;
    let url = home.url();
    provider.person("ann-1", "Ann@Example.com");

    // Nobody here yet.
    let program = Program::begin(&url).await;
    let mut ann = Browser::new(&url);
    ann.log_in(program.code()).await;
    assert_eq!(ann.status, 403);
    assert!(
        ann.page.contains("offshoot user create ann@example.com"),
        "{}",
        ann.page
    );
    assert_eq!(program.fetch().await.unwrap_err(), "authorization_pending");
    assert_eq!(actions(&server).await[0], "user.login_refused");

    // The same login, once there is such a user; and both ways are offered.
    let make = [
        "user",
        "create",
        "ann@example.com",
        "--role",
        "admin",
        "--format",
        "json",
    ];
    run(&home, &make);
    assert!(ann.page.contains("Log in with Example") && ann.page.contains("type=\"password\""));
    ann.log_in(program.code()).await;
    assert_eq!(ann.status, 200, "{}", ann.page);
    assert!(ann.page.contains("ann@example.com"), "{}", ann.page);
    assert_eq!(program.fetch().await.unwrap_err(), "authorization_pending");
    ann.allow(program.code()).await;
    let first = program.fetch().await.unwrap();
    let (status, user) = program.user(&first).await;
    assert_eq!(
        (status, &user["email"], &user["sso"]),
        (200, &json!("ann@example.com"), &json!(true))
    );
    let seen = actions(&server).await;
    for action in [
        "user.linked",
        "user.logged_in",
        "user.login_allowed",
        "session.created",
    ] {
        assert!(seen.iter().any(|a| a == action), "{action}: {seen:?}");
    }
    let listed = run(&home, &["user", "list", "--format", "json"]);
    let of = |email: &str| {
        let all = listed.as_array().unwrap();
        let found = all.iter().find(|u| u["user"]["email"] == email);
        found.unwrap_or_else(|| panic!("{listed}"))["log_in_with"].clone()
    };
    assert_eq!(of("ann@example.com"), json!(["password", "oidc"]));
    assert_eq!(of("admin@localhost"), json!(["password"]));

    // The account counts from now on, whatever its address; the address does not.
    provider.person("ann-1", "ann@married.example.org");
    provider.tells_by_userinfo(true);
    let program = Program::begin(&url).await;
    ann.log_in(program.code()).await;
    ann.allow(program.code()).await;
    let second = program.fetch().await.unwrap();
    assert_eq!(program.user(&second).await.1["email"], "ann@example.com");
    provider.tells_by_userinfo(false);
    provider.person("bob-2", "ann@example.com");
    let program = Program::begin(&url).await;
    let mut bob = Browser::new(&url);
    bob.log_in(program.code()).await;
    assert_eq!(bob.status, 403);
    assert!(
        bob.page.contains("linked with another account"),
        "{}",
        bob.page
    );

    // The end of the user is the end of the sessions and of the link.
    server
        .client
        .delete_member(ORG, "ann@example.com")
        .await
        .unwrap();
    assert_eq!(program.user(&first).await.0, 401);
    assert_eq!(program.user(&second).await.0, 401);
    provider.person("ann-1", "ann@example.com");
    bob.log_in(program.code()).await;
    assert!(bob.page.contains("no such user here"), "{}", bob.page);
    run(&home, &make);
    bob.log_in(program.code()).await;
    assert!(bob.page.contains("Allow"), "{}", bob.page);

    // Nothing secret was logged, not even by who logs everything.
    let log = home.log();
    assert!(
        log.contains("/oauth/oidc/callback"),
        "requests are logged: {log}"
    );
    for secret in provider.secrets() {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_lets_nobody_in() {
    let provider = Provider::start(free_port()).await;
    let Some(home) = home(&provider.issuer, "") else {
        return;
    };
    let server = home.serve().await;
    let url = home.url();
    run(
        &home,
        &["user", "create", "ann@example.com", "--format", "json"],
    );
    provider.person("ann-1", "ann@example.com");
    let program = Program::begin(&url).await;
    let code = program.code();

    let now = jsonwebtoken::get_current_timestamp();
    for (lies, words) in [
        (json!({"nonce": "another"}), "is not for this login"),
        (json!({"nonce": null}), "is not for this login"),
        (json!({"aud": "another"}), "is for another client"),
        (
            json!({"aud": [CLIENT, "another"], "azp": "another"}),
            "was made for another client",
        ),
        (json!({"iss": "http://127.0.0.1:1"}), "is of another issuer"),
        (json!({"exp": now - 600}), "is too old"),
        (json!({"sub": null}), "lacks what every ID token has"),
        (json!({"email_verified": false}), "not verified"),
        (json!({"email_verified": null}), "not verified"),
        (json!({"email": "ann"}), "no e-mail address"),
    ] {
        provider.lies(lies.clone());
        let mut browser = Browser::new(&url);
        browser.log_in(code).await;
        assert!(
            matches!(browser.status, 403 | 422),
            "{lies}: {}",
            browser.status
        );
        assert!(browser.page.contains(words), "{lies}: {}", browser.page);
        assert!(
            browser.page.contains("Log in with Example"),
            "another try is offered"
        );
        assert!(!browser.page.contains("Allow"), "{}", browser.page);
    }
    provider.lies(json!({}));

    // A key that is not the provider's, under the name of one that is; then one that nobody published.
    for (kid, words) in [
        ("first", "not signed by the key"),
        ("foreign", "none of its own"),
    ] {
        provider.signs_with(kid, false);
        let mut browser = Browser::new(&url);
        browser.log_in(code).await;
        assert!(browser.page.contains(words), "{kid}: {}", browser.page);
    }
    // Its own new one is found.
    provider.signs_with("second", true);
    let mut ann = Browser::new(&url);
    ann.log_in(code).await;
    assert_eq!(ann.status, 200, "{}", ann.page);

    // What one browser was sent for is worth nothing in another, and in none a second time.
    ann.open(code).await;
    let there = ann.leave(code).await;
    let back = ann.visit(&there).await;
    let mut thief = Browser::new(&url);
    thief.open(code).await;
    thief.come_back(&back).await;
    assert_eq!(thief.status, 403, "{}", thief.page);
    thief.open(code).await;
    thief.leave(code).await;
    thief.come_back(&back).await;
    assert_eq!(
        thief.status, 403,
        "with an errand of its own: {}",
        thief.page
    );
    ann.come_back(&back).await;
    assert_eq!(ann.status, 403, "another browser was sent meanwhile");
    ann.open(code).await;
    let there = ann.leave(code).await;
    let back = ann.visit(&there).await;
    ann.come_back(&back.replace("state=", "state=0")).await;
    assert_eq!(ann.status, 403, "another state");
    ann.come_back(&back).await;
    assert_eq!(ann.status, 200, "{}", ann.page);
    let mut again = Browser::new(&url);
    again.come_back(&back).await;
    assert_eq!(again.status, 403);
    ann.come_back(&back).await;
    assert_eq!(ann.status, 403, "a second time: {}", ann.page);

    // Left at the provider; and an answer that another provider seems to have given.
    let mut left = Browser::new(&url);
    left.open(code).await;
    let there = left.leave(code).await;
    let state = there
        .split_once("state=")
        .unwrap()
        .1
        .split('&')
        .next()
        .unwrap();
    let callback = format!("{url}/oauth/oidc/callback?state={state}");
    left.come_back(&format!("{callback}&error=access_denied"))
        .await;
    assert_eq!(left.status, 401);
    assert!(left.page.contains("access_denied"), "{}", left.page);
    left.open(code).await;
    let there = left.leave(code).await;
    let back = left.visit(&there).await;
    left.come_back(&format!("{back}&iss=https%3A%2F%2Fevil.example.com"))
        .await;
    assert!(left.page.contains("is not Example&#39;s"), "{}", left.page);
    assert_eq!(program.fetch().await.unwrap_err(), "authorization_pending");

    // Guessing has an end.
    let mut last = 0;
    for _ in 0..30 {
        again.come_back(&callback).await;
        last = again.status;
    }
    assert_eq!(last, 429);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_and_one_that_is_all_there_is() {
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}/realm");
    let Some(mut home) = home(&issuer, "") else {
        return;
    };
    let server = home.serve().await;
    let url = home.url();
    let made = run(
        &home,
        &["user", "create", "ann@example.com", "--format", "json"],
    );
    let password = made["password"].as_str().unwrap();
    let program = Program::begin(&url).await;
    let mut ann = Browser::new(&url);
    ann.open(program.code()).await;
    ann.press(program.code()).await;
    assert_eq!(ann.status, 503);
    assert!(ann.page.contains("does not answer") && ann.page.contains("type=\"password\""));
    ann.password(program.code(), "ann@example.com", password)
        .await;
    assert_eq!(ann.status, 200, "{}", ann.page);

    // It is there a moment later.
    let provider = Provider::start(port).await;
    provider.names_itself();
    provider.person("ann-1", "ann@example.com");
    ann.log_in(program.code()).await;
    ann.allow(program.code()).await;
    program.fetch().await.unwrap();
    assert!(server.stop().success());

    // With the provider alone; who it knows is let in, of one domain.
    home.config = home
        .config
        .replace("[login.oidc]", "[login]\npasswords = false\n[login.oidc]");
    home.config
        .push_str("create_users = \"member\"\nemail_domains = [\"Example.com\"]\n");
    let server = home.serve().await;
    let program = Program::begin(&url).await;
    ann.open(program.code()).await;
    assert!(!ann.page.contains("type=\"password\""), "{}", ann.page);
    ann.password(program.code(), "ann@example.com", password)
        .await;
    assert_eq!(ann.status, 403, "{}", ann.page);
    assert!(ann.page.contains("log in with Example"), "{}", ann.page);
    provider.person("eve-3", "eve@example.org");
    let mut eve = Browser::new(&url);
    eve.log_in(program.code()).await;
    assert!(
        eve.page.contains("addresses of example.org may not"),
        "{}",
        eve.page
    );
    provider.person("bob-2", "bob@example.com");
    let mut bob = Browser::new(&url);
    bob.log_in(program.code()).await;
    bob.allow(program.code()).await;
    let token = program.fetch().await.unwrap();
    assert_eq!(program.user(&token).await.1["name"], "Ann Example");
    let members = server
        .client
        .list_members(ORG, PageOf::default())
        .await
        .unwrap();
    let bobs = members
        .data
        .iter()
        .find(|m| m.user.email == "bob@example.com")
        .unwrap();
    let shown = serde_json::to_value(bobs).unwrap();
    assert_eq!(
        (&shown["role"], &shown["log_in_with"]),
        (&json!("member"), &json!(["oidc"]))
    );
    assert!(server.stop().success());

    // Passwords again: who has none cannot log in with an empty one, nor with any.
    home.config = home.config.replace("passwords = false", "passwords = true");
    let server = home.serve().await;
    let program = Program::begin(&url).await;
    for wrong in ["", "correct horse battery"] {
        bob.open(program.code()).await;
        bob.password(program.code(), "bob@example.com", wrong).await;
        assert_eq!(bob.status, 401, "{}", bob.page);
    }
    assert!(server.stop().success());

    // A secret that others can read, and none.
    let secret = home.directory().join("client-secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = text(&home.offshoot(&["serve"]));
    assert!(
        said.contains("client_secret_file") && said.contains("chmod 600"),
        "{said}"
    );
    std::fs::remove_file(&secret).unwrap();
    let said = text(&home.offshoot(&["serve"]));
    assert!(
        said.contains("client_secret_file") && said.contains("cannot read"),
        "{said}"
    );
}
