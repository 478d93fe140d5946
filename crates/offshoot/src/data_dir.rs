//! The data directory: where everything that Offshoot keeps on this machine lies.
//!
//! ```text
//! lock          held while a server runs
//! master.key    seals what must be readable again (0600)
//! backup.key    seals off-site copies of backups, once it was made (0600)
//! root-token    `id:token` of the first start, found by the CLI on this machine (0600)
//! admin-password `email:password` of the first user, to be changed or deleted (0600)
//! offshoot.db   metadata (SQLite)
//! tls/          private CA and certificate
//! engines/      managed engines
//! pool/         volumes, unless the configuration names another place
//! run/, logs/   of instances
//! backups/      copies of the metadata from before an upgrade, archived binlogs (0700)
//! ```

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For how long what a killed server left behind may have the lock.
const REMAINS: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// Held for as long as a server works on the directory.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl DataDir {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// `/var/lib/offshoot` for root, else `$XDG_DATA_HOME/offshoot` or `~/.local/share/offshoot`.
    pub(crate) fn default_root() -> Result<PathBuf> {
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from("/var/lib/offshoot"));
        }
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        match (absolute("XDG_DATA_HOME"), absolute("HOME")) {
            (Some(data), _) => Ok(data.join("offshoot")),
            (None, Some(home)) => Ok(home.join(".local/share/offshoot")),
            (None, None) => bail!("neither XDG_DATA_HOME nor HOME is set: give --data-dir"),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn master_key(&self) -> PathBuf {
        self.root.join("master.key")
    }

    pub(crate) fn backup_key(&self) -> PathBuf {
        self.root.join("backup.key")
    }

    pub(crate) fn root_token(&self) -> PathBuf {
        self.root.join("root-token")
    }

    pub(crate) fn admin_password(&self) -> PathBuf {
        self.root.join("admin-password")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("offshoot.db")
    }

    pub(crate) fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    pub(crate) fn engines(&self) -> PathBuf {
        self.root.join("engines")
    }

    pub(crate) fn pool(&self) -> PathBuf {
        self.root.join("pool")
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Copies of the metadata from before each upgrade of their schema.
    pub(crate) fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// Archived binlogs of production branches.
    pub(crate) fn binlogs(&self) -> PathBuf {
        self.backups().join("binlogs")
    }

    /// Makes the directory and those in it. Its mode is 0711: engines run as other users and have
    /// to pass through, but nobody may list it.
    pub(crate) fn create(&self) -> Result<()> {
        for (dir, mode) in [
            (self.root.clone(), 0o711),
            (self.run(), 0o711),
            (self.engines(), 0o755),
            (self.logs(), 0o700),
            (self.tls(), 0o700),
            (self.backups(), 0o700),
            (self.binlogs(), 0o700),
        ] {
            make(&dir, mode)?;
        }
        Ok(())
    }

    /// Makes the database file, empty, for its owner alone: SQLite gives its other files the mode of the first.
    pub(crate) fn create_database(&self) -> Result<()> {
        let path = self.database();
        let made = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path);
        made.map(drop)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// A server has worked here at some time.
    pub(crate) fn locked_before(&self) -> bool {
        self.root.join("lock").is_file()
    }

    /// The process that works on the directory now.
    pub(crate) fn holder(&self) -> Result<Option<Pid>> {
        let path = self.root.join("lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
        };
        if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        pid.map(Some)
            .with_context(|| format!("{} is held, but does not say by whom", path.display()))
    }

    /// Takes the lock, or says who has it. A holder that was killed may have left a child behind that is
    /// about to become another program, and has the lock until then: that is waited for.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let path = self.root.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| {
                format!("cannot write in the data directory {}", self.root.display())
            })?;
        let until = Instant::now() + REMAINS;
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            if runs(&holder) || Instant::now() >= until {
                bail!(
                    "another Offshoot (process {}) works on the data directory {}: stop it, or give another one with --data-dir",
                    holder.trim(),
                    self.root.display()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        Ok(Lock { _file: file })
    }
}

/// The process whose id was written into the lock is there.
fn runs(holder: &str) -> bool {
    let pid = holder.trim().parse().ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Makes a directory with exactly this mode; one that exists keeps its content.
fn make(dir: &Path, mode: u32) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(dir)
        .with_context(|| {
            format!(
                "cannot make the directory {}: give a writable one with --data-dir",
                dir.display()
            )
        })?;
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).with_context(|| {
        format!(
            "the directory {} belongs to another user: give one of your own with --data-dir",
            dir.display()
        )
    })
}

/// Reads a file with a secret in it. Refused when others may read it.
pub(crate) fn read_private(path: &Path) -> Result<String> {
    let shown = path.display();
    let mode = fs::metadata(path)
        .with_context(|| format!("cannot read {shown}"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "{shown} may be read by others (mode {:o}); run: chmod 600 {shown}",
            mode & 0o777
        );
    }
    fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))
}

/// Writes a file that only its owner can read: whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let parent = path.parent().context("a file has a directory")?;
    let staged = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&staged)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&staged, path)?;
        File::open(parent)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_second_server_is_turned_away_and_a_private_file_is_private() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("data"));
        dir.create().unwrap();
        let held = dir.lock().unwrap();
        let refused = dir.lock().unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {}", std::process::id())),
            "{refused}"
        );
        let holder = dir.holder().unwrap().unwrap();
        assert_eq!(
            holder.as_raw_nonzero().get().unsigned_abs(),
            std::process::id()
        );
        drop(held);
        assert_eq!(dir.holder().unwrap(), None);
        dir.lock().unwrap();

        write_private(&dir.root_token(), b"id:token").unwrap();
        let mode = fs::metadata(dir.root_token()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        // What a killed server left behind is waited for. In this test, because a child that another
        // one starts beside it would be just that.
        let mut killed = Command::new("true").spawn().unwrap();
        killed.wait().unwrap();
        let held = dir.lock().unwrap();
        fs::write(dir.root.join("lock"), killed.id().to_string()).unwrap();
        let kept = held._file.try_clone().unwrap();
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(kept)
            .spawn()
            .unwrap();
        drop(held);
        assert!(dir.holder().unwrap().is_some());
        let ends = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(child.stdin.take());
            child.wait().unwrap();
        });
        dir.lock().unwrap();
        ends.join().unwrap();
    }
}
