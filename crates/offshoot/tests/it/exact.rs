//! A branch has exactly its parent's schema; what differs later is what `diff` says; and what
//! becomes of branches: reset, rename, protect, promote, expire.

use crate::fixture::{Home, ORG, PATIENCE, connect, text};
use crate::story::{branch, database};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{SchemaText, UpdateBranch};
use offshoot_client::{Client, Wait};
use offshoot_core::engine::EngineKind;
use std::time::{Duration, Instant};

const READY: Option<Wait> = Some(Wait(Duration::from_secs(120)));

/// The reference schema of an engine: whatever it offers, separated by lines `//`.
pub(crate) fn reference(kind: EngineKind) -> Vec<&'static str> {
    let common = include_str!("../../../mysqld/tests/it/schema/common.sql");
    let own = match kind {
        EngineKind::Mysql => include_str!("../../../mysqld/tests/it/schema/mysql.sql"),
        EngineKind::Mariadb => include_str!("../../../mysqld/tests/it/schema/mariadb.sql"),
    };
    [common, own]
        .into_iter()
        .flat_map(|text| text.split("\n//\n"))
        .map(|sql| sql.trim().trim_end_matches("\n//"))
        // The database's own schema is there; what only the system account may is tested elsewhere.
        .filter(|sql| !sql.starts_with("CREATE DATABASE shop") && !sql.starts_with("-- system"))
        .collect()
}

pub(crate) async fn run(session: &mut Conn, statements: &[&str]) {
    for sql in statements {
        if let Err(error) = session.query_drop(*sql).await {
            panic!("{sql}: {error}");
        }
    }
}

async fn schema(client: &Client, name: &str) -> Vec<SchemaText> {
    client.branch_schema(ORG, "shop", name).await.unwrap().data
}

/// Name and difference of each object that differs from the parent.
async fn diff(client: &Client, name: &str) -> Vec<(String, String)> {
    let found = client.branch_diff(ORG, "shop", name).await.unwrap().data;
    found.into_iter().map(|d| (d.name, d.raw)).collect()
}

async fn exact(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let client = &server.client;
    let mut main = connect(&database(client).await).await.unwrap();
    run(&mut main, &reference(kind)).await;
    branch(client, "exact").await;

    let (parent, copy) = (schema(client, "main").await, schema(client, "exact").await);
    assert!(parent.len() > 30, "{}", parent.len());
    for (old, new) in parent.iter().zip(&copy) {
        assert_eq!(old, new);
    }
    assert_eq!(parent.len(), copy.len());
    assert_eq!(diff(client, "exact").await, Vec::new());

    // Both sides change; the difference is just that.
    let password = branch(client, "work").await;
    let mut work = connect(&password).await.unwrap();
    run(
        &mut main,
        &[
            "ALTER TABLE customers ADD COLUMN phone varchar(20) COMMENT 'new ''phone'''",
            "CREATE TABLE only_main (id int PRIMARY KEY)",
        ],
    )
    .await;
    run(
        &mut work,
        &[
            "DROP VIEW a_last",
            "ALTER TABLE compressed ADD KEY by_text (t(10))",
            "CREATE PROCEDURE only_work() SELECT 1",
        ],
    )
    .await;
    let found = diff(client, "work").await;
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "a_last",
            "compressed",
            "customers",
            "only_main",
            "only_work"
        ],
        "{found:#?}"
    );
    for (name, line) in [
        ("a_last", "-"),
        ("compressed", "+"),
        ("customers", "-"),
        ("only_main", "-"),
        ("only_work", "+"),
    ] {
        let (_, raw) = found.iter().find(|(n, _)| n == name).unwrap();
        let changed = raw
            .lines()
            .any(|l| l.starts_with(line) && !l.starts_with(&line.repeat(3)));
        assert!(changed, "{raw}");
    }
    let cli = home.offshoot(&["branch", "diff", "shop", "work"]);
    assert!(
        cli.status.success() && text(&cli).contains("by_text"),
        "{}",
        text(&cli)
    );

    client
        .reset_branch(ORG, "shop", "work", &Default::default(), READY)
        .await
        .unwrap();
    assert_eq!(diff(client, "work").await, Vec::new());
    let mut again = connect(&password).await.unwrap();
    again
        .query_drop("SELECT phone FROM customers")
        .await
        .unwrap();
    again.disconnect().await.unwrap();
    drop((main, work));
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_branch_is_exact() {
    exact(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_branch_is_exact() {
    exact(EngineKind::Mariadb).await;
}

async fn gone(client: &Client, name: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        match client.show_branch(ORG, "shop", name).await {
            Err(error) if error.not_found() => return,
            other => assert!(Instant::now() < until, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn binlog(session: &mut Conn) -> Option<u8> {
    session.query_first("SELECT @@log_bin").await.unwrap()
}

/// By the command line: what is refused has status 2 and a code, the rest does what it says.
#[tokio::test(flavor = "multi_thread")]
async fn branches_change() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let password = branch(client, "a").await;
    let run = |args: &[&str], status: i32, part: &str| {
        let output = home.offshoot(args);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    };
    let delete = |name: &'static str| ["branch", "delete", "shop", name, "--force"];

    run(
        &["branch", "create", "shop", "b", "--from", "a", "--wait"],
        0,
        "b",
    );
    run(&delete("a"), 2, "OFS-1101");
    run(&["branch", "protect", "shop", "b"], 0, "b");
    run(&delete("b"), 2, "OFS-1102");
    run(
        &[
            "branch",
            "delete",
            "shop",
            "a",
            "--force",
            "--delete-descendants",
        ],
        2,
        "OFS-1102",
    );
    run(&delete("main"), 2, "default branch");
    run(&["branch", "delete", "shop", "a"], 1, "--force");
    run(&["branch", "unprotect", "shop", "b"], 0, "b");

    run(&["branch", "rename", "shop", "a", "c"], 0, "c");
    run(&["branch", "show", "shop", "a"], 2, "OFS-1001");
    let mut session = connect(&password).await.unwrap();
    assert_eq!(binlog(&mut session).await, Some(0));
    run(&["branch", "promote", "shop", "c"], 0, "production");
    let mut session = connect(&password).await.unwrap();
    assert_eq!(binlog(&mut session).await, Some(1));
    run(&["branch", "sleep", "shop", "c"], 2, "OFS-1105");
    run(&["branch", "demote", "shop", "c"], 0, "development");
    let mut session = connect(&password).await.unwrap();
    assert_eq!(binlog(&mut session).await, Some(0));

    #[expect(
        clippy::disallowed_methods,
        reason = "the server under test has this clock"
    )]
    let soon = jiff::Timestamp::now() + Duration::from_secs(1);
    let body = UpdateBranch {
        expires_at: Some(Some(soon.to_string())),
        ..UpdateBranch::default()
    };
    client.update_branch(ORG, "shop", "b", &body).await.unwrap();
    gone(client, "b").await;
    run(&delete("c"), 0, "c");
    gone(client, "c").await;
    assert!(connect(&password).await.is_err());
    assert!(server.stop().success());
}
