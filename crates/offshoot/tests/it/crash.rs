//! Killed at any moment: what was acknowledged is there, what was half-done is finished or gone.

use crate::fixture::{Home, ORG, PATIENCE, Server, connect, kill};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use offshoot_api_types::CreateBranch;
use offshoot_core::engine::EngineKind;
use std::time::{Duration, Instant};

/// Offshoot is killed: its engines live on and are adopted, sessions can be made at once.
#[tokio::test(flavor = "multi_thread")]
async fn living_engines_are_adopted() {
    let Some(home) = Home::new(EngineKind::Mysql) else {
        return;
    };
    let server = home.serve().await;
    let main = database(&server.client).await;
    let mut session = connect(&main).await.unwrap();
    session
        .query_drop("CREATE TABLE kept (id INT PRIMARY KEY)")
        .await
        .unwrap();
    drop(session);
    let engines = engines_of(&home, &server);
    server.kill();
    assert_eq!(home.processes(), engines, "engines outlive the server");

    let server = home.serve().await;
    let mut session = connect(&main).await.unwrap();
    session.query_drop("SELECT * FROM kept").await.unwrap();
    session.disconnect().await.unwrap();
    let adopted = engines_of(&home, &server);
    assert!(
        engines.iter().all(|pid| adopted.contains(pid)),
        "{engines:?} are among {adopted:?}"
    );
    assert!(server.stop().success());
    assert_eq!(home.processes(), Vec::<i32>::new());
}

/// An engine is killed: it comes back, with what was committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_comes_back() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    let main = database(&server.client).await;
    let mut session = connect(&main).await.unwrap();
    session
        .query_drop("CREATE TABLE kept (id INT PRIMARY KEY)")
        .await
        .unwrap();
    session
        .query_drop("INSERT INTO kept VALUES (1)")
        .await
        .unwrap();
    for pid in engines_of(&home, &server) {
        kill(pid);
    }
    assert!(
        session.query_drop("SELECT 1").await.is_err(),
        "the session is gone with its engine"
    );
    let until = Instant::now() + PATIENCE;
    let rows = loop {
        if let Ok(mut session) = connect(&main).await {
            break session
                .query_first::<u64, _>("SELECT COUNT(*) FROM kept")
                .await
                .unwrap();
        }
        assert!(
            Instant::now() < until,
            "the engine did not come back: {}",
            home.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(rows, Some(1));
    assert!(server.stop().success());
}

/// The server is killed while branches are being made, a little later each time: afterwards every
/// one that was acknowledged is ready, and nothing else is left.
#[tokio::test(flavor = "multi_thread")]
async fn half_made_branches_are_finished() {
    let Some(home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    let server = home.serve().await;
    database(&server.client).await;
    branch(&server.client, "first").await;
    assert!(server.stop().success());
    for (round, delay) in [0u64, 15, 40, 90].into_iter().enumerate() {
        let server = home.serve().await;
        let name = format!("b{round}");
        let body = CreateBranch {
            name: Some(name.clone()),
            ..CreateBranch::default()
        };
        server
            .client
            .create_branch(ORG, "shop", &body, None)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(delay)).await;
        server.kill();

        let server = home.serve().await;
        let until = Instant::now() + PATIENCE;
        while !server
            .client
            .show_branch(ORG, "shop", &name)
            .await
            .unwrap()
            .ready
        {
            assert!(
                Instant::now() < until,
                "branch {name} is not finished: {}",
                home.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
            .client
            .delete_branch(ORG, "shop", &name, false)
            .await
            .unwrap();
        assert!(server.stop().success());
    }
    assert_eq!(home.processes(), Vec::<i32>::new());
    assert_eq!(home.names("pool/making"), Vec::<String>::new());
}

/// The processes on the data directory but the server itself.
fn engines_of(home: &Home, server: &Server) -> Vec<i32> {
    let own = server.process.id();
    home.processes()
        .into_iter()
        .filter(|pid| u32::try_from(*pid) != Ok(own))
        .collect()
}
