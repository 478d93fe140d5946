//! Keyspaces on the real binary: MySQL schemas of a branch, made and dropped over the API, used over the gateway.

use crate::fixture::{Home, ORG, connect, text};
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    CreateBranch, CreateBranchPassword, CreateDatabase, CreateKeyspace, Keyspace,
};
use offshoot_client::{Client, PageOf, Wait};
use offshoot_core::engine::EngineKind;

async fn list(client: &Client, branch: &str) -> Vec<Keyspace> {
    let page = PageOf {
        page: None,
        per_page: None,
    };
    let list = client.list_keyspaces(ORG, "shop", branch, page).await;
    list.unwrap().data
}

async fn names(client: &Client, branch: &str) -> Vec<String> {
    let all = list(client, branch).await.into_iter();
    all.map(|k| k.name).collect()
}

async fn keyspaces(kind: EngineKind) {
    let Some(home) = Home::new(kind) else { return };
    let server = home.serve().await;
    let client = &server.client;
    let body = CreateDatabase {
        name: Some("shop".into()),
        password: Some(CreateBranchPassword::default()),
        ..CreateDatabase::default()
    };
    let made = client
        .create_database(ORG, &body, Some(Wait::LONGEST))
        .await
        .unwrap();
    let mut conn = connect(&made.password.unwrap()).await.unwrap();

    let body = CreateKeyspace {
        name: Some("carts".into()),
        ..CreateKeyspace::default()
    };
    let carts = client
        .create_keyspace(ORG, "shop", "main", &body)
        .await
        .unwrap();
    assert!(carts.ready && !carts.sharded && carts.shards == 1);
    // A session that was there before finds it, with every right in it.
    for sql in [
        "CREATE TABLE carts.items (id INT PRIMARY KEY)",
        "INSERT INTO carts.items VALUES (1)",
        "CREATE DATABASE `made with SQL`",
    ] {
        conn.query_drop(sql).await.unwrap();
    }
    let expected = ["carts", "made with SQL", "shop"];
    assert_eq!(names(client, "main").await, expected);
    let said = home.offshoot(&["keyspace", "list", "shop", "main"]);
    let said = text(&said);
    assert!(
        said.contains("made with SQL") && said.contains("carts"),
        "{said}"
    );

    // A branch has them with their tables, under ids of its own.
    let body = CreateBranch {
        name: Some("dev".into()),
        password: Some(CreateBranchPassword::default()),
        ..CreateBranch::default()
    };
    let dev = client
        .create_branch(ORG, "shop", &body, Some(Wait::LONGEST))
        .await
        .unwrap();
    assert_eq!(names(client, "dev").await, expected);
    let ids: Vec<String> = list(client, "dev")
        .await
        .into_iter()
        .map(|k| k.id)
        .collect();
    assert!(!ids.contains(&carts.id));
    let mut dev = connect(&dev.password.unwrap()).await.unwrap();
    let rows: Option<u64> = dev
        .query_first("SELECT COUNT(*) FROM carts.items")
        .await
        .unwrap();
    assert_eq!(rows, Some(0));

    // The branch's is dropped; the parent's stays.
    let odd = home.offshoot(&[
        "keyspace",
        "delete",
        "shop",
        "dev",
        "made with SQL",
        "--force",
    ]);
    assert!(odd.status.success(), "{}", text(&odd));
    client
        .delete_keyspace(ORG, "shop", "dev", "carts")
        .await
        .unwrap();
    assert_eq!(names(client, "dev").await, ["shop"]);
    dev.query_drop("SELECT * FROM carts.items")
        .await
        .unwrap_err();
    assert_eq!(names(client, "main").await, expected);
    let own = home.offshoot(&["keyspace", "delete", "shop", "dev", "shop", "--force"]);
    assert!(!own.status.success(), "{}", text(&own));

    // It is still there after the branch has slept.
    drop(dev);
    drop(conn);
    client
        .create_keyspace(
            ORG,
            "shop",
            "dev",
            &CreateKeyspace {
                name: Some("Again_2".into()),
                ..CreateKeyspace::default()
            },
        )
        .await
        .unwrap();
    crate::fixture::put_to_sleep(client, "dev").await;
    assert_eq!(names(client, "dev").await, ["Again_2", "shop"]);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn keyspaces_of_mysql() {
    keyspaces(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keyspaces_of_mariadb() {
    keyspaces(EngineKind::Mariadb).await;
}
