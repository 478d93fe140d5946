//! `offshoot admin`: metadata and master key, for the day the machine is gone.

use super::Context;
use crate::serve::master_key;
use anyhow::{Context as _, Result};
use clap::Subcommand;
use offshoot_store::archive;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write metadata and master key into one private file; works while the server runs
    Backup {
        /// The file to write; one that is there is not overwritten
        file: PathBuf,
    },
    /// Put metadata and master key from such a file into an empty data directory
    Restore {
        /// A file that `admin backup` wrote
        file: PathBuf,
    },
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) async fn run(context: Context, command: Command) -> Result<ExitCode> {
    let dir = &context.dir;
    match command {
        Command::Backup { file } => {
            anyhow::ensure!(
                dir.database().is_file(),
                "there is no metadata in {}: give the data directory of the server with --data-dir",
                dir.root().display()
            );
            let key = master_key(dir)?;
            archive::backup(&dir.database(), &key, &file)
                .await
                .context("cannot back up")?;
            println!(
                "Metadata and master key are in {}. Keep it as you keep keys.",
                file.display()
            );
        }
        Command::Restore { file } => {
            dir.create()?;
            let _lock = dir.lock()?;
            archive::restore(&file, &dir.database(), &dir.master_key())
                .await
                .context("cannot restore")?;
            println!(
                "Metadata and master key of {} are in {}.",
                file.display(),
                dir.root().display()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
