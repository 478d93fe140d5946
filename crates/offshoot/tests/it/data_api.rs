//! The HTTP data API of a whole server: found by the answer that makes a password, over TLS, on a
//! branch that sleeps and wakes.

use crate::fixture::{Home, ORG, PATIENCE, put_to_sleep};
use crate::story::{branch, database};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offshoot_api_types::Password;
use offshoot_core::engine::EngineKind;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) struct Conn {
    http: reqwest::Client,
    origin: String,
    basic: String,
    session: Value,
}

impl Conn {
    /// As the credential's driver: over TLS with the server's own certificate.
    pub(crate) fn of(home: &Home, password: &Password) -> Self {
        let ca = std::fs::read(home.data().join("tls/ca.pem")).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_merge([ca])
            .build();
        let secret = password.plain_text.clone().unwrap();
        let basic = STANDARD.encode(format!("{}:{secret}", password.username));
        Self {
            http: http.unwrap(),
            origin: format!("https://{}", password.access_host_url),
            basic: format!("Basic {basic}"),
            session: Value::Null,
        }
    }

    async fn call(&self, method: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/psdb.v1alpha1.Database/{method}", self.origin);
        let request = self.http.post(url).header("authorization", &self.basic);
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    pub(crate) async fn say(&mut self, query: &str) -> Value {
        let body = json!({ "query": query, "session": self.session });
        let (status, answer) = self.call("Execute", &body).await;
        assert_eq!(status, 200, "{query}: {answer}");
        self.session = answer["session"].clone();
        answer
    }

    pub(crate) async fn run(&mut self, query: &str) -> Value {
        let answer = self.say(query).await;
        assert_eq!(answer.get("error"), None, "{query}");
        answer["result"].clone()
    }

    /// The only value of the only row.
    async fn value(&mut self, query: &str) -> String {
        let result = self.run(query).await;
        let bytes = STANDARD.decode(result["rows"][0]["values"].as_str().unwrap());
        String::from_utf8(bytes.unwrap()).unwrap()
    }
}

async fn data_api(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let password = branch(client, "dev").await;
    let mut conn = Conn::of(&home, &password);
    // The credential is proved, and nobody is woken for it.
    let (status, answer) = conn.call("CreateSession", &json!({})).await;
    assert_eq!(
        (status, answer["user"]["username"].as_str()),
        (200, Some(password.username.as_str()))
    );

    assert_eq!(conn.value("SELECT DATABASE()").await, "shop");
    conn.run("CREATE TABLE by_http (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
        .await;
    let answer = conn.run("INSERT INTO by_http (v) VALUES (1)").await;
    assert_eq!(answer, json!({ "rowsAffected": "1", "insertId": "1" }));
    conn.run("BEGIN").await;
    conn.run("INSERT INTO by_http (v) VALUES (2)").await;
    conn.run("ROLLBACK").await;
    assert_eq!(conn.value("SELECT COUNT(*) FROM by_http").await, "1");
    let error = conn.say("SELECT * FROM nothing").await["error"].clone();
    assert_eq!(error["code"], "NOT_FOUND");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("(errno 1146) (sqlstate 42S02)")
    );

    // The branch falls asleep, and the next call wakes it.
    put_to_sleep(client, "dev").await;
    assert_eq!(conn.value("SELECT COUNT(*) FROM by_http").await, "1");
    // Uses are written in batches.
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = client
            .show_password(ORG, "shop", "dev", &password.id)
            .await
            .unwrap();
        assert_eq!(shown.access_host_url, password.access_host_url);
        if shown.last_used_at.is_some() {
            break;
        }
        assert!(Instant::now() < until, "no use of the password was written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    client
        .delete_password(ORG, "shop", "dev", &password.id)
        .await
        .unwrap();
    let (status, answer) = conn.call("Execute", &json!({ "query": "SELECT 1" })).await;
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (401, Some("unauthenticated"))
    );
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_api_on_mysql() {
    data_api(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_api_on_mariadb() {
    data_api(EngineKind::Mariadb).await;
}
