//! Completion scripts.

use crate::failure::Failure;
use crate::local::Local;
use crate::terminal::Terminal;
use clap::Args;
use clap_complete::Shell;
use std::io::Write;

#[derive(Debug, Args)]
pub struct Completion {
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(
    completion: &Completion,
    local: &Local,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut tree = (local.tree)();
    let name = tree.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, &mut tree, name, &mut script);
    terminal.out.write_all(&script)?;
    Ok(())
}
