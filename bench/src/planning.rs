//! From a sprint that is planned to a query on its branch: how long a signed event takes to become a credential
//! that works, how soon events are acknowledged, and what it costs to find the automations that mean one.

mod acknowledge;
mod matching;
mod receiver;
mod tool;

use crate::baseline::Baseline;
use crate::data::{back_up, fill};
use crate::report::{Measured, Row};
use crate::server::{Machine, ORG, PATIENCE, Server, milliseconds};
use anyhow::{Context, Result, ensure};
use clap::Args;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::CreateAutomation;
use receiver::Receiver;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;
use tool::Tool;

/// What receives credentials listens on this machine. Branches stay awake.
const COLD: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\nmemory_budget = \"8G\"\n\
                    [outbound]\nallow = [\"127.0.0.0/8\"]\n";
const WARM: &str = "[instances]\nwarm_instances = 1\nsleep_after = \"0\"\nmemory_budget = \"8G\"\n\
                    [outbound]\nallow = [\"127.0.0.0/8\"]\n";
const GIB: u64 = 1 << 30;

#[derive(Args)]
pub(crate) struct Options {
    /// Only this engine: mysql or mariadb
    #[arg(long)]
    engine: Option<String>,
    /// Samples of each quantity
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// A tenth of the data, few samples
    #[arg(long)]
    quick: bool,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Filesystem of the pool: btrfs, xfs or copy
    #[arg(long, default_value = "btrfs")]
    pool: String,
}

pub(crate) async fn run(options: &Options) -> Result<Measured> {
    let kinds = ["mysql", "mariadb"].into_iter();
    let kinds: Vec<&str> = kinds
        .filter(|kind| options.engine.as_deref().is_none_or(|e| e == *kind))
        .collect();
    ensure!(!kinds.is_empty(), "an engine is mysql or mariadb");
    let mut measured = Measured::default();
    for kind in &kinds {
        let machine = Machine::new(&options.pool, options.server.as_deref())?;
        machine.offshoot(&["engine", "install", kind])?;
        let rows = &mut measured.rows;
        let result = queries(options, &machine, kind, rows).await;
        measured.part("planning.event_to_query", result);
    }
    // What happens before a branch is made depends neither on the engine nor on the pool.
    let kind = kinds.last().context("an engine")?;
    let server = options.server.as_deref();
    let machine = Machine::new("copy", server)?;
    let rows = &mut measured.rows;
    let result = acknowledge::acknowledge(options.quick, &machine, kind, rows).await;
    measured.part("planning.ack", result);
    drop(machine);
    let machine = Machine::new("copy", server)?;
    let rows = &mut measured.rows;
    let result = matching::matching(options.quick, &machine, kind, rows).await;
    measured.part("planning.match", result);
    Ok(measured)
}

/// Signed event to first `SELECT 1` with the credential that was delivered.
async fn queries(
    options: &Options,
    machine: &Machine,
    kind: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let runs = if options.quick {
        options.runs.min(3)
    } else {
        options.runs
    };
    let baseline = Baseline::new(machine, kind).await?;
    let engine = baseline.engine();

    let server = machine.serve(kind, COLD).await?;
    server.database("shop", kind, 5).await?;
    let mut sprints = Sprints::planned(&server, "shop", "schema").await?;
    let (took, raw) = sprints.measure(&server, runs, &baseline).await?;
    let raw = Row::new("raw.start", &engine, "ms", &raw);
    rows.push(Row::new("planning.event_to_query.schema", &engine, "ms", &took).against(&raw));
    server.client.delete_database(ORG, "shop").await?;

    let filled = server.database("full", kind, 0).await?;
    let bytes = if options.quick { GIB / 10 } else { GIB };
    fill(&filled, bytes).await?;
    back_up(&server, "full").await?;
    let mut sprints = Sprints::planned(&server, "full", "backup").await?;
    let (took, beside) = sprints.measure(&server, runs, &baseline).await?;
    let beside = Row::new("raw.start", &engine, "ms", &beside);
    rows.push(Row::new("planning.event_to_query.backup", &engine, "ms", &took).against(&beside));
    server.client.delete_database(ORG, "full").await?;
    server.settled().await?;
    server.stop()?;

    let server = machine.serve(kind, WARM).await?;
    server.database("warm", kind, 5).await?;
    let mut sprints = Sprints::planned(&server, "warm", "schema").await?;
    let (took, beside) = sprints.measure(&server, runs, &baseline).await?;
    let beside = Row::new("raw.start", &engine, "ms", &beside);
    rows.push(Row::new("planning.event_to_query.warm", &engine, "ms", &took).against(&beside));
    server.stop()?;
    rows.push(raw);
    Ok(())
}

/// A database whose sprints get branches.
struct Sprints {
    database: String,
    tool: Tool,
    receiver: Receiver,
}

impl Sprints {
    async fn planned(server: &Server, database: &str, seed: &str) -> Result<Self> {
        let tool = Tool::new(server, database).await?;
        let receiver = Receiver::start().await?;
        let deliver = json!({"webhook": {"url": receiver.url()}});
        let rule = json!({
            "integration": database,
            "branch": {"name": "{{ iteration.name | slug }}", "seed": seed},
            "credentials": {"app": {"role": "admin", "deliver": deliver}},
        });
        automation(server, database, rule).await?;
        Ok(Self {
            database: database.to_owned(),
            tool,
            receiver,
        })
    }

    /// Milliseconds of each sprint, and of a start of the engine alone before it. One goes before that is not
    /// counted: it makes the template.
    async fn measure(
        &mut self,
        server: &Server,
        runs: usize,
        baseline: &Baseline,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let (mut took, mut raw) = (Vec::new(), Vec::new());
        for n in 0..=u32::try_from(runs)? {
            server.settled().await?;
            if n > 0 {
                raw.push(baseline.start().await?);
            }
            let name = format!("Sprint {n}");
            let began = Instant::now();
            self.tool.planned(n, &name).await?;
            let mut session = Conn::from_url(self.receiver.credential().await?).await?;
            let one: Option<u8> = session.query_first("SELECT 1").await?;
            if n > 0 {
                took.push(milliseconds(began));
            }
            ensure!(one == Some(1), "SELECT 1 answered {one:?}");
            session.disconnect().await?;
            let branch = format!("sprint-{n}");
            let client = &server.client;
            client
                .delete_branch(ORG, &self.database, &branch, false)
                .await?;
        }
        Ok((took, raw))
    }
}

async fn automation(server: &Server, database: &str, rule: Value) -> Result<()> {
    let body = CreateAutomation {
        name: "sprints".to_owned(),
        rule: serde_json::from_value(rule)?,
        enabled: None,
        tokens: std::collections::BTreeMap::new(),
    };
    server
        .client
        .create_automation(ORG, database, &body)
        .await?;
    Ok(())
}

/// The longest that anything that was announced is waited for.
async fn within<T>(what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.with_context(|| format!("{what} took longer than {PATIENCE:?}"))?
}
