//! Sizes on the real binary: an engine has another buffer pool and limits after a resize, and the session goes on.

use crate::fixture::{Home, ORG, connect, text};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{CreateBranch, CreateBranchPassword, CreateDatabase};
use offshoot_client::Wait;
use offshoot_core::engine::EngineKind;
use offshoot_core::size::Size;

async fn pool(conn: &mut Conn) -> u64 {
    let sql = "SELECT @@GLOBAL.innodb_buffer_pool_size";
    conn.query_first(sql).await.unwrap().unwrap()
}

/// Memory limits of the engines that run here, where the machine has a cgroup of ours for each.
fn limits(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    for pid in home.processes() {
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
        let Some(group) = group.filter(|group| group.contains("offshoot-instances")) else {
            continue;
        };
        let file = format!("/sys/fs/cgroup/{group}/memory.max");
        found.extend(std::fs::read_to_string(file).ok());
    }
    found
}

async fn sizes(kind: EngineKind) {
    let Some(mut home) = Home::new(kind) else {
        return;
    };
    home.config = "[instances]\nmemory_budget = \"3G\"\nwarm_instances = 0\n".into();
    let server = home.serve().await;
    let client = &server.client;
    let body = CreateDatabase {
        name: Some("shop".into()),
        ..CreateDatabase::default()
    };
    client
        .create_database(ORG, &body, Some(Wait::LONGEST))
        .await
        .unwrap();
    let body = CreateBranch {
        name: Some("dev".into()),
        password: Some(CreateBranchPassword::default()),
        ..CreateBranch::default()
    };
    let made = client
        .create_branch(ORG, "shop", &body, Some(Wait::LONGEST))
        .await
        .unwrap();
    assert_eq!(made.cluster_name, "PS_DEV");
    let mut conn = connect(&made.password.unwrap()).await.unwrap();
    let before = pool(&mut conn).await;

    let said = home.offshoot(&["branch", "update", "shop", "dev", "--size", "PS-10"]);
    assert!(said.status.success(), "{}", text(&said));
    let until = std::time::Instant::now() + crate::fixture::PATIENCE;
    let resized = async || {
        let found = client.show_keyspace(ORG, "shop", "dev", "shop").await;
        let found = found.unwrap();
        found.cluster_name == "PS_10" && !found.resizing
    };
    while !resized().await {
        assert!(std::time::Instant::now() < until, "it is never resized");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // The session that was open goes on in the engine that was started anew.
    let after = pool(&mut conn).await;
    assert!(after >= Size::Ps10.memory() / 8 * 3, "{after}");
    assert!(
        after > before && after < Size::Ps10.memory(),
        "{before} {after}"
    );
    let limits = limits(&home);
    let wanted = Size::Ps10.memory().to_string();
    assert!(
        limits.is_empty() || limits.iter().any(|l| l.trim() == wanted),
        "{limits:?}"
    );

    let large = home.offshoot(&["branch", "update", "shop", "dev", "--size", "PS_40"]);
    let said = text(&large);
    assert!(
        !large.status.success() && said.contains("instances.memory_budget"),
        "{said}"
    );
    let list = home.offshoot(&["size", "list", "--format", "json"]);
    assert!(text(&list).contains("PS_40"), "{}", text(&list));

    // It is its size after a sleep, too.
    crate::fixture::put_to_sleep(client, "dev").await;
    assert_eq!(pool(&mut conn).await, after);
    conn.disconnect().await.unwrap();
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_of_mysql() {
    sizes(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_of_mariadb() {
    sizes(EngineKind::Mariadb).await;
}
