//! The HTTP data API before real engines.

mod golden;
#[path = "../../src/data/messages.rs"]
#[expect(unreachable_pub, reason = "generated")]
mod messages;
mod proto;
mod sessions;
mod stream;

use crate::engine::{each, own};
use crate::world::{SECRET, World, id};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use offshoot_core::engine::EngineKind;
use offshoot_core::password::Role;
use offshoot_core::port::AuthFailure;
use offshoot_gateway::{Caller, DataApi, DataBody};
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;

const HERE: Caller = Caller {
    address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    unprotected: false,
};

/// A call as somebody, with this content type and body.
fn request(
    username: &str,
    method: &str,
    content: &str,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let basic = STANDARD.encode(format!("{username}:{SECRET}"));
    Request::post(format!("https://x/psdb.v1alpha1.Database/{method}"))
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", content)
        .body(Full::new(body.into()))
        .unwrap()
}

async fn whole(response: Response<DataBody>) -> (StatusCode, Bytes) {
    let status = response.status();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

async fn call(data: &DataApi, username: &str, method: &str, body: &Value) -> (StatusCode, Value) {
    let request = request(username, method, "application/json", body.to_string());
    let response = data.serve(request, HERE).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let (status, bytes) = whole(response).await;
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// A session as `@planetscale/database` has one.
struct Conn<'a> {
    data: &'a DataApi,
    username: &'a str,
    session: Value,
}

impl<'a> Conn<'a> {
    fn new(world: &'a World, username: &'a str) -> Self {
        Self {
            data: &world.data,
            username,
            session: Value::Null,
        }
    }

    /// The answer, whatever it is.
    async fn say(&mut self, query: &str) -> Value {
        let body = json!({ "query": query, "session": self.session });
        let (status, answer) = call(self.data, self.username, "Execute", &body).await;
        assert_eq!(status, StatusCode::OK, "{query}: {answer}");
        assert!(answer["session"].is_object(), "{answer}");
        self.session = answer["session"].clone();
        answer
    }

    async fn run(&mut self, query: &str) -> Value {
        let answer = self.say(query).await;
        assert_eq!(answer.get("error"), None, "{query}");
        answer
    }

    async fn fail(&mut self, query: &str) -> (String, String) {
        let answer = self.say(query).await;
        let text = |name: &str| {
            answer["error"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        assert!(answer["error"].is_object(), "{query}: {answer}");
        (text("code"), text("message"))
    }

    /// The values of the first row.
    async fn row(&mut self, query: &str) -> Vec<Option<String>> {
        first_row(&self.run(query).await)
    }
}

fn first_row(answer: &Value) -> Vec<Option<String>> {
    let row = &answer["result"]["rows"][0];
    let values = STANDARD
        .decode(row["values"].as_str().unwrap_or_default())
        .unwrap();
    let mut rest = &values[..];
    let lengths = row["lengths"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    lengths
        .iter()
        .map(|length| {
            let length: i64 = length.as_str().unwrap().parse().unwrap();
            let length = usize::try_from(length).ok()?;
            let value = String::from_utf8_lossy(&rest[..length]).into_owned();
            rest = &rest[length..];
            Some(value)
        })
        .collect()
}

fn some(text: &str) -> Vec<Option<String>> {
    vec![Some(text.to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_run_as_the_credentials_role_in_the_databases_schema() {
    for kind in EngineKind::ALL {
        // Of its own: other tests count the readers of the shared one.
        let Some(engine) = own(kind) else { continue };
        let world = World::of(&engine).await;
        let mut admin = Conn::new(&world, "admin");
        let table = crate::world::table();
        assert_eq!(admin.row("SELECT DATABASE()").await, some("shop"));
        admin
            .run(&format!(
                "CREATE TABLE {table} (id BIGINT PRIMARY KEY AUTO_INCREMENT, v INT)"
            ))
            .await;
        let answer = admin
            .run(&format!("INSERT INTO {table} (v) VALUES (7), (8)"))
            .await;
        assert_eq!(answer["result"]["rowsAffected"], "2");
        assert_eq!(answer["result"]["insertId"], "1");
        assert!(answer["timing"].as_f64().unwrap() > 0.0);
        assert_eq!(admin.row("SELECT LAST_INSERT_ID()").await, some("1"));
        let answer = admin.run(&format!("UPDATE {table} SET v = 9")).await;
        assert_eq!(answer["result"]["rowsAffected"], "2");

        let mut reader = Conn::new(&world, "reader");
        let answer = reader
            .run(&format!("SELECT id, v FROM {table} WHERE id > 9"))
            .await;
        assert_eq!(answer["result"]["fields"][0]["type"], "INT64");
        assert_eq!(answer["result"].get("rows"), None);
        let (code, message) = reader.fail(&format!("DELETE FROM {table}")).await;
        assert_eq!(code, "PERMISSION_DENIED");
        assert!(
            message.ends_with("(errno 1142) (sqlstate 42000)"),
            "{message}"
        );
        let (code, message) = reader.fail("SELECT * FROM nothing").await;
        assert_eq!(code, "NOT_FOUND");
        assert!(
            message.ends_with("(errno 1146) (sqlstate 42S02)"),
            "{message}"
        );
        let (code, message) = reader.fail("SELEC 1").await;
        assert_eq!(code, "INVALID_ARGUMENT");
        assert!(
            message.ends_with("(errno 1064) (sqlstate 42000)"),
            "{message}"
        );
        // One statement at a time, as everywhere in this service.
        let (_, message) = reader.fail("SELECT 1; SELECT 2").await;
        assert!(message.contains("(errno 1064)"), "{message}");
        assert!(world.routes.used.load(Relaxed) > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_hears_the_same_in_both_shapes() {
    for engine in each() {
        let world = World::of(engine).await;
        let past = crate::world::now() - jiff::SignedDuration::from_secs(1);
        world.add("late", world.branch, Role::Admin, |c| {
            c.expires_at = Some(past)
        });
        world.add("far", world.branch, Role::Admin, |c| {
            c.cidrs = vec!["192.0.2.0/24".parse().unwrap()];
        });
        for (username, why) in [
            ("nobody", AuthFailure::UnknownUser),
            ("late", AuthFailure::Expired),
            ("far", AuthFailure::AddressNotAllowed),
        ] {
            for method in ["Execute", "CreateSession"] {
                let (status, answer) = call(&world.data, username, method, &json!({})).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED);
                assert_eq!(answer["code"], "unauthenticated");
                assert_eq!(answer["error"]["code"], answer["code"]);
                assert_eq!(answer["error"]["message"], answer["message"]);
                let message = answer["message"].as_str().unwrap();
                let wanted = format!(
                    "Access denied for user '{username}'@'127.0.0.1' (using password: YES) \
                     (errno 1045) (sqlstate 28000)"
                );
                assert_eq!(message, wanted);
                assert_eq!(world.last_refused(), Some(why));
            }
        }
        let wrong = STANDARD.encode("admin:no");
        for header in [
            None,
            Some(format!("Basic {wrong}")),
            Some("Bearer x".into()),
        ] {
            let mut wrong = request("admin", "Execute", "application/json", "{}");
            wrong.headers_mut().remove("authorization");
            if let Some(header) = header {
                wrong
                    .headers_mut()
                    .insert("authorization", header.parse().unwrap());
            }
            let (status, _) = whole(world.data.serve(wrong, HERE).await).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
        let plain = Caller {
            unprotected: true,
            ..HERE
        };
        let refused = request("admin", "Execute", "application/json", "{}");
        let (status, body) = whole(world.data.serve(refused, plain).await).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(String::from_utf8_lossy(&body).contains("OFS-1303"));
        // None of them opened the branch.
        assert_eq!(world.routes.opened.load(Relaxed), 0);
        assert_eq!(world.routes.used.load(Relaxed), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_none_are_refused_with_the_reason() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let world = World::of(engine).await;
    let of =
        async |request: Request<Full<Bytes>>| whole(world.data.serve(request, HERE).await).await;
    let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
    let (status, body) = of(request("admin", "Explain", "application/json", "{}")).await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    assert!(text(&body).contains("unimplemented"));
    for content in ["text/plain", "application/connect+proto"] {
        let (status, _) = of(request("admin", "Execute", content, "{}")).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let (status, body) = of(request(
        "admin",
        "Execute",
        "application/json",
        "{\"query\": 1}",
    ))
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text(&body).contains("\"error\":{\"code\":\"invalid_argument\""));
    let mut get = request("admin", "Execute", "application/json", "");
    *get.method_mut() = http::Method::GET;
    let (status, _) = of(get).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let mut broken = request("admin", "Execute", "application/proto", "no stream");
    broken
        .headers_mut()
        .insert("content-encoding", "s2".parse().unwrap());
    let (status, body) = of(broken).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        text(&body).contains("S2 stream is damaged"),
        "{}",
        text(&body)
    );
    let long = request(
        "admin",
        "Execute",
        "application/json",
        vec![b' '; (64 << 20) + 64],
    );
    let (status, body) = of(long).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(&body).contains("resource_exhausted"));

    // A page may call: it is told so before it does, without a credential.
    let mut ask = request("admin", "Execute", "", "");
    *ask.method_mut() = http::Method::OPTIONS;
    ask.headers_mut().remove("authorization");
    let response = world.data.serve(ask, HERE).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_does_not_open_says_why() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let world = World::of(engine).await;
    *world.routes.endpoint.lock().unwrap() = None;
    let (status, answer) = call(&world.data, "admin", "CreateSession", &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["user"]["role"], "ADMIN");
    let mut conn = Conn::new(&world, "admin");
    let (_, message) = conn.fail("SELECT 1").await;
    assert!(
        message.contains("does not start") && message.contains("(errno 1105)"),
        "{message}"
    );
    *world.routes.endpoint.lock().unwrap() = Some(engine.endpoint.clone());
    assert_eq!(conn.row("SELECT 1").await, some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_branch_are_limited_and_lines_that_wait_make_room() {
    for engine in each() {
        let world = World::of(engine).await;
        let two = |c: &mut offshoot_core::port::Credential| c.max_connections = Some(2);
        let other = id("branch000002").into();
        for name in ["a", "b", "c"] {
            world.add(name, other, Role::Readwriter, two);
        }
        let (mut a, mut b, mut c) = (
            Conn::new(&world, "a"),
            Conn::new(&world, "b"),
            Conn::new(&world, "c"),
        );
        // Lines that wait for a and b are given up for c.
        for conn in [&mut a, &mut b, &mut c] {
            assert_eq!(conn.row("SELECT 1").await, some("1"));
        }
        a.run("BEGIN").await;
        b.run("BEGIN").await;
        let (code, message) = c.fail("SELECT 1").await;
        assert_eq!(code, "RESOURCE_EXHAUSTED");
        assert!(
            message.contains("OFS-1301") && message.contains("(errno 1040)"),
            "{message}"
        );
        a.run("COMMIT").await;
        assert_eq!(c.row("SELECT 1").await, some("1"));
    }
}
