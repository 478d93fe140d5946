//! A spinner on the error stream while something takes its time; nothing where nobody watches. And how
//! fast something goes whose bytes are counted.

use crate::failure::Failure;
use crate::output::bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use offshoot_api_types::Progress as ByteProgress;
use offshoot_client::Error as ClientError;
use std::time::{Duration, Instant};

/// How often work under way is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Turns until it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn start(watched: bool, message: impl Into<String>) -> Self {
        let target = if watched {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(ProgressStyle::default_spinner())
            .with_message(message.into());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    pub fn say(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }

    /// Looks at a piece of work again and again until it is over, and says each time how far it is.
    pub(crate) async fn follow<T>(
        &self,
        mut work: T,
        over: impl Fn(&T) -> bool,
        look: impl AsyncFn(&T) -> Result<T, ClientError>,
        mut say: impl FnMut(&T) -> String,
    ) -> Result<T, Failure> {
        while !over(&work) {
            tokio::time::sleep(LOOK).await;
            work = look(&work).await?;
            self.say(say(&work));
        }
        Ok(work)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The pace of a piece of work: measured since it was first seen at work, so that what was there
/// before, or waiting, does not count. Another total is other work.
pub(crate) struct Pace {
    seen: Option<Seen>,
}

struct Seen {
    began: Instant,
    first: i64,
    total: i64,
}

impl Pace {
    pub(crate) fn begin() -> Self {
        Self { seen: None }
    }

    /// `1.5 GiB of 6.0 GiB (25 %), 150.0 MiB/s, 31 s left`.
    pub(crate) fn at(&mut self, at: ByteProgress) -> String {
        let (done, total) = (at.done, at.total);
        let seen = self.seen.take().filter(|seen| seen.total == total);
        let seen = self.seen.insert(seen.unwrap_or(Seen {
            began: Instant::now(),
            first: done,
            total,
        }));
        said(done, total, done - seen.first, seen.began.elapsed())
    }
}

fn said(done: i64, total: i64, lately: i64, took: Duration) -> String {
    if total <= 0 {
        return "beginning".to_owned();
    }
    let mut text = format!(
        "{} of {} ({} %)",
        bytes(done),
        bytes(total),
        i128::from(done) * 100 / i128::from(total)
    );
    let millis = i128::try_from(took.as_millis()).unwrap_or(i128::MAX);
    let rate = i128::from(lately) * 1000 / millis.max(1);
    // A first impression is no measure.
    if took < Duration::from_secs(2) || rate <= 0 {
        return text;
    }
    let left = i128::from(total - done) / rate;
    let rate = bytes(i64::try_from(rate).unwrap_or(i64::MAX));
    text.push_str(&format!(", {rate}/s, {left} s left"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_told_once_it_is_known() {
        const MIB: i64 = 1 << 20;
        let at = |done, lately, seconds| {
            said(
                done * MIB,
                1000 * MIB,
                lately * MIB,
                Duration::from_secs(seconds),
            )
        };
        assert_eq!(said(0, 0, 0, Duration::ZERO), "beginning");
        assert_eq!(at(100, 100, 1), "100.0 MiB of 1000.0 MiB (10 %)");
        let text = "500.0 MiB of 1000.0 MiB (50 %), 40.0 MiB/s, 12 s left";
        // What an earlier try had done is not this one's pace.
        assert_eq!(at(500, 400, 10), text);
        assert_eq!(at(500, 0, 10), "500.0 MiB of 1000.0 MiB (50 %)");
    }
}
