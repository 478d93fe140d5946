//! `man`: manual pages from the command tree.

use crate::failure::Failure;
use crate::local::Local;
use crate::terminal::Terminal;
use clap::Args;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Man {
    /// Directory to write a page for every command into [default: print the first page]
    directory: Option<PathBuf>,
}

pub(crate) fn run(args: &Man, local: &Local, terminal: &mut Terminal) -> Result<(), Failure> {
    let tree = (local.tree)().disable_help_subcommand(true);
    let Some(directory) = &args.directory else {
        clap_mangen::Man::new(tree).render(&mut terminal.out)?;
        return Ok(());
    };
    let failed = |source| Failure::File {
        path: directory.clone(),
        source,
    };
    fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(tree, directory).map_err(failed)?;
    let text = format!("The pages are in {}.", directory.display());
    writeln!(terminal.err, "{text}")?;
    Ok(())
}
