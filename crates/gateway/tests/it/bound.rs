//! Listeners that are bound to one engine.

use crate::engine::each;
use crate::raw::Raw;
use crate::world::{SECRET, World, options};
use mysql_async::prelude::*;
use offshoot_core::engine::EngineKind;
use offshoot_core::password::Role;
use offshoot_core::port::AuthFailure;
use offshoot_wire::auth::Plugin;
use offshoot_wire::{error, reply};
use std::sync::atomic::Ordering::Relaxed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_of_the_other_engine_are_not_there() {
    let engines = each();
    let [one, other] = engines.as_slice() else {
        return;
    };
    for (bound, branch) in [(one, other), (other, one)] {
        let mut world = World::with(bound, options(bound), true).await;
        world.engine = branch.files.engine;
        world.add("other", world.branch, Role::Admin, |_| {});
        *world.routes.endpoint.lock().unwrap() = Some(branch.endpoint.clone());
        let mut raw = Raw::connect(world.address).await;
        let answers = raw.log_in("other", SECRET, Plugin::CachingSha2).await;
        assert_eq!(answers.len(), 1);
        let err = reply::Err::parse(&answers[0].1).unwrap();
        assert_eq!(err.code, error::ACCESS_DENIED);
        assert_eq!(world.last_refused(), Some(AuthFailure::WrongEngine));
        assert_eq!(world.routes.opened.load(Relaxed), 0, "it woke the branch");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_an_engine_offers_works_on_its_own_listener() {
    for engine in each() {
        let world = World::with(engine, options(engine), true).await;
        // mysql_async uses query attributes on MySQL and MariaDB's further capabilities.
        let mut conn = world.connect("admin").await;
        let one: Option<u8> = conn.exec_first("SELECT ?", (1,)).await.unwrap();
        assert_eq!(one, Some(1));
        let Some(client) = engine.files.client("mysql") else {
            return;
        };
        let attributes = match engine.files.engine.kind {
            EngineKind::Mysql => "query_attributes n1 v1\nSELECT 7 + 7;",
            EngineKind::Mariadb => "SELECT 7 + 7",
        };
        let mut client = tokio::process::Command::from(client);
        client
            .arg("--no-defaults")
            .args(["-h", "127.0.0.1", "-u", "admin", "shop", "-e", attributes])
            .args((engine.files.engine.kind == EngineKind::Mysql).then_some("--commands"))
            .arg(format!("-P{}", world.address.port()))
            .env("MYSQL_PWD", SECRET);
        let done = client.output().await.unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        assert!(String::from_utf8_lossy(&done.stdout).contains("14"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_engine_is_reached_through_the_others_greeting() {
    let engines = each();
    let [one, other] = engines.as_slice() else {
        return;
    };
    for (greeting, branch) in [(one, other), (other, one)] {
        let mut both = options(greeting);
        both.engines = EngineKind::ALL.to_vec();
        let world = World::with(greeting, both, false).await;
        *world.routes.endpoint.lock().unwrap() = Some(branch.endpoint.clone());
        let mut conn = world.connect("admin").await;
        let text: Option<String> = conn.query_first("SELECT 'ä€😀'").await.unwrap();
        assert_eq!(text.as_deref(), Some("ä€😀"));
        let rows: Vec<(u8, u8)> = conn.exec("SELECT ?, ?", (1, 2)).await.unwrap();
        assert_eq!(rows, [(1, 2)]);
        for engine in [greeting, branch] {
            let Some(client) = engine.files.client("mysql") else {
                return;
            };
            let mut client = tokio::process::Command::from(client);
            client
                .arg("--no-defaults")
                .args([
                    "-h",
                    "127.0.0.1",
                    "-u",
                    "admin",
                    "shop",
                    "-e",
                    "SELECT 7 + 7",
                ])
                .arg(format!("-P{}", world.address.port()))
                .env("MYSQL_PWD", SECRET);
            let done = client.output().await.unwrap();
            assert!(
                done.status.success(),
                "{}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
    }
}
