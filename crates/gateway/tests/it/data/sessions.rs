//! What a session keeps, and how it ends.

use super::{Conn, call, first_row, some};
use crate::engine::each;
use crate::world::{World, table};
use http::StatusCode;
use offshoot_core::port::Sessions;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn transactions_commit_roll_back_and_keep_their_order() {
    for engine in each() {
        let world = World::of(engine).await;
        let table = table();
        let mut other = Conn::new(&world, "readwriter");
        let mut conn = Conn::new(&world, "admin");
        conn.run(&format!("CREATE TABLE {table} (v INT)")).await;
        let count = format!("SELECT COUNT(*) FROM {table}");

        conn.run("BEGIN").await;
        assert_eq!(conn.session["vitessSession"]["inTransaction"], true);
        conn.run(&format!("INSERT INTO {table} VALUES (1)")).await;
        assert_eq!(conn.row(&count).await, some("1"));
        assert_eq!(other.row(&count).await, some("0"));
        conn.run("ROLLBACK").await;
        assert_eq!(conn.session["vitessSession"].get("inTransaction"), None);
        assert_eq!(conn.row(&count).await, some("0"));

        conn.run("START TRANSACTION").await;
        // Several at once in one transaction: one after the other, on the one connection.
        let session = conn.session.clone();
        let insert =
            json!({ "query": format!("INSERT INTO {table} VALUES (2)"), "session": session });
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (data, insert) = (world.data.clone(), insert.clone());
            running.spawn(async move { call(&data, "admin", "Execute", &insert).await });
        }
        while let Some(done) = running.join_next().await {
            let (status, answer) = done.unwrap();
            assert_eq!((status, answer.get("error")), (StatusCode::OK, None));
        }
        assert_eq!(conn.row(&count).await, some("8"));
        conn.run("COMMIT").await;
        assert_eq!(other.row(&count).await, some("8"));
        // An error ends no transaction.
        conn.run("BEGIN").await;
        conn.fail("SELECT * FROM nothing").await;
        conn.run(&format!("DELETE FROM {table}")).await;
        conn.run("COMMIT").await;
        assert_eq!(other.row(&count).await, some("0"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_tables_and_schemas_stay_with_their_session() {
    for engine in each() {
        let world = World::of(engine).await;
        let (mut a, mut b) = (Conn::new(&world, "admin"), Conn::new(&world, "admin"));
        a.run("SET @a = 5").await;
        assert_eq!(b.row("SELECT @a").await, vec![None]);
        assert_eq!(a.row("SELECT @a").await, some("5"));
        a.run("CREATE TEMPORARY TABLE tmp_of_a (v INT)").await;
        b.fail("SELECT * FROM tmp_of_a").await;
        a.run("SELECT * FROM tmp_of_a").await;
        b.run("SET SESSION sql_mode = 'ANSI'").await;
        a.run("USE information_schema").await;
        assert_eq!(
            a.session["vitessSession"]["targetString"],
            "information_schema"
        );
        assert_eq!(a.row("SELECT DATABASE()").await, some("information_schema"));
        assert_eq!(b.row("SELECT DATABASE()").await, some("shop"));
        a.run("USE `@primary`").await;
        assert_eq!(a.row("SELECT DATABASE()").await, some("shop"));
        b.run("use `information_schema@replica`").await;
        assert_eq!(b.row("SELECT DATABASE()").await, some("information_schema"));
        let (code, message) = b.fail("USE `@nearest`").await;
        assert!(
            code == "INVALID_ARGUMENT" && message.contains("@nearest"),
            "{message}"
        );

        b.run("SET workload = 'olap'").await;
        assert_eq!(b.session["vitessSession"]["options"]["workload"], "OLAP");
        b.fail("SET workload = 'fast'").await;
        assert_eq!(b.session["vitessSession"]["options"]["workload"], "OLAP");

        // What a closed session held is gone; the credential goes on.
        let body = json!({ "session": a.session });
        let (status, _) = call(&world.data, "admin", "CloseSession", &body).await;
        assert_eq!(status, StatusCode::OK);
        let (_, message) = a.fail("SELECT @a").await;
        assert!(message.contains("(errno 4031)"), "{message}");
        assert_eq!(a.row("SELECT @a").await, vec![None]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_id_is_the_sessions_own() {
    for engine in each() {
        let world = World::of(engine).await;
        let table = table();
        let (mut a, mut b) = (Conn::new(&world, "admin"), Conn::new(&world, "admin"));
        a.run(&format!(
            "CREATE TABLE {table} (id INT PRIMARY KEY AUTO_INCREMENT)"
        ))
        .await;
        a.run(&format!("INSERT INTO {table} VALUES (41)")).await;
        a.run(&format!("INSERT INTO {table} VALUES ()")).await;
        // Its statement runs where a's ran.
        assert_eq!(b.row("SELECT LAST_INSERT_ID()").await, some("0"));
        assert_eq!(a.row("SELECT LAST_INSERT_ID()").await, some("42"));
        let mut new = Conn::new(&world, "admin");
        assert_eq!(new.row("SELECT LAST_INSERT_ID()").await, some("0"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_others_are_refused() {
    for engine in each() {
        let world = World::of(engine).await;
        let mut admin = Conn::new(&world, "admin");
        admin.run("SET @secret = 5").await;
        let steal = json!({ "query": "SELECT @secret", "session": admin.session });
        for method in ["Execute", "Prepare", "CloseSession"] {
            let (status, answer) = call(&world.data, "readwriter", method, &steal).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
            assert_eq!(answer["error"]["code"], "permission_denied");
        }
        let forged = json!({ "query": "SELECT 1", "session": { "signature": "AAAA" } });
        let (status, _) = call(&world.data, "admin", "Execute", &forged).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(admin.row("SELECT @secret").await, some("5"));
    }
}

/// Statements of a session whose transaction is lost are refused until it takes notice.
async fn noticed(conn: &mut Conn<'_>, numbers: &[&str]) {
    let (_, message) = conn.fail("SELECT 1").await;
    let told = numbers.iter().any(|number| message.contains(number));
    assert!(told, "{message}");
    for statement in ["INSERT INTO t VALUES (1)", "COMMIT", "SELECT 1"] {
        let (_, message) = conn.fail(statement).await;
        assert!(message.contains("(errno 4031)"), "{message}");
    }
    conn.run("ROLLBACK").await;
    assert_eq!(conn.row("SELECT 1").await, some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_in_a_restart_is_told() {
    for engine in each() {
        let world = World::of(engine).await;
        let after = world.gateway.data_api();
        let (mut light, mut held, mut open) = (
            Conn::new(&world, "admin"),
            Conn::new(&world, "admin"),
            Conn::new(&world, "admin"),
        );
        light.run("SELECT 1").await;
        held.run("SET @a = 1").await;
        open.run("BEGIN").await;
        for conn in [&mut light, &mut held, &mut open] {
            conn.data = &after;
        }
        assert_eq!(light.row("SELECT 2").await, some("2"));
        let (code, message) = held.fail("SELECT @a").await;
        assert_eq!(code, "UNAVAILABLE");
        assert!(
            message.contains("restart") && message.contains("(errno 1053)"),
            "{message}"
        );
        assert_eq!(held.row("SELECT @a").await, vec![None]);
        noticed(&mut open, &["(errno 1053)"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_falls_asleep_keeps_what_it_can_and_tells_the_rest() {
    for engine in each() {
        let world = World::of(engine).await;
        let (mut light, mut named, mut open) = (
            Conn::new(&world, "admin"),
            Conn::new(&world, "admin"),
            Conn::new(&world, "admin"),
        );
        light.run("SELECT 1").await;
        named.run("SET NAMES utf8mb4").await;
        open.run("BEGIN").await;
        assert!(world.registry.park(world.branch).await);
        assert_eq!(light.row("SELECT 1").await, some("1"));
        assert_eq!(named.row("SELECT 1").await, some("1"));
        assert_eq!(named.session["vitessSession"].get("inTransaction"), None);
        noticed(&mut open, &["(errno 4031)", "(errno 1053)"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_credential_ends_its_sessions() {
    for engine in each() {
        let world = World::of(engine).await;
        let password = world.add(
            "gone",
            world.branch,
            offshoot_core::password::Role::Admin,
            |_| {},
        );
        let mut conn = Conn::new(&world, "gone");
        conn.run("BEGIN").await;
        world.routes.credentials.lock().unwrap().remove("gone");
        world.registry.close_password(password).await;
        let body = json!({ "query": "COMMIT", "session": conn.session });
        let (status, _) = call(&world.data, "gone", "Execute", &body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while world.registry.traffic(world.branch).connections > 0 {
            assert!(std::time::Instant::now() < until, "the session stays");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_waits_for_takes_its_transaction_with_it() {
    for engine in each() {
        let world = World::of(engine).await;
        let mut conn = Conn::new(&world, "admin");
        conn.run("BEGIN").await;
        let body = json!({ "query": "SELECT SLEEP(30)", "session": conn.session });
        let waiting = call(&world.data, "admin", "Execute", &body);
        let mut other = Conn::new(&world, "readwriter");
        let running = async {
            let count = "SELECT COUNT(*) FROM information_schema.processlist \
                         WHERE info LIKE 'SELECT SLEEP(30%'";
            while other.row(count).await == some("0") {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            _ = waiting => panic!("the statement ended"),
            () = running => {}
        }
        noticed(&mut conn, &["(errno 4031)"]).await;
        let (_, answer) = call(
            &world.data,
            "admin",
            "Execute",
            &json!({ "query": "SELECT 1" }),
        )
        .await;
        assert_eq!(first_row(&answer), some("1"));
        assert_ne!(answer["session"], Value::Null);
    }
}
