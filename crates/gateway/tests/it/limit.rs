//! Limits of a branch: how many connect, and what clients are told when it may not grow, or its
//! schema not be changed.

use crate::engine::each;
use crate::raw::Raw;
use crate::speech::running;
use crate::world::{World, id, table};
use mysql_async::prelude::*;
use offshoot_core::id::BranchId;
use offshoot_core::password::{Role, SAFE_ADMIN};
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

const WHY: &str = "direct DDL is disabled: for a test (OFS-1123)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ddl_that_is_withheld_is_refused_in_one_sentence() {
    for engine in each() {
        let world = World::of(engine).await;
        let table = table();
        let mut admin = world.connect("admin").await;
        for sql in [
            format!("CREATE TABLE {table} (v INT)"),
            format!("CREATE PROCEDURE {table}_p() SELECT 1"),
        ] {
            admin.query_drop(sql).await.unwrap();
        }
        // One that holds nothing, one in a transaction, one that is busy, and one that is no admin's.
        let mut open = world.connect("admin").await;
        let (mut holding, _) = Raw::in_as(world.address, "admin").await;
        for sql in [
            "BEGIN".to_owned(),
            format!("INSERT INTO shop.{table} VALUES (1)"),
        ] {
            let said = [&[command::QUERY], sql.as_bytes()].concat();
            assert_eq!(holding.ask(&said).await[0], reply::OK, "{sql}");
        }
        let (mut busy, _) = Raw::in_as(world.address, "admin").await;
        busy.query("SELECT SLEEP(76)").await;
        running(&world, "SELECT SLEEP(76)").await;
        let mut app = world.connect("readwriter").await;
        app.query_drop("SET @a = 1").await.unwrap();

        world.registry.withhold_ddl(world.branch, Some(WHY.into()));
        let renewed = "the branch is another one now";
        world
            .registry
            .renew(world.branch, Role::Admin, renewed, true)
            .await;
        for raw in [&mut busy, &mut holding] {
            let err = raw.error().await;
            assert_eq!((err.code, &*err.message), (error::SERVER_SHUTDOWN, renewed));
        }
        let kept: Option<u8> = app.query_first("SELECT @a").await.unwrap();
        assert_eq!(kept, Some(1), "it was not touched");

        for conn in [&mut open, &mut world.connect("admin").await] {
            let who: Option<String> = conn.query_first("SELECT CURRENT_USER()").await.unwrap();
            assert_eq!(who.unwrap(), format!("{SAFE_ADMIN}@localhost"));
            let ddl = [
                format!("CREATE TABLE {table}_x (v INT)"),
                format!("DROP TABLE {table}"),
                format!("TRUNCATE TABLE {table}"),
                format!("ALTER TABLE {table} ADD w INT"),
                format!("CREATE INDEX i ON {table} (v)"),
                format!("CREATE VIEW {table}_v AS SELECT 1"),
                format!(
                    "CREATE TRIGGER {table}_t BEFORE INSERT ON {table} FOR EACH ROW SET @a = 1"
                ),
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1".to_owned(),
                "CREATE PROCEDURE p() SELECT 1".to_owned(),
                format!("DROP PROCEDURE {table}_p"),
                "CREATE DATABASE x".to_owned(),
            ];
            for sql in ddl {
                match conn.query_drop(&sql).await.unwrap_err() {
                    mysql_async::Error::Server(e) => {
                        let told = (e.code, &*e.state, &*e.message);
                        assert_eq!(told, (error::UNKNOWN, "HY000", WHY), "{sql}");
                    }
                    other => panic!("{sql}: {other}"),
                }
            }
            conn.query_drop(format!("INSERT INTO {table} VALUES (1)"))
                .await
                .unwrap();
        }
        // A session with a prepared statement holds state.
        let mut preparing = world.connect("admin").await;
        let sql = format!("ALTER TABLE {table} ADD w INT");
        let prepared = server(preparing.exec_drop(sql, ()).await.unwrap_err());
        assert_eq!(prepared, (error::UNKNOWN, WHY.into()));
        let mut reader = world.connect("reader").await;
        let own = server(
            reader
                .query_drop(format!("DROP TABLE {table}"))
                .await
                .unwrap_err(),
        );
        assert_eq!(own.0, 1142, "{own:?}");
        assert!(!own.1.contains("OFS-1123"));

        // Over its quota as well, the schema comes first, and what is left is the quota's.
        world
            .registry
            .explain(world.branch, Some("over its quota".into()));
        let ddl = server(
            open.query_drop(format!("DROP TABLE {table}"))
                .await
                .unwrap_err(),
        );
        assert_eq!(ddl, (error::UNKNOWN, WHY.into()));
        let own = server(
            reader
                .query_drop(format!("DELETE FROM {table}"))
                .await
                .unwrap_err(),
        );
        assert!(own.1.ends_with("; over its quota"), "{own:?}");
        world.registry.explain(world.branch, None);

        let mut open = world.connect("admin").await;
        open.query_drop("SELECT 1").await.unwrap();
        world.registry.withhold_ddl(world.branch, None);
        world
            .registry
            .renew(world.branch, Role::Admin, renewed, false)
            .await;
        open.query_drop(format!("DROP TABLE {table}"))
            .await
            .unwrap();
        open.query_drop(format!("DROP PROCEDURE {table}_p"))
            .await
            .unwrap();
    }
}
