//! A client's connection pool over the sleep of its branch, on each engine.

use crate::fixture::Home;
use crate::sleep::{falls_asleep, sleepy, state};
use crate::story::{branch, database};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use offshoot_api_types::{BranchState, Password};
use offshoot_core::engine::EngineKind;
use std::io::{Read, Write};

/// Connections that the pool keeps.
const SIZE: usize = 6;

fn pool(password: &Password) -> Pool {
    let constraints = PoolConstraints::new(SIZE, SIZE).unwrap();
    let options = OptsBuilder::default()
        .ip_or_hostname(password.connection.host.clone())
        .tcp_port(password.connection.port)
        .prefer_socket(false)
        .user(Some(password.username.clone()))
        .pass(password.plain_text.clone())
        .db_name(Some(password.connection.database.clone()))
        .pool_opts(PoolOpts::default().with_constraints(constraints));
    Pool::new(Opts::from(options))
}

/// A number from `/metrics`.
pub(crate) fn metric(home: &Home, name: &str) -> u64 {
    let address = home.url();
    let address = address.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream
        .write_all(format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn take(pool: &Pool, count: usize) -> Vec<Conn> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(pool.get_conn().await.unwrap());
    }
    taken
}

/// Connections that the pool holds, and those that an application holds, go on when the branch has
/// slept: with their settings, and with prepared statements that are made anew after the pool's reset.
async fn a_pool_goes_on(kind: EngineKind) {
    let Some(home) = sleepy(kind) else { return };
    let server = home.serve().await;
    let client = &server.client;
    database(client).await;
    let pool = pool(&branch(client, "dev").await);
    let mut sessions = take(&pool, SIZE).await;
    sessions[0]
        .query_drop("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
        .await
        .unwrap();
    for session in &mut sessions {
        session
            .exec_drop("INSERT INTO t (v) VALUES (?)", (7,))
            .await
            .unwrap();
    }
    // Back in the pool, which resets them; half of them go out again with a setting each.
    drop(sessions);
    let mut held = Vec::new();
    for n in 0..SIZE / 2 {
        let mut session = pool.get_conn().await.unwrap();
        session
            .query_drop(format!(
                "SET SESSION sort_buffer_size = {}",
                65_536 + n * 4_096
            ))
            .await
            .unwrap();
        held.push(session);
    }
    for round in 1..=2_u64 {
        falls_asleep(client, "dev").await;
        let parked = metric(&home, "offshoot_gateway_parked_total");
        assert!(
            parked >= SIZE as u64 * round,
            "{parked} after {round} sleeps"
        );
        // All speak at the same time; the first wakes the branch for all.
        let asked = held.drain(..).enumerate().map(|(n, mut session)| {
            tokio::spawn(async move {
                let size: Option<usize> = session
                    .query_first("SELECT @@sort_buffer_size")
                    .await
                    .unwrap();
                assert_eq!(size, Some(65_536 + n * 4_096));
                session
            })
        });
        let asked: Vec<_> = asked.collect();
        for session in asked {
            held.push(session.await.unwrap());
        }
        for mut session in take(&pool, SIZE - held.len()).await {
            let rows: Option<u64> = session
                .exec_first("SELECT COUNT(*) FROM t WHERE v = ?", (7,))
                .await
                .unwrap();
            assert_eq!(rows, Some(SIZE as u64));
        }
    }
    assert_eq!(state(client, "dev").await, BranchState::Ready);
    let opened = metric(&home, "offshoot_gateway_connections_total");
    assert_eq!(opened, SIZE as u64, "no connection was made anew");
    drop(held);
    pool.disconnect().await.unwrap();
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_goes_on_mysql() {
    a_pool_goes_on(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_goes_on_mariadb() {
    a_pool_goes_on(EngineKind::Mariadb).await;
}
