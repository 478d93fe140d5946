//! An upgrade: the server ends, its engines live on, and the next server goes on with them.

use crate::fixture::{Home, ORG, PATIENCE, Server, connect, put_to_sleep, text};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use offshoot_api_types::BranchState;
use offshoot_core::engine::EngineKind;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Engines of a home whose server may run.
fn engines(home: &Home, server: Option<&Server>) -> BTreeSet<i32> {
    let own = server.map(|s| i32::try_from(s.process.id()).unwrap());
    let all = home.processes().into_iter();
    all.filter(|pid| Some(*pid) != own).collect()
}

async fn handover(kind: EngineKind) {
    let Some(mut home) = Home::new(kind) else {
        return;
    };
    home.config = "[instances]\nwarm_instances = 0\n".to_owned();
    let mut server = home.serve().await;
    let main = database(&server.client).await;
    let dev = branch(&server.client, "dev").await;
    let mut session = connect(&dev).await.unwrap();
    for sql in ["CREATE TABLE t (v INT)", "INSERT INTO t VALUES (7)"] {
        session.query_drop(sql).await.unwrap();
    }
    let before = engines(&home, Some(&server));
    assert_eq!(before.len(), 2, "{before:?}");

    let said = home.offshoot(&["admin", "handover"]);
    assert!(said.status.success(), "{}", text(&said));
    assert!(server.process.wait().unwrap().success());
    assert!(
        session.query_drop("SELECT 1").await.is_err(),
        "its way is gone"
    );
    assert_eq!(
        engines(&home, None),
        before,
        "engines go on without a server"
    );
    let nobody = home.offshoot(&["admin", "handover"]);
    assert!(!nobody.status.success() && text(&nobody).contains("no server works on"));

    let server = home.serve().await;
    let mut session = connect(&dev).await.unwrap();
    let kept: Option<u32> = session.query_first("SELECT v FROM t").await.unwrap();
    assert_eq!(kept, Some(7));
    connect(&main).await.unwrap();
    let shown = server.client.show_branch(ORG, "shop", "dev").await.unwrap();
    assert_eq!(shown.state, BranchState::Ready);
    assert_eq!(engines(&home, Some(&server)), before, "the same processes");
    // What was adopted is in hand: it sleeps and wakes.
    drop(session);
    put_to_sleep(&server.client, "dev").await;
    // Others may run by now: what is prepared for the next branch.
    let now = engines(&home, Some(&server));
    assert_eq!(before.difference(&now).count(), 1);
    let mut session = connect(&dev).await.unwrap();
    let kept: Option<u32> = session.query_first("SELECT v FROM t").await.unwrap();
    assert_eq!(kept, Some(7));
    drop(session);

    let mut server = server;
    let said = home.offshoot(&["admin", "stop"]);
    assert!(said.status.success(), "{}", text(&said));
    assert!(server.process.wait().unwrap().success());
    // One that was being initialised for the next branch ends by itself.
    let until = Instant::now() + PATIENCE;
    while !home.processes().is_empty() {
        assert!(Instant::now() < until, "{:?}", home.processes());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handover_of_mysql() {
    handover(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handover_of_mariadb() {
    handover(EngineKind::Mariadb).await;
}

/// What a service manager does.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_does_as_configured() {
    for stop in [true, false] {
        let Some(mut home) = Home::new(EngineKind::Mariadb) else {
            return;
        };
        home.config = format!("[instances]\nwarm_instances = 0\nstop_engines = {stop}\n");
        let mut server = home.serve().await;
        database(&server.client).await;
        let before = engines(&home, Some(&server));
        assert_eq!(before.len(), 1);
        let pid = rustix::process::Pid::from_child(&server.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(server.process.wait().unwrap().success());
        let left = engines(&home, None);
        assert_eq!(left, if stop { BTreeSet::new() } else { before });
    }
}
