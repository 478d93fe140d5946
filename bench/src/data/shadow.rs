//! Live branches of a busy parent that has a shadow: what the parent notices, and how long they take.

use super::load::Load;
use super::{BETWEEN, GIB, Options, Raw, stall};
use crate::report::Row;
use crate::server::{Machine, ORG, PATIENCE, Server};
use anyhow::{Result, ensure};
use offshoot_api_types::{CreateShadow, ShadowState};
use offshoot_client::Wait;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

const DATABASE: &str = "liveshadow";
const TABLES: u32 = 10;
/// How often the shadow is asked how far it is behind.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn measure(
    options: &Options,
    machine: &Machine,
    server: &Server,
    kind: &str,
    raw: &mut Raw,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let main = server.database(DATABASE, kind, 0).await?;
    let load = Load::new(machine.dir(), &main)?;
    // About 2 GiB in all: a row of sysbench takes about 230 bytes.
    let per_table = options.bytes(2 * GIB) / 230 / u64::from(TABLES);
    load.prepare(TABLES, per_table)?;
    server.settled().await?;
    let beside = raw.starts.len();
    for _ in 0..options.runs() {
        raw.start().await?;
    }
    let shots = options.shots();
    let time = BETWEEN * u32::try_from(shots)?;
    let alone = stall::watch(&load, &main, TABLES, per_table, time, None).await?;
    follow(server).await?;
    let following = stall::watch(&load, &main, TABLES, per_table, time, None).await?;
    let shoot = stall::Shoot {
        server,
        database: DATABASE,
        shots,
        between: BETWEEN,
    };
    let lags = Arc::new(Mutex::new(Vec::new()));
    let shooting = stall::watch(&load, &main, TABLES, per_table, time, Some(&shoot));
    let busy = tokio::select! {
        busy = shooting => busy?,
        error = watch_lag(server, &lags) => return Err(error),
    };
    let shadow = server.client.show_shadow(ORG, DATABASE, "main").await?;
    ensure!(
        busy.methods.iter().all(|m| m == "shadow"),
        "the parent was copied itself ({:?}): {:?}",
        busy.methods,
        shadow.passed_over_reason
    );
    let engine = &raw.engine;
    let name = "data.live.stall.shadow";
    let none = Row::new(&format!("{name}.none"), engine, "ms", &[alone.p99]);
    rows.push(Row::new(name, engine, "ms", &[busy.p99]).against(&none));
    let row = Row::new(&format!("{name}.following"), engine, "ms", &[following.p99]);
    rows.push(row.against(&none));
    let tps = Row::new("none", engine, "tps", &[alone.tps]);
    rows.push(Row::new(&format!("{name}.tps"), engine, "tps", &[busy.tps]).against(&tps));
    rows.push(none);
    let row = Row::new("data.live.ready.shadow", engine, "ms", &busy.ready);
    rows.push(row.against(&raw.since(beside)));
    let lags = lags.lock().map(|l| l.clone()).unwrap_or_default();
    rows.push(Row::new("data.live.ready.shadow.lag", engine, "ms", &lags));
    server.client.delete_database(ORG, DATABASE).await?;
    server.settled().await
}

async fn follow(server: &Server) -> Result<()> {
    let body = CreateShadow::default();
    let made = server
        .client
        .create_shadow(ORG, DATABASE, "main", &body, Some(Wait(PATIENCE)))
        .await?;
    ensure!(
        made.state == ShadowState::Following,
        "the shadow does not follow: {made:?}"
    );
    Ok(())
}

/// How far the shadow is behind while branches are taken of it, in milliseconds. Ends with an error alone.
async fn watch_lag(server: &Server, lags: &Mutex<Vec<f64>>) -> anyhow::Error {
    loop {
        match server.client.show_shadow(ORG, DATABASE, "main").await {
            Ok(shadow) => {
                if let (Some(lag), Ok(mut lags)) = (shadow.lag_seconds, lags.lock()) {
                    lags.push(lag as f64 * 1000.0);
                }
            }
            Err(error) => return error.into(),
        }
        tokio::time::sleep(LOOK).await;
    }
}
