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
    /// `p50 / baseline_p50`; of measurements in rounds, the median of each round's ratio.
    pub(crate) ratio: Option<f64>,
    /// The engine alone, without anything in between, where that was measured too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) direct_p50: Option<f64>,
    /// As `ratio`, to the engine alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) direct_ratio: Option<f64>,
}

/// What a benchmark found out.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    pub(crate) failed: Vec<Failed>,
}

/// A quantity that could not be measured.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) name: String,
    /// What it failed at is this project's; a peer that cannot be measured is no failure of the run.
    pub(crate) ours: bool,
    pub(crate) reason: String,
}

impl From<Vec<Row>> for Measured {
    fn from(rows: Vec<Row>) -> Self {
        Self {
            rows,
            failed: Vec::new(),
        }
    }
}

impl Measured {
    pub(crate) fn add<const N: usize>(&mut self, result: Result<[Row; N], Failed>) {
        match result {
            Ok(rows) => self.rows.extend(rows),
            Err(failed) => self.failed.push(failed),
        }
    }

    /// A part that adds its rows itself, of which some may be there when it fails.
    pub(crate) fn part(&mut self, name: &str, result: anyhow::Result<()>) {
        if let Err(error) = result {
            self.failed.push(Failed {
                name: name.to_owned(),
                ours: true,
                reason: format!("{error:#}"),
            });
        }
    }
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
            direct_p50: None,
            direct_ratio: None,
        }
    }

    pub(crate) fn against(mut self, baseline: &Row) -> Self {
        self.baseline = Some(baseline.name.clone());
        self.baseline_p50 = Some(baseline.p50);
        self.ratio = Some(self.p50 / baseline.p50);
        self
    }

    /// Compares with what was measured in the same rounds.
    ///
    /// # Panics
    /// When the baseline was not measured in every round.
    pub(crate) fn against_rounds(mut self, rounds: &[f64], name: &str, baseline: &[f64]) -> Self {
        self.baseline = Some(name.to_owned());
        self.baseline_p50 = Some(median(baseline));
        self.ratio = Some(ratio(rounds, baseline));
        self
    }

    /// As [`Row::against_rounds`], for the engine alone.
    pub(crate) fn beside_direct(mut self, rounds: &[f64], direct: &[f64]) -> Self {
        self.direct_p50 = Some(median(direct));
        self.direct_ratio = Some(ratio(rounds, direct));
        self
    }
}

/// Median of each round's ratio: what disturbs a round disturbs both.
fn ratio(rounds: &[f64], others: &[f64]) -> f64 {
    assert_eq!(
        rounds.len(),
        others.len(),
        "both are measured in each round"
    );
    let ratios: Vec<f64> = rounds.iter().zip(others).map(|(a, b)| a / b).collect();
    median(&ratios)
}

/// The middle one; of an even number the mean of both.
fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
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
        "name", "engine", "unit", "n", "p50", "p95", "p99", "max", "baseline", "ratio", "direct",
        "ratio",
    ]);
    let optional = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |v| format!("{v:.digits$}"))
    };
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
            optional(row.ratio, 2),
            optional(row.direct_p50, 1),
            optional(row.direct_ratio, 2),
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

    #[test]
    fn rounds_are_compared_one_by_one() {
        let ours = [10.0, 40.0, 30.0];
        let row = Row::new("x", "mysql-9.7.4", "queries/s", &ours)
            .against_rounds(&ours, "haproxy", &[20.0, 20.0, 20.0])
            .beside_direct(&ours, &[20.0, 80.0, 120.0]);
        assert_eq!((row.ratio, row.baseline_p50), (Some(1.5), Some(20.0)));
        assert_eq!((row.direct_ratio, row.direct_p50), (Some(0.5), Some(80.0)));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
