//! The command line against the real API, over the network: both sides speak of the same things.

use crate::server::{Server, server};
use clap::Parser;
use offshoot_cli::{Cli, Local, Terminal, run};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Commands {
    url: String,
    token: (String, String),
    config: tempfile::NamedTempFile,
}

impl Commands {
    async fn on(server: &Server) -> Self {
        let (id, token) = server.root.split_once(':').unwrap();
        Self {
            url: server.listen().await,
            token: (id.to_owned(), token.to_owned()),
            config: tempfile::NamedTempFile::new().unwrap(),
        }
    }

    /// What it printed; fails when the command did.
    async fn ok(&self, line: &str) -> String {
        let (code, out, err) = self.run(line).await;
        assert_eq!(code, format!("{:?}", ExitCode::SUCCESS), "{line}: {err}");
        out
    }

    async fn refused(&self, line: &str) -> String {
        let (code, _, err) = self.run(line).await;
        assert_eq!(code, format!("{:?}", ExitCode::from(2)), "{line}");
        err
    }

    async fn run(&self, line: &str) -> (String, String, String) {
        let config = self.config.path().to_str().unwrap();
        let (id, token) = (self.token.0.as_str(), self.token.1.as_str());
        let mut all = vec![
            "offshoot",
            "--api-url",
            &self.url,
            "--client-config",
            config,
        ];
        all.extend(["--service-token-id", id, "--service-token", token]);
        all.extend(line.split(' '));
        let cli = Cli::try_parse_from(all).unwrap();
        let (out, err) = (Written::default(), Written::default());
        let (results, messages) = (Box::new(out.clone()), Box::new(err.clone()));
        let terminal = Terminal::files(results, messages, jiff::Timestamp::UNIX_EPOCH);
        let code = run(cli.globals, cli.command, &Local::default(), terminal).await;
        let text = |w: Written| String::from_utf8(w.0.lock().unwrap().clone()).unwrap();
        (format!("{code:?}"), text(out), text(err))
    }
}

#[tokio::test]
async fn every_command_finds_its_route() {
    let server = server().await;
    let cli = Commands::on(&server).await;
    cli.ok("org list").await;
    cli.ok("org show").await;
    cli.ok("region list").await;
    let out = cli.ok("database create shop --wait --engine mysql").await;
    assert!(out.contains("is ready"), "{out}");
    cli.ok("database list").await;
    cli.ok("database show shop").await;
    cli.ok("database update shop --deletion-protected false")
        .await;
    let out = cli
        .ok("branch create shop s --from main --wait --ttl 1d --label a=1")
        .await;
    assert!(out.contains("mysql -h db.example.com -P 7306 -u "), "{out}");
    for line in [
        "branch list shop",
        "branch show shop s",
        "branch rename shop s t",
        "branch labels shop t b=2 a-",
        "branch update shop t --never-expires --sleep-after 1h",
        "branch protect shop t",
        "branch unprotect shop t",
        "branch schema shop t",
        "branch diff shop t",
        "branch logs shop t -n 2",
        "branch sleep shop t",
        "branch wake shop t",
        "branch reset shop t --force --wait",
        "branch promote shop t",
        "branch demote shop t",
        "password list shop",
        "password list shop main --status active",
        "audit-log list --limit 3",
        "api organizations/{org}/databases/{db} --database shop",
    ] {
        cli.ok(line).await;
    }
    let labels = cli.ok("branch labels shop t").await;
    assert_eq!(labels, "b=2\n");
    password(&cli).await;
    service_token(&cli).await;
    let err = cli.refused("branch delete shop main --force").await;
    assert!(err.contains("(OFS-"), "{err}");
    cli.ok("branch delete shop t --force").await;
    cli.ok("database delete shop --force").await;
}

async fn password(cli: &Commands) {
    let made = cli
        .ok("-f json password create shop main ci --role reader --ttl 1h --cidr 10.0.0.0/8")
        .await;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    cli.ok(&format!("password show shop main {id}")).await;
    cli.ok("password show shop main ci").await;
    cli.ok("password renew shop main ci").await;
    cli.ok("password delete shop main --name ci --force").await;
}

async fn service_token(cli: &Commands) {
    let made = cli
        .ok("-f json service-token create --name ci --ttl 90d")
        .await;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    let accesses = "read_branch create_branch --database shop";
    cli.ok(&format!("service-token add-access {id} {accesses}"))
        .await;
    let shown = cli.ok(&format!("service-token show-access {id}")).await;
    assert!(shown.contains("create_branch"), "{shown}");
    cli.ok(&format!(
        "service-token delete-access {id} read_branch --database shop"
    ))
    .await;
    cli.ok("service-token list").await;
    cli.ok(&format!("service-token delete {id} --force")).await;
}

#[tokio::test]
async fn users_are_made_changed_and_deleted() {
    let server = server().await;
    let commands = Commands::on(&server).await;
    let made = commands
        .ok("user create Ann@Example.com --role admin")
        .await;
    let word = |line: &str| line.split_whitespace().last().unwrap().to_owned();
    let password = made
        .lines()
        .find(|l| l.contains("password  "))
        .map(word)
        .unwrap();
    assert_eq!(password.len(), 22, "{made}");
    let csv = commands
        .ok("--format csv user create bob@example.com --name Bob")
        .await;
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("id,email,name,role,created_at,log_in_with,password")
    );
    assert!(
        lines
            .next()
            .unwrap()
            .contains(",bob@example.com,Bob,member,")
    );
    let changed = commands
        .ok("user update bob@example.com --role admin")
        .await;
    assert_eq!(changed, "User bob@example.com has role admin.\n");
    let set = commands.ok("user set-password bob@example.com").await;
    assert!(set.contains("all their sessions ended") && !set.contains(&password));
    commands.ok("user delete bob@example.com --force").await;
    let list = commands.ok("user list").await;
    assert!(
        list.contains("ann@example.com") && !list.contains("bob"),
        "{list}"
    );
    let last = commands
        .refused("user delete ann@example.com --force")
        .await;
    assert!(last.contains("last administrator"), "{last}");
    assert_eq!(commands.ok("auth sessions").await, "");
    let none = commands.refused("auth revoke nothing").await;
    assert!(
        none.contains("session \"nothing\" does not exist"),
        "{none}"
    );
}
