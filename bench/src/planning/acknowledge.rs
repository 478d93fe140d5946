//! How soon an event is acknowledged while fifty arrive each second: it is durable by then. The baseline is
//! what the same disk takes to make as many bytes durable.

use super::tool::Tool;
use super::{COLD, automation};
use crate::report::Row;
use crate::server::{Machine, milliseconds};
use anyhow::Result;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Time between two events.
const BETWEEN: Duration = Duration::from_millis(20);
/// About what an event takes in the store.
const BYTES: usize = 4_096;

pub(super) async fn acknowledge(
    quick: bool,
    machine: &Machine,
    kind: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let events: u32 = if quick { 200 } else { 1_500 };
    machine.offshoot(&["engine", "install", kind])?;
    let server = machine.serve(kind, COLD).await?;
    server.database("shop", kind, 1).await?;
    let tool = Tool::new(&server, "shop").await?;
    // An automation looks at each of them; what is made of branches is measured elsewhere.
    let rule = json!({"integration": "shop", "filter": "iteration.name == 'none of them'"});
    automation(&server, "shop", rule).await?;
    server.settled().await?;

    let began = tokio::time::Instant::now();
    let mut sent = JoinSet::new();
    for n in 0..events {
        // Open loop: a late answer does not hold the next event back.
        tokio::time::sleep_until(began + BETWEEN * n).await;
        let tool = tool.clone();
        sent.spawn(async move {
            let began = Instant::now();
            tool.planned(n, &format!("Sprint {n}")).await?;
            anyhow::Ok(milliseconds(began))
        });
    }
    let took = sent.join_all().await;
    let took: Vec<f64> = took.into_iter().collect::<Result<_>>()?;
    let durable = durable(&machine.data().join("durable"), took.len())?;
    server.stop()?;
    let durable = Row::new("raw.fsync", "disk", "ms", &durable);
    rows.push(Row::new("planning.ack", "offshoot", "ms", &took).against(&durable));
    rows.push(durable);
    Ok(())
}

/// Milliseconds of each append that is made durable.
fn durable(path: &Path, times: usize) -> Result<Vec<f64>> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut took = Vec::new();
    for _ in 0..times {
        let began = Instant::now();
        file.write_all(&[7; BYTES])?;
        file.sync_data()?;
        took.push(milliseconds(began));
    }
    Ok(took)
}
