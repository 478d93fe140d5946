//! Logs to standard error and metrics for `/metrics`.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How logs are written: for people on a terminal, as JSON lines elsewhere.
///
/// `OFFSHOOT_LOG` filters, such as `info,offshoot_gateway=debug`; the default is `default`.
pub(crate) fn logs(default: &str) {
    let filter =
        EnvFilter::try_from_env("OFFSHOOT_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.with_target(false).init();
    } else {
        builder.json().flatten_event(true).init();
    }
}

/// Upper bounds of the histograms' buckets, in seconds: from an answer out of memory to an engine's
/// first start on a slow disk.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
/// How often samples become buckets. Until then they take memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder behind the `metrics` facade; its handle renders the Prometheus text. Meters
/// that were made before count nothing.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()
        .context("cannot install the metrics recorder")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
