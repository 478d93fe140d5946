//! `connect`, `shell` and `sql`: MySQL for people, through the built binary and a real engine.

use crate::fixture::{Home, ORG, PATIENCE, Server, connect, put_to_sleep, text};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use offshoot_api_types::CreatePassword;
use offshoot_client::PageOf;
use offshoot_core::engine::EngineKind;
use offshoot_testkit::engines;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Output, Stdio};
use std::time::Instant;

/// A running `offshoot connect`.
struct Door {
    process: Child,
    out: BufReader<ChildStdout>,
    port: u16,
}

impl Door {
    /// Starts it and waits until it says where it listens.
    fn open(home: &Home, more: &[&str]) -> Self {
        let mut line = vec!["connect", "shop", "dev", "--format", "json"];
        line.extend(more);
        let mut command = home.command(&line);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        let announced: Value = loop {
            assert_ne!(out.read_line(&mut said).unwrap(), 0, "it ended: {said}");
            if let Ok(object) = serde_json::from_str(&said) {
                break object;
            }
        };
        assert_eq!(announced["branch"], "dev");
        let port = announced["port"].as_u64().unwrap();
        Self {
            process,
            out,
            port: u16::try_from(port).unwrap(),
        }
    }

    async fn client(&self) -> Result<Conn, mysql_async::Error> {
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 26))
            .user(Some("root"));
        Conn::new(options).await
    }

    /// Ctrl-C; returns whether it ended well.
    fn close(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        self.process.wait().unwrap().success()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Ended already, as a rule.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Names of the passwords that a command made for itself and that are still there.
async fn left(server: &Server) -> Vec<String> {
    let page = server
        .client
        .list_passwords(ORG, "shop", Some("dev"), None, None, PageOf::default())
        .await
        .unwrap();
    let names = page.data.into_iter().map(|password| password.name);
    names.filter(|name| name.starts_with("offshoot-")).collect()
}

async fn connects(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    database(&server.client).await;
    branch(&server.client, "dev").await;
    let door = Door::open(&home, &["--port", "40000"]);

    // No password, the database's schema, several at a time.
    let clients = (0..8).map(|n| {
        let door = &door;
        async move {
            let mut client = door.client().await.unwrap();
            let said: Option<(String, u32)> = client
                .exec_first("SELECT DATABASE(), ?", (n,))
                .await
                .unwrap();
            assert_eq!(said, Some(("shop".to_owned(), n)));
            client
        }
    });
    drop(futures_util::future::join_all(clients).await);
    let mut open = door.client().await.unwrap();

    // Packets that do not fit into one frame, both ways.
    let big = "x".repeat(20 << 20);
    let statement = format!("SELECT '{big}'");
    let back: Option<String> = open.query_first(statement).await.unwrap();
    assert_eq!(back.map(|text| text.len()), Some(big.len()));

    // The engine's own client.
    let client = engines::get(kind).unwrap().client("mysql");
    if let Some(mut mysql) = client {
        let port = format!("--port={}", door.port);
        let line = [
            "--no-defaults",
            "--host=127.0.0.1",
            &port,
            "--user=root",
            "-N",
        ];
        let statement = "-eCREATE TABLE t (id INT); SELECT COUNT(*) FROM t";
        let output = mysql.args(line).arg(statement).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0");
    }

    // Who is on the branch is shown, and sent away.
    open.query_drop("SELECT 1").await.unwrap();
    let output = home.offshoot(&["branch", "connections", "show", "shop", "dev", "-fjson"]);
    let sessions = json(&output)["data"].as_array().unwrap().clone();
    assert!(!sessions.is_empty(), "{}", text(&output));
    for session in &sessions {
        let id = session["pid"].to_string();
        let output = home.offshoot(&["branch", "connections", "kill", "shop", "dev", &id]);
        assert!(output.status.success(), "{}", text(&output));
    }
    assert!(open.query_drop("SELECT 1").await.is_err());
    let output = home.offshoot(&["branch", "lint", "shop", "dev"]);
    // Made above without a key, where the engine has a client.
    let found = text(&output);
    assert!(
        found.contains("NO_UNIQUE_KEY") || found.contains("nothing"),
        "{found}"
    );

    // A sleeping branch wakes for a session without state.
    let mut open = door.client().await.unwrap();
    open.query_drop("SELECT 1").await.unwrap();
    put_to_sleep(&server.client, "dev").await;
    open.query_drop("SELECT 1").await.unwrap();

    // Without a server clients are told so; with one again they get in.
    assert!(server.stop().success());
    assert!(open.query_drop("SELECT 1").await.is_err());
    let refused = door.client().await.unwrap_err().to_string();
    assert!(refused.contains("gateway"), "{refused}");
    let server = home.serve().await;
    let until = Instant::now() + PATIENCE;
    let mut again = loop {
        match door.client().await {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    again.query_drop("SELECT * FROM t").await.unwrap();

    assert_eq!(left(&server).await.len(), 1);
    assert!(door.close());
    assert_eq!(left(&server).await, Vec::<String>::new());
    assert!(again.query_drop("SELECT 1").await.is_err());

    // A command with the URL in its environment; its exit code is ours.
    let line = "echo $DATABASE_URL $OFFSHOOT_BRANCH_NAME; exit 7";
    let output = home.offshoot(&[
        "connect",
        "shop",
        "dev",
        "--port",
        "40000",
        "--execute",
        line,
    ]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    let said = text(&output);
    assert!(said.starts_with("mysql2://root@127.0.0.1:"), "{said}");
    assert!(said.trim_end().ends_with("/shop dev"), "{said}");

    // The shell, with whichever client there is.
    let output = home.offshoot(&["shell", "shop", "dev", "--", "-N", "-eSELECT 40 + 2"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "42");
    assert_eq!(left(&server).await, Vec::<String>::new());
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_connect_to_a_local_port_on_mysql() {
    connects(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_connect_to_a_local_port_on_mariadb() {
    connects(EngineKind::Mariadb).await;
}

fn sql(home: &Home, format: &str, more: &[&str]) -> Output {
    let mut line = vec!["--format", format, "sql", "shop", "dev"];
    line.extend(more);
    home.offshoot(&line)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

async fn states(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    database(&server.client).await;
    branch(&server.client, "dev").await;
    let made = "CREATE TABLE t (id BIGINT UNSIGNED, raw VARBINARY(4), note TEXT, flags BIT(9), \
                price DECIMAL(10,2), day DATE); \
                INSERT INTO t VALUES (18446744073709551615, x'00FF', 'a\"é', b'100000001', 1.50, '2026-11-25'), \
                (1, NULL, NULL, NULL, NULL, NULL); SELECT COUNT(*) AS n FROM t";
    let output = sql(&home, "json", &["--role", "admin", "--query", made]);
    assert!(output.status.success(), "{}", text(&output));
    let said = json(&output);
    assert_eq!(said["status"], "ok");
    assert_eq!(said["more_results"][0]["rows_affected"], 2);
    assert_eq!(said["more_results"][1]["rows"][0]["n"], 2);

    let all = "SELECT * FROM t ORDER BY id DESC";
    let said = json(&sql(&home, "json", &["--query", all]));
    assert_eq!(said["role"], "reader");
    let row = serde_json::json!({"id": 18_446_744_073_709_551_615_u64, "raw": "0x00FF", "note": "a\"é",
        "flags": 257, "price": "1.50", "day": "2026-11-25"});
    assert_eq!(said["rows"][0], row);
    assert_eq!(said["rows"][1]["raw"], Value::Null);
    let csv = sql(&home, "csv", &["--query", all]);
    let csv = String::from_utf8_lossy(&csv.stdout).into_owned();
    assert!(csv.starts_with("id,raw,note,flags,price,day\n18446744073709551615,0x00FF,\"a\"\"é\",257,1.50,2026-11-25\n1,,,,,\n"), "{csv}");
    let human = text(&sql(&home, "human", &["SELECT id FROM t WHERE id = 1"]));
    assert_eq!(human, "+----+\n| id |\n+----+\n| 1  |\n+----+\n1 row\n");

    // A reader reads, and what destroys is asked about first.
    let refused = sql(
        &home,
        "human",
        &["--query", "INSERT INTO t (id) VALUES (3)"],
    );
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("ERROR 1142"), "{}", text(&refused));
    let kept = sql(
        &home,
        "json",
        &["--role", "admin", "--query", "DROP TABLE t"],
    );
    assert_eq!(kept.status.code(), Some(1));
    assert_eq!(json(&kept)["issues"][0]["code"], "DESTRUCTIVE_SQL");
    let dropped = sql(
        &home,
        "json",
        &["--role", "admin", "--force", "--query", "DROP TABLE t"],
    );
    assert!(dropped.status.success(), "{}", text(&dropped));

    // What breaks in the middle is one JSON object, and fails.
    let broken = sql(&home, "json", &["--query", "SELECT 1; SELECT * FROM t"]);
    assert_eq!(broken.status.code(), Some(2), "{}", text(&broken));
    let said = json(&broken);
    assert_eq!(said["rows"][0]["1"], 1);
    assert_eq!(said["status"], "error");
    assert!(said["error"].as_str().unwrap().contains("1146"), "{said}");
    assert_eq!(left(&server).await, Vec::<String>::new());
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_run_on_mysql() {
    states(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_run_on_mariadb() {
    states(EngineKind::Mariadb).await;
}

/// Where the gateway is not this machine, as far as its address tells, everything is TLS, and the
/// certificate counts.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_there_is_verified_tls() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    // Linux takes it for this machine; it is no loopback address all the same.
    home.config = "[gateway]\npublic_host = \"0.0.0.0\"\n".to_owned();
    let server = home.serve().await;
    database(&server.client).await;
    branch(&server.client, "dev").await;
    for line in [
        vec!["sql", "shop", "dev", "--query", "SELECT 1"],
        vec![
            "connect",
            "shop",
            "dev",
            "--port",
            "40000",
            "--execute",
            "true",
        ],
        vec!["shell", "shop", "dev", "--", "-eSELECT 1"],
    ] {
        let output = home.offshoot(&line);
        assert!(output.status.success(), "{line:?}: {}", text(&output));
        // A CA that did not sign it.
        let other = Home::empty();
        let stranger = other.data().with_extension("pem");
        let made = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).unwrap();
        std::fs::write(&stranger, made.cert.pem()).unwrap();
        let mut command = home.command(&line);
        let output = command.env("OFFSHOOT_CA_FILE", &stranger).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line:?}: {}", text(&output));
        let said = text(&output);
        assert!(
            said.contains("not trusted") && said.contains("--ca-file"),
            "{said}"
        );
    }
    let door = Door::open(&home, &["--port", "40000"]);
    let mut client = door.client().await.unwrap();
    let big = "x".repeat(17 << 20);
    let back: Option<u64> = client
        .exec_first("SELECT LENGTH(?)", (&big,))
        .await
        .unwrap();
    assert_eq!(back, Some(17 << 20));
    drop(client);
    assert!(door.close());
    assert_eq!(left(&server).await, Vec::<String>::new());
    assert!(server.stop().success());
}

/// What `connect` builds on: a session goes on when its password is renewed in time, although the
/// secret is another one then.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_the_renewal_of_their_password() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    branch(client, "dev").await;
    let body = CreatePassword {
        name: Some("short".to_owned()),
        ttl: Some(2),
        ..CreatePassword::default()
    };
    let first = client
        .create_password(ORG, "shop", "dev", &body)
        .await
        .unwrap();
    let mut session = connect(&first).await.unwrap();
    let renewed = client
        .renew_password(ORG, "shop", "dev", &first.id)
        .await
        .unwrap();
    assert_ne!(first.plain_text, renewed.plain_text);
    let over = first.expires_at.unwrap();
    // Renewed again and again, as a tunnel does, until the first time to live is long over.
    let until = Instant::now() + PATIENCE;
    loop {
        let again = client
            .renew_password(ORG, "shop", "dev", &first.id)
            .await
            .unwrap();
        session.query_drop("SELECT 1").await.unwrap();
        let left = again.expires_at.unwrap().as_second() - over.as_second();
        if left > 3 {
            break;
        }
        assert!(Instant::now() < until);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(
        connect(&first).await.is_err(),
        "the first secret is not good any more"
    );
    session.disconnect().await.unwrap();
    assert!(server.stop().success());
}

/// Ctrl-C at the worst moment: while the server is making the temporary password.
#[test]
fn a_password_that_was_just_made_is_deleted_after_ctrl_c() {
    let home = Home::empty();
    let server = TcpListener::bind(("127.0.0.1", home.http)).unwrap();
    let mut command = home.command(&["sql", "shop", "dev", "--query", "SELECT 1"]);
    let command = command
        .env("OFFSHOOT_SERVICE_TOKEN_ID", "abcdefghijkl")
        .env("OFFSHOOT_SERVICE_TOKEN", "pscale_tkn_x")
        .stderr(Stdio::piped());
    let process = command.spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&process);
    server.set_nonblocking(true).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut asked = Vec::new();
    for (status, body) in [("201 Created", MADE), ("204 No Content", "")] {
        let mut stream = loop {
            match server.accept() {
                Ok((stream, _)) => break stream,
                Err(error) => assert!(Instant::now() < until, "{asked:?}: {error}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        stream.set_nonblocking(false).unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(&stream);
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0);
        }
        // An answer before all was read would break the connection.
        let body_length = |line: &str| line.strip_prefix("content-length: ")?.parse().ok();
        let length: usize = head.lines().find_map(body_length).unwrap_or(0);
        reader.read_exact(&mut vec![0; length]).unwrap();
        if asked.is_empty() {
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        }
        asked.push(head.lines().next().unwrap().to_owned());
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    }
    let output = process.wait_with_output().unwrap();
    let path = "/v1/organizations/default/databases/shop/branches/dev/passwords";
    let deleted = format!("DELETE {path}/pw0123456789 HTTP/1.1");
    assert_eq!(asked, [format!("POST {path} HTTP/1.1"), deleted]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// What a server answers that made a password of a gateway that is not there.
const MADE: &str = r#"{"id": "pw0123456789", "name": "x", "role": "reader", "cidrs": null,
    "created_at": "2026-11-25T10:00:00Z", "deleted_at": null, "expires_at": null,
    "last_used_at": null, "expired": false, "direct_vtgate": false, "direct_vtgate_addresses": [],
    "ttl_seconds": 300, "access_host_url": "127.0.0.1", "access_host_regional_url": "",
    "access_host_regional_urls": [], "actor": null, "region": null, "username": "u",
    "plain_text": "secret", "replica": false, "renewable": true,
    "database_branch": {"name": "dev", "id": "br", "production": false, "mysql_edge_address": "",
        "private_edge_connectivity": false},
    "connection": {"host": "127.0.0.1", "port": 1, "username": "u", "database": "shop"},
    "last_refused_at": null, "last_refused_reason": null}"#;
