//! `branch logs`.

use crate::branch::At;
use crate::failure::Failure;
use crate::output::plain;
use crate::session::Session;
use crate::tunnel::Place;
use clap::Args;

#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    at: At,
    /// Number of lines, at most 1000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    lines: u32,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Logs) -> Result<(), Failure> {
    let Place { database, branch } = &args.at.place(session)?;
    let logs = session
        .client
        .branch_logs(&session.org, database, branch, args.lines)
        .await?;
    if !session.output.human() {
        return session.output.json(&logs.lines);
    }
    for line in &logs.lines {
        session.output.text(&plain(line))?;
    }
    Ok(())
}
