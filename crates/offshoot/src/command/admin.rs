//! `offshoot admin`: metadata and master key, for the day the machine is gone; the end of a server,
//! with or without its engines; its unit for systemd.

use super::Context;
use crate::data_dir::DataDir;
use crate::serve::master_key;
use anyhow::{Context as _, Result};
use clap::Subcommand;
use offshoot_archive::BackupKey;
use offshoot_store::archive;
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
    /// Make the key that off-site copies of backups are sealed with; say which one it is where there is one
    BackupKey {
        /// Where it is kept [default: as configured, else backup.key in the data directory]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// End the server and leave its engines running, for the next one to adopt: an upgrade
    Handover,
    /// End the server and its engines
    Stop,
    /// Print a unit file for systemd, for this program and data directory
    SystemdUnit,
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
        Command::BackupKey { file } => {
            let path = file.unwrap_or_else(|| context.config.backups.key_file(dir));
            println!("{}", backup_key(dir, &path)?);
        }
        Command::Handover => {
            let pid = end(dir, Signal::USR2).await?;
            println!(
                "The server (process {pid}) has ended, its engines go on. The next `offshoot serve` on {} adopts them.",
                dir.root().display()
            );
        }
        Command::Stop => {
            let pid = end(dir, Signal::INT).await?;
            println!("The server (process {pid}) and its engines have ended.");
        }
        Command::SystemdUnit => print!("{}", unit(dir)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// The key itself is never printed: it goes from file to file.
fn backup_key(dir: &DataDir, path: &Path) -> Result<String> {
    let shown = path.display();
    if path.exists() {
        let key = BackupKey::read(path)?;
        return Ok(format!("{shown} holds backup key {}.", key.id()));
    }
    if path == dir.backup_key() {
        dir.create()?;
    }
    let key = BackupKey::generate()?;
    key.write_new(path)?;
    Ok(format!(
        "{shown} holds backup key {} now. Keep a copy of the file where neither this machine nor the \
         store can take it along: without it nobody reads the off-site copies.",
        key.id()
    ))
}

/// Longest that a server is waited for: running commands have their grace, engines write.
const END: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(50);

/// Tells the server on this data directory to end, and waits until it has.
async fn end(dir: &DataDir, signal: Signal) -> Result<i32> {
    let none = || format!("no server works on {}", dir.root().display());
    let pid = dir.holder()?.with_context(none)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).with_context(none)?;
    // The lock is still held: the number did not change its process.
    anyhow::ensure!(dir.holder()? == Some(pid), none());
    pidfd_send_signal(&process, signal).with_context(|| {
        format!(
            "cannot signal process {}: run this as its user",
            pid.as_raw_nonzero()
        )
    })?;
    let gone = async {
        while dir.holder()? == Some(pid) {
            tokio::time::sleep(LOOK).await;
        }
        Ok::<(), anyhow::Error>(())
    };
    let waited = tokio::time::timeout(END, gone).await;
    waited.with_context(|| {
        format!(
            "process {} has not ended yet; its log says why",
            pid.as_raw_nonzero()
        )
    })??;
    Ok(pid.as_raw_nonzero().get())
}

/// `packaging/offshoot.service` with the paths of this machine.
fn unit(dir: &DataDir) -> Result<String> {
    const UNIT: &str = include_str!("../../../../packaging/offshoot.service");
    const PROGRAM: &str = "/usr/local/bin/offshoot";
    const DATA: &str = "/var/lib/offshoot";
    let program = std::env::current_exe().context("this program does not know its path")?;
    let (program, root) = (
        program.display().to_string(),
        dir.root().display().to_string(),
    );
    let spaced = [&program, &root]
        .into_iter()
        .find(|path| path.contains(char::is_whitespace));
    if let Some(path) = spaced {
        anyhow::bail!("{path} has a space in it, which a unit file cannot name plainly: move it");
    }
    let mut unit = UNIT.replace(PROGRAM, &program);
    if root != DATA {
        // systemd makes only what is below its own state directory.
        unit = unit
            .lines()
            .filter(|line| !line.starts_with("StateDirectory"))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
            .replace(DATA, &root);
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_key_is_made_once_and_told_of_afterwards() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("data"));
        let made = backup_key(&dir, &dir.backup_key()).unwrap();
        let id = BackupKey::read(&dir.backup_key()).unwrap().id().to_string();
        assert!(made.contains(&id) && made.contains("Keep a copy"), "{made}");
        let again = backup_key(&dir, &dir.backup_key()).unwrap();
        assert!(again.contains(&id) && !again.contains("now"), "{again}");
        let secret = std::fs::read_to_string(dir.backup_key()).unwrap();
        assert!(!made.contains(secret.trim()) && !again.contains(secret.trim()));
    }

    #[test]
    fn the_unit_names_this_program_and_data_directory() {
        let usual = unit(&DataDir::new("/var/lib/offshoot".into())).unwrap();
        assert!(usual.contains("StateDirectory=offshoot"));
        let own = unit(&DataDir::new("/srv/branches".into())).unwrap();
        assert!(own.contains("OFFSHOOT_DATA_DIR=/srv/branches"), "{own}");
        assert!(
            !own.contains("StateDirectory") && !own.contains("/var/lib/offshoot"),
            "{own}"
        );
        let program = std::env::current_exe().unwrap();
        assert!(own.contains(&format!(
            "ExecStart={} serve --keep-engines",
            program.display()
        )));
        assert!(unit(&DataDir::new("/srv/my branches".into())).is_err());
    }
}
