//! A pinger on the parent: every millisecond one `SELECT 1`, and the longest it waited in each window.

use super::load::Load;
use super::{gone, seeded};
use crate::server::{ORG, Server, connect, milliseconds};
use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use offshoot_api_types::Password;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Before the first window: the load has to get going.
const WARM_UP: Duration = Duration::from_secs(3);

/// Live branches, one in each window.
pub(super) struct Shoot<'a> {
    pub(super) server: &'a Server,
    pub(super) database: &'a str,
    pub(super) shots: usize,
    pub(super) between: Duration,
}

pub(super) struct Watched {
    /// Longest answer in each window, in milliseconds.
    pub(super) stalls: Vec<f64>,
    /// How long the engine stood still, as Offshoot says, in milliseconds.
    pub(super) pauses: Vec<u64>,
    /// 99th percentile of all answers, in milliseconds.
    pub(super) p99: f64,
    /// By which means the parent was copied.
    pub(super) methods: Vec<String>,
    /// Request to first row of each live branch, in milliseconds.
    pub(super) ready: Vec<f64>,
    /// Of the load.
    pub(super) tps: f64,
}

/// Runs the load for `time`, with live branches of the parent or without.
pub(super) async fn watch(
    load: &Load,
    main: &Password,
    tables: u32,
    rows: u64,
    time: Duration,
    shoot: Option<&Shoot<'_>>,
) -> Result<Watched> {
    let running = load.start(tables, rows, time + WARM_UP)?;
    tokio::time::sleep(WARM_UP).await;
    let (pings, over) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(AtomicBool::new(false)),
    );
    let pinger = tokio::spawn(ping(main.clone(), Arc::clone(&pings), Arc::clone(&over)));
    let windows = match shoot {
        Some(shoot) => shoot.shots,
        None => usize::try_from(time.as_secs() / super::BETWEEN.as_secs())?,
    };
    let (mut stalls, mut pauses, mut ready) = (Vec::new(), Vec::new(), Vec::new());
    let (mut all, mut methods) = (Vec::new(), Vec::new());
    for n in 0..windows {
        let began = Instant::now();
        if let Some(shoot) = shoot {
            let branch = format!("shot{n}");
            let (took, _) = seeded(shoot.server, shoot.database, &branch, "live").await?;
            ready.push(took);
            let client = &shoot.server.client;
            let made = client.show_branch(ORG, shoot.database, &branch).await?;
            let copied = made.origin.and_then(|o| o.copied);
            let copied = copied.context("a live branch says how it was copied")?;
            pauses.push(copied.pause_ms);
            methods.push(copied.method);
            gone(shoot.server, shoot.database, &branch).await?;
        }
        let between = shoot.map_or(super::BETWEEN, |s| s.between);
        tokio::time::sleep(between.saturating_sub(began.elapsed())).await;
        let mut seen = pings
            .lock()
            .map_err(|_| anyhow::anyhow!("the pinger died"))?;
        stalls.push(seen.iter().copied().fold(0.0, f64::max));
        all.append(&mut seen);
    }
    over.store(true, Ordering::Relaxed);
    pinger.await??;
    let tps = tokio::task::spawn_blocking(move || running.end()).await??;
    Ok(Watched {
        stalls,
        p99: p99(all),
        methods,
        pauses,
        ready,
        tps,
    })
}

fn p99(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    let at = all.len() * 99 / 100;
    all.get(at).or(all.last()).copied().unwrap_or_default()
}

async fn ping(way: Password, pings: Arc<Mutex<Vec<f64>>>, over: Arc<AtomicBool>) -> Result<()> {
    let mut session = connect(&way).await?;
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        session.query_drop("SELECT 1").await?;
        let took = milliseconds(began);
        if let Ok(mut seen) = pings.lock() {
            seen.push(took);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(session.disconnect().await?)
}

#[cfg(test)]
mod tests {
    use super::p99;

    #[test]
    fn the_percentile_is_that_of_all_answers() {
        assert_eq!(p99((1..=200).map(f64::from).collect()), 199.0);
        assert_eq!(p99(vec![7.0]), 7.0);
        assert_eq!(p99(Vec::new()), 0.0);
    }
}
