//! apt with a state, a cache and sources of its own. It checks signatures with the keys that the
//! machine's sources name; an empty package database makes it fetch every library that is needed.

use super::answer::{acquire, complaint, is_core, parse_madison, parse_sizes};
use super::sources::Sources;
use super::{InstallError, Phase, Progress};
use crate::engine::bound::bound;
use offshoot_core::engine::{EngineKind, Version};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How often a download is looked at.
const GLANCE: Duration = Duration::from_millis(200);

pub(super) struct Apt {
    place: PathBuf,
}

/// The packages of one engine version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) version: Version,
    /// Installed with all they depend on.
    pub(super) packages: Vec<String>,
    /// Fetched without what they depend on, where the sources have them.
    pub(super) alone: Vec<String>,
}

/// Where a program is, PATH first.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/bin")])
        .map(|d| d.join(name))
        .find(|p| p.is_absolute() && p.is_file())
}

impl Apt {
    pub(super) fn new(place: &Path, sources: &Sources) -> std::io::Result<Self> {
        let place = place.to_owned();
        // Private: the configuration may hold a proxy's password.
        std::fs::DirBuilder::new().mode(0o700).create(&place)?;
        for directory in ["lists/partial", "cache/archives/partial", "state"] {
            std::fs::create_dir_all(place.join(directory))?;
        }
        std::fs::write(place.join("status"), "")?;
        std::fs::write(place.join("own.sources"), sources.to_deb822())?;
        let apt = Self { place };
        apt.configure()?;
        Ok(apt)
    }

    pub(super) fn archives(&self) -> PathBuf {
        self.place.join("cache/archives")
    }

    /// Fetches the index.
    pub(super) fn update(&self, kind: EngineKind) -> Result<(), InstallError> {
        let output = self.run("apt-get", &["-q", "update"], kind)?;
        if output.status.success() {
            return Ok(());
        }
        Err(InstallError::Index {
            kind,
            reason: reason(&output),
        })
    }

