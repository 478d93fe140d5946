//! What was done: for who watches while it goes on, and at the end.

use crate::output::{Cell, KEEP, Row, Shown};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use offshoot_wire::script::{Change, describe};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters that all threads of an import write to.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Bytes of files that were read, as they are stored.
    pub(crate) read: Arc<AtomicU64>,
    statements: AtomicU64,
    bytes: AtomicU64,
    table: Mutex<String>,
    changes: Mutex<BTreeMap<Change, u64>>,
    began: Instant,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            read: Arc::default(),
            statements: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            table: Mutex::default(),
            changes: Mutex::default(),
            began: Instant::now(),
        })
    }

    pub(super) fn done(&self, bytes: usize) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn at_table(&self, table: &str) {
        let mut now = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.clone_into(&mut now);
    }

    pub(super) fn changed(&self, changes: &BTreeMap<Change, u64>) {
        let mut all = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        for (change, count) in changes {
            *all.entry(*change).or_default() += count;
        }
    }

    /// Draws how far it is until it is dropped; for ever.
    pub(crate) async fn draw(&self, total: Option<u64>) {
        const EVERY: Duration = Duration::from_millis(200);
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left, {msg}",
            None => "{spinner} {bytes} {bytes_per_sec}, {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let bar = Cleared(bar);
        loop {
            bar.0.set_position(self.read.load(Ordering::Relaxed));
            bar.0.set_message(self.message());
            tokio::time::sleep(EVERY).await;
        }
    }

    fn message(&self) -> String {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let statements = self.statements.load(Ordering::Relaxed);
        format!("{statements} statements {}", crate::output::plain(&table))
    }

    pub(crate) fn report(&self, dump: &str, database: &str, branch: &str) -> Report {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            dump: dump.to_owned(),
            database: database.to_owned(),
            branch: branch.to_owned(),
            statements: self.statements.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_read: self.read.load(Ordering::Relaxed),
            seconds: (self.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            changes: changes
                .iter()
                .map(|(change, count)| (change.as_str(), *count))
                .collect(),
            told: changes.iter().map(|(c, n)| describe(*c, *n)).collect(),
        }
    }
}

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A dump that was loaded.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    dump: String,
    database: String,
    branch: String,
    statements: u64,
    /// Bytes of statements.
    bytes: u64,
    /// Bytes of files, as they are stored.
    bytes_read: u64,
    seconds: f64,
    /// What was changed, by kind.
    changes: BTreeMap<&'static str, u64>,
    #[serde(skip)]
    told: Vec<String>,
}

impl Report {
    pub(crate) fn sentence(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let mib = self.bytes as f64 / f64::from(1 << 20);
        let rate = mib / self.seconds.max(0.001);
        let mut text = format!(
            "{} was imported into branch {} of {}: {} statements, {mib:.1} MiB in {:.1} s ({rate:.1} MiB/s).",
            self.dump, self.branch, self.database, self.statements, self.seconds
        );
        for line in &self.told {
            text.push_str(&format!("\n  {line}"));
        }
        text
    }
}

impl Row for Report {
    const COLUMNS: &'static [&'static str] = &[
        "dump",
        "database",
        "branch",
        "statements",
        "bytes",
        "seconds",
    ];
    const SHOWN: &'static [Shown] = &[
        ("dump", KEEP),
        ("database", KEEP),
        ("branch", KEEP),
        ("statements", KEEP),
        ("bytes", KEEP),
        ("seconds", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let number = |n: u64| Cell::Number(i64::try_from(n).unwrap_or(i64::MAX));
        vec![
            Cell::text(&self.dump),
            Cell::text(&self.database),
            Cell::text(&self.branch),
            number(self.statements),
            number(self.bytes),
            Cell::text(format!("{:.3}", self.seconds)),
        ]
    }
}
