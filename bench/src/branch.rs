//! How long branches take, from the HTTP request to the first `SELECT 1` through the gateway, and
//! what sleeping ones cost. The baseline is the raw start of the same engine with the same settings.

use crate::Options;
use crate::baseline::Baseline;
use crate::report::Row;
use crate::server::{Machine, ORG, PATIENCE, Server, connect, milliseconds, select_1};
use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use offshoot_client::PageOf;
use std::path::PathBuf;
use std::time::Instant;

/// No warm instances, branches stay awake: what is measured is the cold path.
const COLD: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
const WARM: &str = "[instances]\nwarm_instances = 1\nsleep_after = \"0\"\n";
const MIB: f64 = 1024.0 * 1024.0;

pub(crate) async fn run(options: &Options) -> Result<Vec<Row>> {
    let machine = Machine::new(&options.pool, options.server.as_deref())?;
    let runs = if options.quick {
        options.runs.min(3)
    } else {
        options.runs
    };
    let kinds: Vec<&str> = ["mysql", "mariadb"]
        .into_iter()
        .filter(|kind| {
            options
                .engine
                .as_deref()
                .is_none_or(|wanted| wanted == *kind)
        })
        .collect();
    ensure!(!kinds.is_empty(), "an engine is mysql or mariadb");
    let mut rows = Vec::new();
    for kind in &kinds {
        machine.offshoot(&["engine", "install", kind])?;
        speed(&machine, kind, runs, options.quick, &mut rows).await?;
    }
    // What sleeping branches cost Offshoot itself does not depend on the engine: the faster one to start.
    let kind = kinds.last().context("an engine")?;
    let most = if options.quick {
        options.branches.min(10)
    } else {
        options.branches
    };
    if most > 0 {
        weight(&machine, kind, most, &mut rows).await?;
    }
    Ok(rows)
}

async fn speed(
    machine: &Machine,
    kind: &str,
    runs: usize,
    quick: bool,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let baseline = Baseline::new(machine, kind).await?;
    let engine = baseline.engine();
    let mut raw = Vec::new();

    let server = machine.serve(kind, COLD).await?;
    let tables = if quick { vec![5] } else { vec![5, 500] };
    let (mut cold, mut after_ddl, mut wake, mut delete) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for count in tables {
        let name = format!("bench{count}");
        let main = server.database(&name, kind, count).await?;
        // The first branch reads the whole schema; the template is made behind it.
        server.branch(&name, "first").await?;
        server
            .client
            .delete_branch(ORG, &name, "first", false)
            .await?;
        server.settled().await?;
        let mut samples = Vec::new();
        for n in 0..runs {
            raw.push(baseline.start().await?);
            let branch = format!("b{n}");
            samples.push(server.branch(&name, &branch).await?.0);
            if count == 5 {
                let (asleep, awake) = wake_one(&server, &name, &branch, n).await?;
                ensure!(asleep, "the branch did not sleep");
                wake.push(awake);
            }
            let began = Instant::now();
            server
                .client
                .delete_branch(ORG, &name, &branch, false)
                .await?;
            delete.push(milliseconds(began));
            server.settled().await?;
        }
        cold.push((format!("branch.schema.{count}"), samples));
        if count == 500 || quick {
            let mut session = connect(&main).await?;
            for n in 0..runs {
                session
                    .query_drop(format!(
                        "ALTER TABLE t{} ADD COLUMN later{n} INT",
                        n % count
                    ))
                    .await?;
                let branch = format!("d{n}");
                let (took, password) = server.branch(&name, &branch).await?;
                after_ddl.push(took);
                let mut check = connect(&password).await?;
                check
                    .query_drop(format!("SELECT later{n} FROM t{}", n % count))
                    .await?;
                check.disconnect().await?;
                server
                    .client
                    .delete_branch(ORG, &name, &branch, false)
                    .await?;
                server.settled().await?;
            }
            session.disconnect().await?;
            cold.push((
                format!("branch.schema.{count}.after_ddl"),
                std::mem::take(&mut after_ddl),
            ));
        }
    }
    server.stop()?;

    let server = machine.serve(kind, WARM).await?;
    let mut warm = Vec::new();
    for n in 0..=runs {
        server.settled().await?;
        let branch = format!("w{n}");
        let (took, _) = server.branch("bench5", &branch).await?;
        // The first one makes the template known as recently used.
        if n > 0 {
            warm.push(took);
        }
        server
            .client
            .delete_branch(ORG, "bench5", &branch, false)
            .await?;
    }
    for name in server
        .client
        .list_databases(ORG, PageOf::default())
        .await?
        .data
    {
        server.client.delete_database(ORG, &name.name).await?;
    }
    server.settled().await?;
    server.stop()?;

    let raw = Row::new("raw.start", &engine, "ms", &raw);
    rows.extend(
        cold.iter()
            .map(|(name, samples)| Row::new(name, &engine, "ms", samples).against(&raw)),
    );
    rows.push(Row::new("branch.schema.warm", &engine, "ms", &warm).against(&raw));
    rows.push(Row::new("branch.wake", &engine, "ms", &wake).against(&raw));
    rows.push(Row::new("branch.delete", &engine, "ms", &delete));
    rows.push(raw);
    Ok(())
}

