//! Logins of programs: from the code to the session, and everything that must not lead to one.

use crate::access::status;
use crate::members::member;
use crate::server::{Answer, Server, server};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/default";
const PASSWORD: &str = "correct horse battery";
const SCOPES: &str = "read_databases+write_databases+read_user+read_organization";

/// What `pscale auth login` begins with.
async fn begin(server: &Server, scopes: &str) -> Value {
    let body = format!("client_id=pscale&scope={scopes}");
    let begun = server
        .send("POST /oauth/authorize_device", &[], &body)
        .await;
    begun.expect(200)
}

async fn fetch(server: &Server, device: &Value) -> Answer {
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let body = format!(
        "grant_type={grant}&device_code={}&client_id=pscale",
        device["device_code"].as_str().unwrap()
    );
    server.send("POST /oauth/token", &[], &body).await
}

/// A browser: its cookie, and the last page.
#[derive(Default)]
struct Browser {
    cookie: String,
    page: String,
    status: u16,
}

impl Browser {
    async fn go(&mut self, server: &Server, what: &str, body: &str) {
        let headers = [("cookie", self.cookie.as_str())];
        let answer = server.send(what, &headers, body).await;
        if let Some(set) = answer.headers.get("set-cookie") {
            let set = set.to_str().unwrap();
            for part in ["HttpOnly", "SameSite=Strict", "Path=/oauth"] {
                assert!(set.contains(part), "{set}");
            }
            self.cookie = set.split(';').next().unwrap().to_owned();
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        (self.page, self.status) = (answer.text, answer.status);
    }

    fn proof(&self) -> String {
        let (_, rest) = self.page.split_once("name=\"proof\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    async fn open(&mut self, server: &Server, code: &str) {
        let what = format!("GET /oauth/device?user_code={code}");
        self.go(server, &what, "").await;
    }

    async fn log_in(&mut self, server: &Server, code: &str, email: &str, password: &str) {
        let password = password.replace(' ', "+");
        let body = format!(
            "user_code={code}&proof={}&email={email}&password={password}",
            self.proof()
        );
        self.go(server, "POST /oauth/device", &body).await;
    }

    async fn decide(&mut self, server: &Server, code: &str, decision: &str) {
        let body = format!(
            "user_code={code}&proof={}&decision={decision}",
            self.proof()
        );
        self.go(server, "POST /oauth/device/decision", &body).await;
    }
}

/// The token of a session of a new user, and the user.
async fn session(server: &Server, email: &str, role: &str, scopes: &str) -> String {
    member(
        server,
        json!({"email": email, "role": role, "password": PASSWORD}),
    )
    .await;
    log_in_again(server, email, scopes).await
}

async fn log_in_again(server: &Server, email: &str, scopes: &str) -> String {
    let device = begin(server, scopes).await;
    let code = device["user_code"].as_str().unwrap();
    let mut browser = Browser::default();
    browser.open(server, code).await;
    browser.log_in(server, code, email, PASSWORD).await;
    browser.decide(server, code, "allow").await;
    assert_eq!(browser.status, 200, "{}", browser.page);
    let token = fetch(server, &device).await.expect(200);
    format!("Bearer {}", token["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_program_gets_a_session_when_its_user_allows_it() {
    let server = server().await;
    member(
        &server,
        json!({"email": "ann@x", "role": "admin", "password": PASSWORD}),
    )
    .await;
    let device = begin(&server, SCOPES).await;
    assert_eq!(
        (&device["interval"], &device["expires_in"]),
        (&json!(5), &json!(600))
    );
    let code = device["user_code"].as_str().unwrap();
    let link = format!("http://api.example.com/oauth/device?user_code={code}");
    assert_eq!(device["verification_uri_complete"], link);
    let pending = fetch(&server, &device).await.expect(400);
    assert_eq!(pending["error"], "authorization_pending");

    let mut browser = Browser::default();
    browser.open(&server, code).await;
    assert!(
        browser.page.contains(code),
        "the code is there to be compared"
    );
    assert!(!browser.page.contains("http"), "nothing from elsewhere");
    let before = browser.cookie.clone();
    browser.log_in(&server, code, "Ann@X", PASSWORD).await;
    assert_eq!(browser.status, 200);
    assert!(browser.page.contains("pscale") && browser.page.contains("Allow"));
    assert_ne!(
        browser.cookie, before,
        "a cookie from before is worth nothing"
    );
    let pending = fetch(&server, &device).await.expect(400);
    assert_eq!(
        pending["error"], "authorization_pending",
        "a password allows nothing yet"
    );
    browser.decide(&server, code, "allow").await;
    assert!(browser.page.contains("Allowed"));

    let token = fetch(&server, &device).await.expect(200);
    assert_eq!(
        (&token["expires_in"], &token["token_type"]),
        (&json!(2_592_000), &json!("Bearer"))
    );
    let text = token["access_token"].as_str().unwrap();
    assert!(text.starts_with("pscale_oauth_"));
    let once = fetch(&server, &device).await.expect(400);
    assert_eq!(once["error"], "expired_token", "fetched once");

    let bearer = format!("Bearer {text}");
    let headers = [("authorization", bearer.as_str())];
    let user = server.send("GET /v1/user", &headers, "").await.expect(200);
    assert_eq!(user["email"], "ann@x");
    let organizations = server.send("GET /v1/organizations", &headers, "").await;
    assert_eq!(organizations.expect(200)["data"][0]["name"], "default");
    let make = format!("POST {ORG}/databases");
    let made = server.send(&make, &headers, r#"{"name":"crm"}"#).await;
    made.expect(201);
    let audit = server
        .send(&format!("GET {ORG}/audit-log"), &headers, "")
        .await
        .expect(200);
    let entry = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["audit_action"] == "database.created")
        .unwrap();
    assert_eq!(
        (
            &entry["actor_type"],
            &entry["actor_display_name"],
            &entry["actor_id"]
        ),
        (&json!("User"), &json!("ann@x"), &user["id"])
    );
}

#[tokio::test]
async fn nothing_but_the_browser_that_logged_in_decides() {
    let server = server().await;
    member(
        &server,
        json!({"email": "ann@x", "role": "admin", "password": PASSWORD}),
    )
    .await;
    let device = begin(&server, SCOPES).await;
    let code = device["user_code"].as_str().unwrap();
    let mut ann = Browser::default();
    ann.open(&server, code).await;
    // Another site has no cookie, and a form without a proof is nobody's.
    for (cookie, proof) in [("", ann.proof()), (ann.cookie.as_str(), String::new())] {
        let body =
            format!("user_code={code}&proof={proof}&email=ann@x&password=correct+horse+battery");
        let refused = server
            .send("POST /oauth/device", &[("cookie", cookie)], &body)
            .await;
        assert_eq!(refused.status, 403);
    }
    // Who did not log in decides nothing, nor does who has a cookie from before.
    let mut early = Browser::default();
    early.open(&server, code).await;
    early.decide(&server, code, "allow").await;
    assert_eq!(early.status, 404);
    early.open(&server, code).await;
    ann.log_in(&server, code, "ann@x", PASSWORD).await;
    early.decide(&server, code, "allow").await;
    assert_eq!(early.status, 404);
    let pending = fetch(&server, &device).await.expect(400);
    assert_eq!(pending["error"], "authorization_pending");
    ann.decide(&server, code, "deny").await;
    let denied = fetch(&server, &device).await.expect(400);
    assert_eq!(denied["error"], "access_denied");
    let gone = fetch(&server, &device).await.expect(400);
    assert_eq!(gone["error"], "expired_token");
}

#[tokio::test]
async fn wrong_passwords_and_codes_say_little_and_not_for_long() {
    let server = server().await;
    member(&server, json!({"email": "ann@x", "password": PASSWORD})).await;
    let device = begin(&server, SCOPES).await;
    let code = device["user_code"].as_str().unwrap();
    let mut browser = Browser::default();
    browser.open(&server, code).await;
    let mut pages = Vec::new();
    for email in ["ann@x", "nobody@x", "not an address"] {
        browser
            .log_in(&server, code, &email.replace(' ', "+"), "wrong wrong wrong")
            .await;
        assert_eq!(browser.status, 401);
        pages.push(browser.page.replace(&browser.proof(), ""));
    }
    assert!(
        pages.iter().all(|page| *page == pages[0]),
        "unknown or wrong: the same"
    );
    assert!(!pages[0].contains("Allow"));
    let body = |proof: &str| {
        format!("user_code={code}&proof={proof}&email=ann@x&password=correct+horse+battery")
    };
    let mut over = 0;
    for _ in 0..30 {
        let wrong = format!("{}x", body(&browser.proof()));
        let headers = [("cookie", browser.cookie.as_str())];
        over = server
            .send("POST /oauth/device", &headers, &wrong)
            .await
            .status;
        if over == 429 {
            break;
        }
        assert_eq!(over, 401);
    }
    assert_eq!(over, 429);
    let headers = [("cookie", browser.cookie.as_str())];
    let right = body(&browser.proof());
    let over = server.send("POST /oauth/device", &headers, &right).await;
    assert_eq!(over.status, 429, "not even the right one");
    assert!(over.headers.contains_key("retry-after"));

    let mut last = 0;
    for _ in 0..40 {
        let answer = server
            .send("GET /oauth/device?user_code=BCDF-GHJK", &[], "")
            .await;
        last = answer.status;
        if last == 429 {
            break;
        }
        assert_eq!(last, 404);
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_session_that_is_over_answers_what_pscale_knows() {
    let server = server().await;
    let ann = session(&server, "ann@x", "admin", SCOPES).await;
    let headers = [("authorization", ann.as_str())];
    let list = server
        .call(&format!("GET {ORG}/sessions"), None)
        .await
        .expect(200);
    assert_eq!(
        (&list["data"][0]["email"], &list["data"][0]["client"]),
        (&json!("ann@x"), &json!("pscale"))
    );
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    let over = |answer: Answer| {
        let body = answer.expect(401);
        assert_eq!(body["error"], "invalid_token");
        assert!(body["error_description"].is_string());
        assert!(
            body.get("code").is_none() && body.get("message").is_none(),
            "{body}"
        );
    };
    server
        .call(&format!("DELETE {ORG}/sessions/{id}"), None)
        .await
        .expect(204);
    over(server.send("GET /v1/organizations", &headers, "").await);
    server
        .call(&format!("DELETE {ORG}/sessions/{id}"), None)
        .await
        .expect(404);

    // pscale auth logout
    let ann = log_in_again(&server, "ann@x", SCOPES).await;
    let text = ann.strip_prefix("Bearer ").unwrap();
    let headers = [("authorization", ann.as_str())];
    let wrong = format!("client_id=pscale&client_secret=x&token={text}x");
    server
        .send("POST /oauth/revoke", &[], &wrong)
        .await
        .expect(200);
    server
        .send("GET /v1/organizations", &headers, "")
        .await
        .expect(200);
    let right = format!("client_id=pscale&client_secret=x&token={text}");
    for _ in 0..2 {
        server
            .send("POST /oauth/revoke", &[], &right)
            .await
            .expect(200);
    }
    over(server.send("GET /v1/organizations", &headers, "").await);

    // Another password, and the end of the user, end sessions too.
    let ann = log_in_again(&server, "ann@x", SCOPES).await;
    let set = format!("PUT {ORG}/members/ann@x/password");
    server
        .call(&set, Some(json!({"password": PASSWORD})))
        .await
        .expect(200);
    over(
        server
            .send("GET /v1/user", &[("authorization", &ann)], "")
            .await,
    );
    let bob = session(&server, "bob@x", "member", SCOPES).await;
    server
        .call(&format!("DELETE {ORG}/members/bob@x"), None)
        .await
        .expect(204);
    over(
        server
            .send("GET /v1/user", &[("authorization", &bob)], "")
            .await,
    );
    over(
        server
            .send(
                "GET /v1/user",
                &[("authorization", "Bearer pscale_oauth_")],
                "",
            )
            .await,
    );
    let short = [("authorization", "Bearer pscale_oauth_abc")];
    over(server.send("GET /v1/user", &short, "").await);
}

#[tokio::test]
async fn a_session_does_what_its_scopes_and_its_user_may() {
    let server = server().await;
    server.shop().await;
    let database = format!("POST {ORG}/databases");
    let branch = format!("POST {ORG}/databases/shop/branches");
    let body = |name: &str| format!(r#"{{"name":"{name}"}}"#);
    let reader = session(&server, "ann@x", "admin", "read_databases").await;
    assert_eq!(
        status(&server, &reader, &format!("GET {ORG}/databases"), "").await,
        200
    );
    assert_eq!(status(&server, &reader, &branch, &body("a")).await, 403);
    assert_eq!(
        status(&server, &reader, &format!("GET {ORG}/audit-log"), "").await,
        403
    );
    let developer = session(&server, "bob@x", "member", SCOPES).await;
    assert_eq!(status(&server, &developer, &branch, &body("b")).await, 201);
    assert_eq!(
        status(&server, &developer, &database, &body("c")).await,
        403
    );
    let passwords = format!("POST {ORG}/databases/shop/branches/main/passwords");
    assert_eq!(
        status(&server, &developer, &passwords, "{}").await,
        403,
        "production"
    );
    // The role counts from now on.
    let promote = format!("PATCH {ORG}/members/bob@x");
    server
        .call(&promote, Some(json!({"role": "admin"})))
        .await
        .expect(200);
    assert_eq!(
        status(&server, &developer, &database, &body("c")).await,
        201
    );
    // Users are changed by nobody who came with these scopes, and seen are the own sessions alone.
    let make = format!("POST {ORG}/members");
    assert_eq!(
        status(&server, &developer, &make, r#"{"email":"eve@x"}"#).await,
        403
    );
    let headers = [("authorization", developer.as_str())];
    let own = server
        .send(&format!("GET {ORG}/sessions"), &headers, "")
        .await
        .expect(200);
    assert_eq!(
        (&own["total_count"], &own["data"][0]["email"]),
        (&json!(1), &json!("bob@x"))
    );
    let all = server
        .call(&format!("GET {ORG}/sessions"), None)
        .await
        .expect(200);
    assert_eq!(all["total_count"], 2);
    let anns = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["email"] == "ann@x")
        .unwrap();
    let end = format!("DELETE {ORG}/sessions/{}", anns["id"].as_str().unwrap());
    assert_eq!(status(&server, &developer, &end, "").await, 404);
    // A session is no service token.
    let tokens = server
        .call(&format!("GET {ORG}/service-tokens"), None)
        .await
        .expect(200);
    assert_eq!(tokens["total_count"], 0);
    let id = anns["id"].as_str().unwrap();
    server
        .call(&format!("DELETE {ORG}/service-tokens/{id}"), None)
        .await
        .expect(404);
}

#[tokio::test]
async fn what_oauth_clients_get_wrong_is_said_as_they_know_it() {
    let server = server().await;
    for (what, body, error) in [
        (
            "authorize_device",
            "client_id=x&scope=everything".to_owned(),
            "invalid_scope",
        ),
        (
            "authorize_device",
            format!("client_id={}", "x".repeat(300)),
            "invalid_request",
        ),
        (
            "token",
            "grant_type=password&username=a".to_owned(),
            "unsupported_grant_type",
        ),
        ("token", String::new(), "unsupported_grant_type"),
    ] {
        let refused = server
            .send(&format!("POST /oauth/{what}"), &[], &body)
            .await
            .expect(400);
        assert_eq!(refused["error"], error, "{body}");
    }
    let strange = json!({"device_code": "nothing"});
    assert_eq!(
        fetch(&server, &strange).await.expect(400)["error"],
        "expired_token"
    );
    server
        .send("POST /oauth/revoke", &[], "token=nothing")
        .await
        .expect(200);
    // Another program's code.
    let device = begin(&server, SCOPES).await;
    let body = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=other&device_code={}",
        device["device_code"].as_str().unwrap()
    );
    let refused = server
        .send("POST /oauth/token", &[], &body)
        .await
        .expect(400);
    assert_eq!(refused["error"], "expired_token");
}
