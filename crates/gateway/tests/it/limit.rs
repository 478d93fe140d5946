//! Limits of a branch: how many connect, and what clients are told when it may not grow.

use crate::engine::each;
use crate::raw::Raw;
use crate::world::{World, id, table};
use mysql_async::prelude::*;
use offshoot_core::id::BranchId;
use offshoot_core::password::Role;
use offshoot_core::port::Sessions;
use offshoot_wire::{auth, command, error, reply};

fn server(error: mysql_async::Error) -> (u16, String) {
    match error {
        mysql_async::Error::Server(e) => (e.code, e.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_has_its_own_limit_and_one_place_more_for_its_admin() {
    for engine in each() {
        let world = World::of(engine).await;
        let branch: BranchId = id("branch000007").into();
        for role in [Role::Readwriter, Role::Admin] {
            let name = format!("few-{role}");
            world.add(&name, branch, role, |c| c.max_connections = Some(2));
        }
        let one = world.connect("few-readwriter").await;
        let _two = world.connect("few-readwriter").await;
        let third = mysql_async::Conn::new(world.opts("few-readwriter")).await;
        let (code, text) = server(third.unwrap_err());
        assert_eq!(code, error::CON_COUNT);
        for part in ["has 2 already", "--max-connections", "OFS-1301"] {
            assert!(text.contains(part), "{text}");
        }
        let admin = world.connect("few-admin").await;
        assert!(
            mysql_async::Conn::new(world.opts("few-admin"))
                .await
                .is_err()
        );
        drop((one, admin));
        // Another limit counts from the next login on.
        world
            .routes
            .credentials
            .lock()
            .unwrap()
            .get_mut("few-readwriter")
            .unwrap()
            .max_connections = Some(9);
        world.connect("few-readwriter").await;
        // Other branches have theirs.
        world.connect("readwriter").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_privilege_is_explained_while_there_is_a_reason() {
    for engine in each() {
        let world = World::of(engine).await;
        let table = table();
        let mut admin = world.connect("admin").await;
        admin
            .query_drop(format!("CREATE TABLE {table} (v INT)"))
            .await
            .unwrap();
        let mut reader = world.connect("reader").await;
        let insert = format!("INSERT INTO {table} VALUES (1)");
        let plain = server(reader.query_drop(&insert).await.unwrap_err());
        assert!(!plain.1.contains("quota"));
        world
            .registry
            .explain(world.branch, Some("over its quota".into()));
        let told = server(reader.query_drop(&insert).await.unwrap_err());
        assert_eq!(told, (plain.0, format!("{}; over its quota", plain.1)));
        let prepared = server(reader.exec_drop(&insert, ()).await.unwrap_err());
        assert_eq!(prepared, told);
        // Anything else passes as it is, and the session goes on.
        let other = server(
            reader
                .query_drop("SELECT * FROM nowhere")
                .await
                .unwrap_err(),
        );
        assert!(!other.1.contains("quota"), "{other:?}");
        let one: Option<u8> = reader.query_first("SELECT 1").await.unwrap();
        assert_eq!(one, Some(1));
        world.registry.explain(world.branch, None);
        let again = server(reader.query_drop(&insert).await.unwrap_err());
        assert_eq!(again, plain);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_may_write_are_ended_with_the_reason() {
    for engine in each() {
        let world = World::of(engine).await;
        let (mut writer, _) = Raw::in_as(world.address, "writer").await;
        let (mut admin, _) = Raw::in_as(world.address, "admin").await;
        let (mut reader, _) = Raw::in_as(world.address, "reader").await;
        admin.query("SELECT SLEEP(77)").await;
        world
            .registry
            .close_writers(world.branch, "over its quota")
            .await;
        assert_eq!(world.registry.traffic(world.branch).connections, 1);
        for raw in [&mut writer, &mut admin] {
            let err = raw.error().await;
            assert_eq!(
                (err.code, &*err.message),
                (error::SERVER_SHUTDOWN, "over its quota")
            );
            assert!(raw.closed().await);
        }
        assert_eq!(reader.ask(&[command::PING]).await[0], reply::OK);
        let mut late = Raw::connect(world.address).await;
        let plugin = auth::Plugin::Native;
        late.log_in("admin", crate::world::SECRET, plugin).await;
        assert_eq!(late.ask(&[command::PING]).await[0], reply::OK);
    }
}
