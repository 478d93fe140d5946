//! The main job, as a user does it, on each engine.

use crate::fixture::{Home, ORG, connect, put_to_sleep, text};
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    CreateBranch, CreateBranchPassword, CreateDatabase, CreatePassword, Password,
};
use offshoot_client::{Client, Wait};
use offshoot_core::engine::EngineKind;
use std::time::Duration;

const READY: Wait = Wait(Duration::from_secs(120));

fn quickstart(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let output = home.offshoot(&["quickstart", "--exit"]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for part in [
        "make development branch sprint-1",
        "see that main is untouched",
        "let the tool announce a sprint",
        "its branch goes to sleep",
        "mysql://",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(
        home.processes(),
        Vec::<i32>::new(),
        "engines are stopped with the server"
    );

    // A second run finds the database and makes another branch.
    let again = home.offshoot(&["quickstart", "--exit"]);
    assert!(
        again.status.success() && text(&again).contains("sprint-2"),
        "{}",
        text(&again)
    );
}

#[test]
fn quickstart_on_mysql() {
    quickstart(EngineKind::Mysql);
}

#[test]
fn quickstart_on_mariadb() {
    quickstart(EngineKind::Mariadb);
}

pub(crate) async fn database(client: &Client) -> Password {
    let body = CreateDatabase {
        name: Some("shop".to_owned()),
        ..CreateDatabase::default()
    };
    assert!(
        client
            .create_database(ORG, &body, Some(READY))
            .await
            .unwrap()
            .ready
    );
    let body = CreatePassword {
        name: Some("it".to_owned()),
        ..CreatePassword::default()
    };
    client
        .create_password(ORG, "shop", "main", &body)
        .await
        .unwrap()
}

pub(crate) async fn branch(client: &Client, name: &str) -> Password {
    let body = CreateBranch {
        name: Some(name.to_owned()),
        password: Some(CreateBranchPassword {
            name: Some("it".to_owned()),
            role: None,
            ttl: None,
        }),
        ..CreateBranch::default()
    };
    let made = client
        .create_branch(ORG, "shop", &body, Some(READY))
        .await
        .unwrap();
    assert!(made.ready);
    made.password.expect("the credential that was asked for")
}

/// Sleep with a session open, wake by its next command, delete; and what is left of it.
async fn life(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let main = database(&server.client).await;
    let mut production = connect(&main).await.unwrap();
    production
        .query_drop("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
        .await
        .unwrap();
    production
        .query_drop("INSERT INTO t (v) VALUES (1), (2)")
        .await
        .unwrap();

    let password = branch(&server.client, "dev").await;
    let mut open = connect(&password).await.unwrap();
    let rows: Option<u64> = open.query_first("SELECT COUNT(*) FROM t").await.unwrap();
    assert_eq!(rows, Some(0), "a branch starts with the schema alone");
    open.query_drop("INSERT INTO t (v) VALUES (7)")
        .await
        .unwrap();

    put_to_sleep(&server.client, "dev").await;
    let asleep = server.client.show_branch(ORG, "shop", "dev").await.unwrap();
    assert_eq!(asleep.state.as_str(), "sleeping");
    let value: Option<i32> = open.query_first("SELECT v FROM t").await.unwrap();
    assert_eq!(
        value,
        Some(7),
        "the open connection wakes the branch and goes on"
    );

    // A second branch sees the parent's schema as it is by then.
    production
        .query_drop("ALTER TABLE t ADD COLUMN later VARCHAR(10)")
        .await
        .unwrap();
    let mut second = connect(&branch(&server.client, "second").await)
        .await
        .unwrap();
    second.query_drop("SELECT later FROM t").await.unwrap();
    second.disconnect().await.unwrap();

    for name in ["dev", "second"] {
        server
            .client
            .delete_branch(ORG, "shop", name, false)
            .await
            .unwrap();
    }
    assert!(
        open.query_drop("SELECT 1").await.is_err(),
        "its sessions end with a branch"
    );
    assert!(connect(&password).await.is_err(), "so do its credentials");
    drop(production);
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_lives_on_mysql() {
    life(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_lives_on_mariadb() {
    life(EngineKind::Mariadb).await;
}

/// The root token's file is the only thing that knows it: when it is lost, a start makes a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_root_token_is_replaced() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let file = home.data().join("root-token");
    assert!(home.serve().await.stop().success());
    let first = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let server = home.serve().await;
    assert_ne!(first, std::fs::read_to_string(&file).unwrap());
    server
        .client
        .list_databases(ORG, offshoot_client::PageOf::default())
        .await
        .unwrap();
    let lost = Client::new(&home.url(), offshoot_client::Token::parse(&first).as_ref()).unwrap();
    assert!(
        lost.list_databases(ORG, offshoot_client::PageOf::default())
            .await
            .is_err()
    );
    assert!(server.stop().success());
}

/// The first start writes the administrator's password down, once; what was deleted stays away.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_an_administrator() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let file = home.data().join("admin-password");
    let server = home.serve().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let (email, password) = text.trim_end().split_once(':').unwrap();
    assert_eq!((email, password.len()), ("admin@localhost", 22));
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let page = offshoot_client::PageOf::default();
    let members = server.client.list_members(ORG, page).await.unwrap().data;
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].user.email, email);
    assert!(server.stop().success());
    std::fs::remove_file(&file).unwrap();
    let server = home.serve().await;
    assert!(!file.exists());
    let members = server.client.list_members(ORG, page).await.unwrap().data;
    assert_eq!(members.len(), 1);
    assert!(server.stop().success());
}

/// `offshoot admin backup` while the server runs; restored elsewhere, the token still proves who calls.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_key_move_to_another_directory() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let other = Home::empty();
    let file = home.data().join("saved");
    let file = file.to_str().unwrap();
    let saved = home.offshoot(&["admin", "backup", file]);
    assert!(saved.status.success(), "{}", text(&saved));
    assert!(
        !home.offshoot(&["admin", "backup", file]).status.success(),
        "an existing file is not overwritten"
    );
    assert!(server.stop().success());

    let restored = other.offshoot(&["admin", "restore", file]);
    assert!(restored.status.success(), "{}", text(&restored));
    assert!(
        !other.offshoot(&["admin", "restore", file]).status.success(),
        "only into an empty directory"
    );
    for (name, wanted) in [("master.key", true), ("offshoot.db", false)] {
        let same = std::fs::read(home.data().join(name)).unwrap()
            == std::fs::read(other.data().join(name)).unwrap();
        assert!(same || !wanted, "{name}");
    }
}
