//! What a benchmark says: rows of percentiles beside a baseline of the same run, as a table and as JSON.

use anyhow::{Context, Result};
use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};
use serde::Serialize;
use std::path::Path;

/// One measured quantity. Times in milliseconds, sizes in MiB, as `unit` says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Stable: later runs are compared by it.
    pub(crate) name: String,
    pub(crate) engine: String,
    pub(crate) unit: &'static str,
    pub(crate) n: usize,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// What it is compared with, where there is something.
    pub(crate) baseline: Option<String>,
    pub(crate) baseline_p50: Option<f64>,
    /// `p50 / baseline_p50`.
    pub(crate) ratio: Option<f64>,
}

impl Row {
    /// # Panics
    /// When there are no samples: a benchmark without a measurement has nothing to say.
    pub(crate) fn new(name: &str, engine: &str, unit: &'static str, samples: &[f64]) -> Self {
        assert!(!samples.is_empty(), "{name} was not measured");
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
        Self {
            name: name.to_owned(),
            engine: engine.to_owned(),
            unit,
            n: sorted.len(),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: sorted[sorted.len() - 1],
            baseline: None,
            baseline_p50: None,
            ratio: None,
        }
    }

    pub(crate) fn against(mut self, baseline: &Row) -> Self {
        self.baseline = Some(baseline.name.clone());
        self.baseline_p50 = Some(baseline.p50);
        self.ratio = Some(self.p50 / baseline.p50);
        self
    }
}

/// Columns without lines, a rule below the headings.
const LOOK: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('-'))
    .content_lines(ContentLineStyle::none());

/// The table for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table
        .load_style(LOOK)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "name", "engine", "unit", "n", "p50", "p95", "p99", "max", "baseline", "ratio",
    ]);
    for row in rows {
        table.add_row([
            row.name.clone(),
            row.engine.clone(),
            row.unit.to_owned(),
            row.n.to_string(),
            format!("{:.1}", row.p50),
            format!("{:.1}", row.p95),
            format!("{:.1}", row.p99),
            format!("{:.1}", row.max),
            row.baseline_p50.map_or_else(String::new, |b| {
                format!("{} {b:.1}", row.baseline.as_deref().unwrap_or_default())
            }),
            row.ratio.map_or_else(String::new, |r| format!("{r:.2}")),
        ]);
    }
    table.to_string()
}

pub(crate) fn write_json(rows: &[Row], path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(rows)?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_samples() {
        let base = Row::new("raw", "mysql-9.7.4", "ms", &[10.0, 30.0, 20.0]);
        assert_eq!((base.p50, base.max), (20.0, 30.0));
        let row = Row::new("x", "mysql-9.7.4", "ms", &[25.0]).against(&base);
        assert_eq!(row.ratio, Some(1.25));
    }
}
