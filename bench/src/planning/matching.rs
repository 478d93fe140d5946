//! Which of a thousand automations mean an event: as the server itself measures it, event by event.

use super::tool::Tool;
use super::{COLD, within};
use crate::report::Row;
use crate::server::{Machine, ORG};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use offshoot_core::automation::Automation;
use offshoot_core::id::RawId;
use offshoot_core::name::AutomationName;
use offshoot_store::{Durability, MasterKey, Store};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const AUTOMATIONS: usize = 1_000;
const METER: &str = "offshoot_iteration_match_seconds";

pub(super) async fn matching(
    quick: bool,
    machine: &Machine,
    kind: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let events = if quick { 20 } else { 200 };
    machine.offshoot(&["engine", "install", kind])?;
    let server = machine.serve(kind, COLD).await?;
    server.database("shop", kind, 1).await?;
    let tool = Tool::new(&server, "shop").await?;
    let integration = server.client.show_integration(ORG, "shop").await?;
    add_automations(&machine.data(), &integration.id).await?;
    server.settled().await?;
    let mut took = Vec::new();
    // The first one compiles the filters.
    for n in 0..=events {
        let before = meter(server.http).await?;
        tool.planned(n, &format!("Team {n} Sprint 1")).await?;
        let after = within("an event", async {
            loop {
                let now = meter(server.http).await?;
                if now.1 > before.1 {
                    return Ok(now);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await?;
        ensure!(after.1 == before.1 + 1.0, "one event at a time");
        if n > 0 {
            took.push((after.0 - before.0) * 1000.0);
        }
    }
    server.stop()?;
    rows.push(Row::new("planning.match", "offshoot", "ms", &took));
    Ok(())
}

/// Writes them beside the server, which allows a database fewer.
async fn add_automations(data: &Path, integration: &str) -> Result<()> {
    let key = MasterKey::read(&data.join("master.key"))?;
    let store = Store::open(&data.join("offshoot.db"), key, Durability::Process).await?;
    let mut session = store.read().await?;
    let main = session.all_branches().await?;
    let database = main
        .first()
        .context("the database has a branch")?
        .database_id;
    drop(session);
    let mut tx = store.write().await?;
    for n in 0..AUTOMATIONS {
        let rule = json!({
            "integration": "shop",
            "filter": format!("iteration.name.startsWith(\"Team {n} \") && iteration.state != \"ended\""),
            "branch": {"name": "team-{{ iteration.name | slug }}", "seed": "schema"},
            "credentials": {"app": {"role": "readwriter"}, "ci": {"role": "reader", "ttl": "30d"}},
        });
        let at = Timestamp::UNIX_EPOCH;
        let id: RawId = format!("a{n:0>11}").parse()?;
        tx.insert_automation(&Automation {
            id: id.into(),
            database_id: database,
            integration_id: integration.parse()?,
            name: AutomationName::parse(&format!("team-{n}"))?,
            // What is made of the one that means an event is measured elsewhere.
            enabled: false,
            rule: serde_json::from_value(rule)?,
            actor: "benchmark".to_owned(),
            created_at: at,
            updated_at: at,
        })
        .await?;
    }
    tx.commit().await?;
    store.close().await;
    Ok(())
}

/// Seconds in all, and how many.
async fn meter(http: SocketAddr) -> Result<(f64, f64)> {
    let text = reqwest::Client::builder().no_proxy().build()?;
    let text = text.get(format!("http://{http}/metrics")).send().await?;
    let text = text.text().await?;
    let value = |name: &str| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(&format!("{METER}_{name} ")));
        line.map_or(Ok(0.0), str::parse::<f64>)
    };
    Ok((value("sum")?, value("count")?))
}
