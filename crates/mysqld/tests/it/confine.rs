//! A branch that may not grow, on real engines: what its roles can still do, and that they get back
//! exactly what they had.

use crate::instance_stand::{Refused, Stand, session_of, value};
use offshoot_core::instance::{Accounts, Confined, Kill, Profile, Stop};
use offshoot_core::password::Role;
use offshoot_core::port::Instances;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_testkit::engines;

#[tokio::test(flavor = "multi_thread")]
async fn growth_on_mysql() {
    if let Some(files) = engines::mysql() {
        growth(files).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_on_mariadb() {
    if let Some(files) = engines::mariadb() {
        growth(files).await;
    }
}

/// Privilege missing: on a table, a database, or of any.
const LACKING: [u16; 4] = [1044, 1142, 1227, 1370];

const OVER: Confined = Confined {
    growth: true,
    ddl: false,
};

async fn growth(files: EngineFiles) {
    let stand = Stand::new(files);
    let mut spec = stand.spec(Profile::Production);
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = session_of(&endpoint, Role::Admin).await;
    for sql in [
        "CREATE DATABASE shop",
        "CREATE TABLE shop.t (v INT)",
        "INSERT INTO shop.t VALUES (1), (2), (3)",
        "CREATE TABLE shop.gone (v INT)",
        "CREATE PROCEDURE shop.fill() INSERT INTO shop.t VALUES (9)",
    ] {
        admin.execute(sql).await.unwrap();
    }
    let mut reader = session_of(&endpoint, Role::Reader).await;

    // Twice: the second changes nothing.
    stand.supervisor.confine(&endpoint, OVER).await.unwrap();
    let old = stand.supervisor.confine(&endpoint, OVER).await.unwrap();
    let mut new = session_of(&endpoint, Role::Admin).await;
    for id in old {
        stand
            .supervisor
            .kill(&endpoint, id, Kill::Session)
            .await
            .unwrap();
    }
    new.execute("SELECT 1").await.unwrap();
    assert!(
        admin.execute("SELECT 1").await.is_err(),
        "it could still write"
    );
    assert_eq!(value(&mut reader, "SELECT COUNT(*) FROM shop.t").await, "3");

    stand.supervisor.stop(spec.id, Stop::Clean).await.unwrap();
    spec.accounts = Accounts::Keep;
    let endpoint = stand.supervisor.start(&spec).await.unwrap();
    let mut admin = session_of(&endpoint, Role::Admin).await;
    for sql in [
        "INSERT INTO shop.t VALUES (4)",
        "UPDATE shop.t SET v = 7",
        "REPLACE INTO shop.t VALUES (4)",
        "LOAD DATA LOCAL INFILE '/dev/null' INTO TABLE shop.t",
        "CREATE TABLE shop.more (v INT)",
        "CREATE TEMPORARY TABLE shop.more (v INT)",
        "CREATE DATABASE more",
        "CREATE INDEX i ON shop.t (v)",
        "ALTER TABLE shop.t ADD w INT",
        "CREATE VIEW shop.w AS SELECT 1",
        "CALL shop.fill()",
    ] {
        let code = admin.refused(sql).await;
        assert!(LACKING.contains(&code), "{sql}: {code}");
    }
    for role in [Role::Writer, Role::Readwriter] {
        let mut session = session_of(&endpoint, role).await;
        let code = session.refused("INSERT INTO shop.t VALUES (4)").await;
        assert!(LACKING.contains(&code), "{role}: {code}");
    }
    for sql in [
        "SELECT * FROM shop.t",
        "DELETE FROM shop.t WHERE v = 1",
        "TRUNCATE TABLE shop.t",
        "DROP TABLE shop.gone",
    ] {
        admin.execute(sql).await.unwrap();
    }

    stand
        .supervisor
        .confine(&endpoint, Confined::default())
        .await
        .unwrap();
    let mut admin = session_of(&endpoint, Role::Admin).await;
    for sql in [
        "CALL shop.fill()",
        "UPDATE shop.t SET v = 7",
        "CREATE TABLE shop.more (v INT)",
        "CREATE INDEX i ON shop.t (v)",
    ] {
        admin.execute(sql).await.unwrap();
    }
    assert_eq!(value(&mut admin, "SELECT v FROM shop.t").await, "7");
    // The engine's own schemas are out of reach as before.
    for role in [Role::Admin, Role::Writer, Role::Readwriter] {
        let mut session = session_of(&endpoint, role).await;
        for sql in [
            "INSERT INTO mysql.db (Host, Db, User) VALUES ('%', '%', 'x')",
            "UPDATE mysql.servers SET Host = 'x'",
            "DELETE FROM mysql.servers",
        ] {
            let code = session.refused(sql).await;
            assert!(LACKING.contains(&code), "{role}: {sql}: {code}");
        }
    }
}
