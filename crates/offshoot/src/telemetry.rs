//! Logs to standard error and metrics for `/metrics`.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
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

/// Installs the recorder behind the `metrics` facade; its handle renders the Prometheus text.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .install_recorder()
        .context("cannot install the metrics recorder")
}
