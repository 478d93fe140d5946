//! Steps with their times, for people.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::future::Future;
use std::time::{Duration, Instant};

/// Width of a step's text; times stand in one column behind it.
const WIDTH: usize = 70;

#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Runs one step under a spinner and prints how long it took.
    pub(crate) async fn step<T>(
        &mut self,
        label: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let spinner = ProgressBar::new_spinner()
            .with_style(
                ProgressStyle::with_template("{spinner} {msg}").expect("the template is fixed"),
            )
            .with_message(label.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        let began = Instant::now();
        let result = work.await.with_context(|| format!("could not {label}"));
        spinner.finish_and_clear();
        if result.is_ok() {
            self.record(label, began.elapsed());
        }
        result
    }

    /// A step whose time was taken elsewhere.
    #[expect(clippy::print_stdout, reason = "this is what the command is for")]
    pub(crate) fn record(&mut self, label: &str, took: Duration) {
        println!("  {label:<WIDTH$} {:>7.2} s", took.as_secs_f64());
        self.done.push((label.to_owned(), took));
    }

    pub(crate) fn total(&self) -> Duration {
        self.done.iter().map(|(_, took)| *took).sum()
    }
}