    /// The newest version that is new enough, and the packages it comes in.
    pub(super) fn candidate(&self, kind: EngineKind) -> Result<Option<Choice>, InstallError> {
        let stem = kind.as_str();
        let prefix = format!("{stem}-server-core");
        let names = self.lines("apt-cache", &["pkgnames", stem], kind)?;
        let servers: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|n| is_core(n, &prefix))
            .collect();
        if servers.is_empty() {
            return Ok(None);
        }
        let mut arguments = vec!["madison"];
        arguments.extend(&servers);
        let table = self.lines("apt-cache", &arguments, kind)?;
        let best = table
            .iter()
            .filter_map(|line| parse_madison(line))
            .filter(|(_, version)| *version >= kind.oldest())
            .max_by_key(|(_, version)| *version);
        let Some((server, version)) = best else {
            return Ok(None);
        };
        let suffix = &server[prefix.len()..];
        let known = |n: &String| names.contains(n);
        let mut packages = vec![server.to_owned()];
        packages.extend(Some(format!("{stem}-client-core{suffix}")).filter(known));
        packages.extend(Some(format!("{stem}-backup{suffix}")).filter(known));
        // The dump program of MariaDB is in the large client package, whose further needs are perl's.
        let mut alone: Vec<String> = Some(format!("mariadb-client{suffix}"))
            .filter(|_| kind == EngineKind::Mariadb)
            .filter(known)
            .into_iter()
            .collect();
        if !Path::new("/usr/share/zoneinfo/UTC").exists() {
            alone.push("tzdata".to_owned());
        }
        Ok(Some(Choice {
            version,
            packages,
            alone,
        }))
    }

    /// Fetches the packages into [`Apt::archives`].
    pub(super) fn fetch(
        &self,
        kind: EngineKind,
        choice: &Choice,
        progress: &dyn Progress,
    ) -> Result<(), InstallError> {
        let mut wanted = vec!["-qq", "--print-uris", "--no-install-recommends", "install"];
        wanted.extend(choice.packages.iter().map(String::as_str));
        let mut alone = vec!["-qq", "--print-uris", "download"];
        alone.extend(choice.alone.iter().map(String::as_str));
        let mut sizes = parse_sizes(&self.lines("apt-get", &wanted, kind)?);
        if !choice.alone.is_empty() {
            sizes.extend(parse_sizes(&self.lines("apt-get", &alone, kind)?));
        }
        let all = (sizes.len(), sizes.iter().sum());
        let mut arguments = vec![
            "-q",
            "-y",
            "--download-only",
            "--no-install-recommends",
            "install",
        ];
        arguments.extend(choice.packages.iter().map(String::as_str));
        self.download(&arguments, kind, all, progress)?;
        if !choice.alone.is_empty() {
            let mut arguments = vec!["-q", "download"];
            arguments.extend(choice.alone.iter().map(String::as_str));
            self.download(&arguments, kind, all, progress)?;
        }
        Ok(())
    }

    fn download(
        &self,
        arguments: &[&str],
        kind: EngineKind,
        (packages, total): (usize, u64),
        progress: &dyn Progress,
    ) -> Result<(), InstallError> {
        let failed = |e: std::io::Error| InstallError::Download {
            kind,
            reason: e.to_string(),
        };
        let words = self.place.join("words");
        let log = std::fs::File::create(&words).map_err(failed)?;
        let mut child = self
            .command("apt-get", arguments)
            .current_dir(self.archives())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            let (done, bytes) = self.fetched();
            progress.report(Phase::Download {
                done,
                packages,
                bytes,
                total,
            });
            std::thread::sleep(GLANCE);
        };
        let (done, bytes) = self.fetched();
        progress.report(Phase::Download {
            done,
            packages,
            bytes,
            total,
        });
        if status.success() {
            return Ok(());
        }
        let text = std::fs::read_to_string(words).unwrap_or_default();
        Err(InstallError::Download {
            kind,
            reason: complaint(&text).unwrap_or_else(|| format!("apt-get {status}")),
        })
    }

    /// Whole packages fetched so far, and bytes with those that are under way.
    fn fetched(&self) -> (usize, u64) {
        let sizes = |directory: PathBuf| -> Vec<u64> {
            let entries = std::fs::read_dir(directory).into_iter().flatten();
            entries
                .filter_map(|e| e.ok()?.metadata().ok())
                .filter(|m| m.is_file() && m.len() > 0)
                .map(|m| m.len())
                .collect()
        };
        let whole = sizes(self.archives());
        let partial = sizes(self.archives().join("partial"));
        let bytes = whole.iter().chain(&partial).sum();
        (whole.len(), bytes)
    }

    fn lines(
        &self,
        name: &str,
        arguments: &[&str],
        kind: EngineKind,
    ) -> Result<Vec<String>, InstallError> {
        let output = self.run(name, arguments, kind)?;
        if !output.status.success() {
            return Err(InstallError::Index {
                kind,
                reason: reason(&output),
            });
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn run(
        &self,
        name: &str,
        arguments: &[&str],
        kind: EngineKind,
    ) -> Result<Output, InstallError> {
        self.command(name, arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| InstallError::Index {
                kind,
                reason: format!("{name}: {e}"),
            })
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = plain(name);
        command
            .env("APT_CONFIG", self.place.join("apt.conf"))
            .args(arguments);
        command
    }

    /// A configuration of our own, so that no hook of the machine runs. Only how mirrors are reached
    /// (proxies, certificates, time-outs) is taken over; passwords in `auth.conf` apply by themselves.
    fn configure(&self) -> std::io::Result<()> {
        let dump = plain("apt-config")
            .arg("dump")
            .stdin(Stdio::null())
            .output()?;
        let at = |name: &str| self.place.join(name).display().to_string();
        let mut text = String::new();
        for (name, value) in [
            ("Dir::Etc::main", "/dev/null".to_owned()),
            ("Dir::Etc::parts", "/dev/null".to_owned()),
            ("Dir::Etc::preferences", "/dev/null".to_owned()),
            ("Dir::Etc::preferencesparts", "/dev/null".to_owned()),
            ("Dir::Etc::sourcelist", at("own.sources")),
            ("Dir::Etc::sourceparts", "/dev/null".to_owned()),
            ("Dir::State", at("state")),
            ("Dir::State::status", at("status")),
            ("Dir::State::lists", at("lists")),
            ("Dir::Cache", at("cache")),
            ("Dir::Cache::archives", at("cache/archives")),
            ("Dir::Log", at("state")),
            ("Debug::NoLocking", "true".to_owned()),
            // The directory is private, and what is fetched is checked before it is used.
            ("APT::Sandbox::User", "".to_owned()),
            ("APT::Update::Error-Mode", "any".to_owned()),
            ("APT::Install-Recommends", "false".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::Retries", "2".to_owned()),
        ] {
            text.push_str(&format!("{name} \"{value}\";\n"));
        }
        text.push_str(&acquire(&String::from_utf8_lossy(&dump.stdout)));
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.place.join("apt.conf"))?
            .write_all(text.as_bytes())
    }
}

fn plain(name: &str) -> Command {
    let mut command = Command::new(program(name).unwrap_or_else(|| name.into()));
    command
        .env("LC_ALL", "C")
        .env("DEBIAN_FRONTEND", "noninteractive");
    bound(&mut command);
    command
}

fn reason(output: &Output) -> String {
    complaint(&String::from_utf8_lossy(&output.stderr))
        .unwrap_or_else(|| format!("apt {}", output.status))
}
