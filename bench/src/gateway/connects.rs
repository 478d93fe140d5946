//! Authenticated connects: as many as several clients make one after the other.

use super::sysbench::Way;
use anyhow::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use std::time::{Duration, Instant};

/// Clients that connect at the same time.
const CLIENTS: usize = 8;

/// Connects per second, each with login, a ping and a goodbye.
pub(super) async fn per_second(way: &Way, time: Duration) -> Result<f64> {
    let options: Opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(way.port)
        .user(Some(&way.user))
        .pass(Some(&way.secret))
        .db_name(Some(&way.schema))
        .prefer_socket(false)
        // Known, so that nothing is asked for after the login.
        .max_allowed_packet(Some(16 << 20))
        .wait_timeout(Some(28_800))
        .into();
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let options = options.clone();
            tokio::spawn(async move {
                let mut count = 0_u32;
                while began.elapsed() < time {
                    let mut session = Conn::new(options.clone()).await?;
                    session.ping().await?;
                    session.disconnect().await?;
                    count += 1;
                }
                Ok::<u32, mysql_async::Error>(count)
            })
        })
        .collect();
    let mut count = 0;
    for client in clients {
        count += client.await??;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
