//! `--web` of `pscale`, which opens a browser.

use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use std::io::Write;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Web {
    /// Accepted for compatibility: there is no web page to open, so it says so and goes on
    #[arg(short = 'w', long, hide = true)]
    web: bool,
}

impl Web {
    pub(crate) fn explain(self, session: &mut Session<'_>) -> Result<(), Failure> {
        if self.web {
            let text = "--web: this server has no web page to open; here is what it would show.";
            writeln!(session.output.terminal.err, "{text}")?;
        }
        Ok(())
    }
}