/// Puts a branch to sleep and connects to it: whether it slept, and how long the client waited.
async fn wake_one(server: &Server, database: &str, branch: &str, n: usize) -> Result<(bool, f64)> {
    let body = offshoot_api_types::CreatePassword {
        name: Some(format!("wake{n}")),
        role: Some("admin".to_owned()),
        ..Default::default()
    };
    let password = server
        .client
        .create_password(ORG, database, branch, &body)
        .await?;
    let asleep = server.client.sleep_branch(ORG, database, branch).await?;
    let sleeping =
        |b: &offshoot_api_types::Branch| b.state == offshoot_api_types::BranchState::Sleeping;
    if !sleeping(&asleep) {
        server.until(database, branch, sleeping).await?;
    }
    let began = Instant::now();
    let session = select_1(&password).await?;
    let took = milliseconds(began);
    session.disconnect().await?;
    Ok((true, took))
}

/// Memory of Offshoot and disk of branches, with many that sleep; and that nothing is left of them.
async fn weight(machine: &Machine, kind: &str, most: usize, rows: &mut Vec<Row>) -> Result<()> {
    let server = machine.serve(kind, COLD).await?;
    let engine = format!("{kind} (sleeping)");
    server.settled().await?;
    rows.push(Row::new("rss.0", &engine, "MiB", &[server.rss()?]));
    let before = left(machine)?;
    server.database("weight", kind, 5).await?;

    let mut steps: Vec<usize> = [100, most]
        .into_iter()
        .filter(|step| *step <= most)
        .collect();
    steps.dedup();
    let mut made = 0;
    for step in &steps {
        while made < *step {
            let name = format!("s{made}");
            server.branch("weight", &name).await?;
            server.client.sleep_branch(ORG, "weight", &name).await?;
            made += 1;
        }
        rows.push(Row::new(
            &format!("rss.{step}"),
            &engine,
            "MiB",
            &[server.rss()?],
        ));
        if *step == steps[0] {
            let page = PageOf {
                page: None,
                per_page: Some(100),
            };
            let usage = server.client.list_usage(page).await?.data;
            let unique: Vec<f64> = usage
                .iter()
                .filter(|u| u.branch.starts_with('s'))
                .map(|u| u.unique_bytes as f64 / MIB)
                .collect();
            rows.push(Row::new("disk.sleeping", &engine, "MiB", &unique));
        }
    }
    for n in 0..made {
        server
            .client
            .delete_branch(ORG, "weight", &format!("s{n}"), false)
            .await?;
    }
    server.client.delete_database(ORG, "weight").await?;
    let until = Instant::now() + PATIENCE;
    while left(machine)? != before {
        ensure!(
            Instant::now() < until,
            "{made} branches left something behind: {before:?} before, {:?} after",
            left(machine)?
        );
        server.settled().await?;
    }
    server.stop()
}

/// Volumes, snapshots, instance directories, logs and mounts that are there.
fn left(machine: &Machine) -> Result<Vec<usize>> {
    let count = |path: PathBuf| match std::fs::read_dir(&path) {
        Ok(entries) => Ok(entries.count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    };
    let mounts = std::fs::read_to_string("/proc/mounts")?.lines().count();
    let data = machine.data();
    Ok(vec![
        count(machine.pool().join("volumes"))?,
        count(machine.pool().join("snapshots"))?,
        count(data.join("run"))?,
        count(data.join("logs"))?,
        mounts,
    ])
}
