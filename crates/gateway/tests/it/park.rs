//! Sessions of a branch that falls asleep, and what its clients notice.

use crate::engine::each;
use crate::raw::Raw;
use crate::speech::running;
use crate::world::{World, table};
use mysql_async::prelude::*;
use offshoot_core::engine::EngineKind;
use offshoot_core::port::Sessions;
use offshoot_wire::{command, error, reply};
use std::sync::atomic::Ordering::Relaxed;

/// The sessions the engine has besides the one that asks.
async fn others(world: &World) -> usize {
    let mut conn = world.connect("admin").await;
    let rows: Vec<u64> = conn
        .query("SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = 'offshoot_reader'")
        .await
        .unwrap();
    conn.disconnect().await.unwrap();
    rows.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_state_goes_on_as_if_nothing_had_been() {
    for engine in each() {
        let world = World::of(engine).await;
        let mut conn = world.connect("admin").await;
        conn.query_drop("CREATE DATABASE IF NOT EXISTS other")
            .await
            .unwrap();
        conn.query_drop("SET autocommit=0, time_zone='+03:00'")
            .await
            .unwrap();
        conn.query_drop("SET NAMES utf8mb4").await.unwrap();
        conn.query_drop("USE other").await.unwrap();
        conn.query_drop("SET nonsense=1").await.unwrap_err();
        conn.query_drop("ROLLBACK").await.unwrap();
        for round in 0..2 {
            assert!(world.registry.park(world.branch).await);
            assert_eq!(world.registry.traffic(world.branch).connections, 1);
            let opened = world.routes.opened.load(Relaxed);
            // A pool's ping wakes nothing.
            conn.ping().await.unwrap();
            assert_eq!(world.routes.opened.load(Relaxed), opened);
            let seen: (String, u8, String) = conn
                .query_first("SELECT DATABASE(), @@autocommit, @@time_zone")
                .await
                .unwrap()
                .unwrap();
            assert_eq!(seen, ("other".into(), 0, "+03:00".into()), "{round}");
            assert_eq!(world.routes.opened.load(Relaxed), opened + 1);
            conn.query_drop("COMMIT").await.unwrap();
        }
        // Parked, then it leaves.
        assert!(world.registry.park(world.branch).await);
        conn.disconnect().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_with_state_end_as_the_engine_would_end_them() {
    for engine in each() {
        let world = World::of(engine).await;
        let t = table();
        let mut conn = world.connect("admin").await;
        conn.query_drop(format!("CREATE TABLE {t} (id INT)"))
            .await
            .unwrap();
        conn.disconnect().await.unwrap();
        for text in [
            "SET @a = 1".to_owned(),
            "BEGIN".into(),
            format!("CREATE TEMPORARY TABLE tmp_{t} (id INT)"),
            format!("LOCK TABLES shop.{t} WRITE"),
            "DO GET_LOCK('x', 0)".into(),
        ] {
            let (mut raw, _) = Raw::in_as(world.address, "admin").await;
            raw.ask(b"\x02shop").await;
            if text == "BEGIN" {
                // A transaction begins with what it does, not with BEGIN alone, to be seen by both.
                raw.ask(b"\x03BEGIN").await;
                let insert = format!("\x03INSERT INTO shop.{t} VALUES (1)");
                assert_eq!(raw.ask(insert.as_bytes()).await[0], reply::OK);
            } else {
                let answer = raw.ask(&[b"\x03", text.as_bytes()].concat()).await;
                assert_eq!(answer[0], reply::OK, "{text}");
            }
            assert!(world.registry.park(world.branch).await, "{text}");
            if engine.files.engine.kind == EngineKind::Mysql {
                let err = raw.error().await;
                assert_eq!(err.code, error::CLIENT_INTERACTION_TIMEOUT);
            }
            assert!(raw.closed().await, "{text}");
        }
        let mut conn = world.connect("admin").await;
        let _open = conn.prep("SELECT ?").await.unwrap();
        assert!(world.registry.park(world.branch).await);
        assert!(conn.query_drop("SELECT 1").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_with_a_command_under_way_is_not_parked() {
    for engine in each() {
        let world = World::of(engine).await;
        let mut idle = world.connect("reader").await;
        idle.query_drop("SELECT 1").await.unwrap();
        let (mut raw, id) = Raw::in_as(world.address, "admin").await;
        raw.query("SELECT SLEEP(77)").await;
        running(&world, "SELECT SLEEP(77)").await;
        assert!(!world.registry.park(world.branch).await);
        assert_eq!(others(&world).await, 1, "the idle session keeps its engine");
        // Rows that the client does not read yet are a command under way too.
        let (mut slow, slow_id) = Raw::in_as(world.address, "admin").await;
        let rows = "SELECT REPEAT('x', 60000) FROM information_schema.COLUMNS a, information_schema.COLLATIONS";
        slow.query(rows).await;
        slow.read().await.unwrap();
        assert!(!world.registry.park(world.branch).await);
        let mut killer = world.connect("admin").await;
        for id in [id, slow_id] {
            killer.query_drop(format!("KILL {id}")).await.unwrap();
        }
        while !raw.closed().await {}
        idle.query_drop("SELECT 1").await.unwrap();
        drop(slow);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_does_not_wake_says_so_and_the_session_stays() {
    for engine in each() {
        let world = World::of(engine).await;
        let mut conn = world.connect("admin").await;
        assert!(world.registry.park(world.branch).await);
        let endpoint = world.routes.endpoint.lock().unwrap().take();
        let Err(mysql_async::Error::Server(err)) = conn.query_drop("SELECT 1").await else {
            panic!("an error")
        };
        assert_eq!(err.code, error::UNKNOWN);
        *world.routes.endpoint.lock().unwrap() = endpoint;
        conn.query_drop("SELECT 1").await.unwrap();
        conn.disconnect().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_session_can_be_killed() {
    let Some(engine) = each().into_iter().next() else {
        return;
    };
    let world = World::of(engine).await;
    let (mut parked, id) = Raw::in_as(world.address, "admin").await;
    assert!(world.registry.park(world.branch).await);
    let (mut killer, _) = Raw::in_as(world.address, "admin").await;
    let query = format!("\x03KILL QUERY {id}");
    assert_eq!(killer.ask(query.as_bytes()).await[0], reply::OK);
    let whole = format!("\x03KILL {id}");
    assert_eq!(killer.ask(whole.as_bytes()).await[0], reply::OK);
    assert_eq!(parked.error().await.code, error::SERVER_SHUTDOWN);
    assert!(parked.closed().await);
    assert_eq!(killer.ask(&[command::PING]).await[0], reply::OK);
}
