//! apt with a state, a cache and sources of its own. It checks signatures with the keys that the
//! machine's sources name; an empty package database makes it fetch every library that is needed.

use super::sources::Sources;
use super::{InstallError, Phase, Progress};
use crate::engine::probe::leading_version;
use offshoot_core::engine::{EngineKind, Version};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How often a download is looked at.
const GLANCE: Duration = Duration::from_millis(200);
/// What of apt's words goes into a reason.
const WORDS_MAX: usize = 400;
/// Configuration of the machine that is also ours: how its mirrors are reached. Which indexes it
/// fetches is not.
const ACQUIRE: &str = "Acquire::";
const NOT_OURS: [&str; 2] = ["Acquire::IndexTargets", "Acquire::Languages"];

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
    command
}

/// The lines of `apt-config dump` that say how mirrors are reached.
fn acquire(dump: &str) -> String {
    dump.lines()
        .filter(|l| l.starts_with(ACQUIRE) && !NOT_OURS.iter().any(|n| l.starts_with(n)))
        .flat_map(|l| [l, "\n"])
        .collect()
}

/// `mysql-server-core` or `mysql-server-core-8.0`, and nothing that only starts like it.
fn is_core(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// `package | version | source` of `apt-cache madison`; an epoch before the version is left out.
fn parse_madison(line: &str) -> Option<(&str, Version)> {
    let mut columns = line.split('|').map(str::trim);
    let (package, version, source) = (columns.next()?, columns.next()?, columns.next()?);
    if source.ends_with("Sources") {
        return None;
    }
    let version = version.split_once(':').map_or(version, |(_, v)| v);
    Some((package, leading_version(version)?))
}

/// Sizes in bytes out of `--print-uris`: `'uri' file size hash`.
fn parse_sizes(lines: &[String]) -> Vec<u64> {
    lines
        .iter()
        .filter(|l| l.starts_with('\''))
        .filter_map(|l| l.split_whitespace().nth(2)?.parse().ok())
        .collect()
}

fn reason(output: &Output) -> String {
    complaint(&String::from_utf8_lossy(&output.stderr))
        .unwrap_or_else(|| format!("apt {}", output.status))
}

/// The first error of apt that says something, without passwords in addresses.
fn complaint(text: &str) -> Option<String> {
    let of = |mark: &str| {
        text.lines()
            .filter_map(|l| l.strip_prefix(mark))
            .find(|l| !l.contains("Some index files failed"))
            .map(str::trim)
    };
    let line = of("E: ").or_else(|| of("W: "))?;
    Some(without_passwords(line).chars().take(WORDS_MAX).collect())
}

fn without_passwords(line: &str) -> String {
    line.split(' ')
        .map(|word| match (word.find("://"), word.find('@')) {
            (Some(scheme), Some(at)) if scheme + 3 < at => {
                format!("{}{}", &word[..scheme + 3], &word[at + 1..])
            }
            _ => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn madison_is_read_without_epoch_and_sources() {
        let read = |l| parse_madison(l).map(|(p, v)| (p.to_owned(), v.to_string()));
        assert_eq!(
            read(" mysql-server-core | 9.7.4-2 | http://m.example/debian sid/main amd64 Packages"),
            Some(("mysql-server-core".into(), "9.7.4".into()))
        );
        assert_eq!(
            read(
                "mariadb-server-core | 1:10.11.19-0+deb12u1 | http://m.example x/main amd64 Packages"
            ),
            Some(("mariadb-server-core".into(), "10.11.19".into()))
        );
        assert_eq!(
            read("mysql-8.0 | 8.0.44-1 | http://m.example sid/main Sources"),
            None
        );
        assert_eq!(read("N: Unable to locate package"), None);
    }

    #[test]
    fn packages_are_known_by_their_whole_name() {
        let core = "mysql-server-core";
        assert!(is_core(core, core) && is_core("mysql-server-core-8.0", core));
        assert!(!is_core("mysql-server-core-dbgsym", core) && !is_core("mysql-server-corex", core));
    }

    #[test]
    fn the_reason_is_the_first_error_without_passwords() {
        let text = "W: a warning\nE: Failed to fetch http://me:secret@m.example/x  Could not resolve\nE: Some index files failed to download.";
        assert_eq!(
            complaint(text).unwrap(),
            "Failed to fetch http://m.example/x  Could not resolve"
        );
        assert_eq!(complaint("nothing"), None);
    }

    #[test]
    fn only_the_way_to_the_mirrors_is_taken_over() {
        let dump = "APT \"\";\nAPT::Update::Post-Invoke:: \"rm\";\nAcquire::http::Proxy \"http://p.example\";\nAcquire::IndexTargets::deb::X \"1\";\nDir::Etc \"etc\";\n";
        assert_eq!(
            acquire(dump),
            "Acquire::http::Proxy \"http://p.example\";\n"
        );
    }

    #[test]
    fn sizes_are_read_from_print_uris() {
        let lines = [
            "'http://m.example/a.deb' a.deb 1200 SHA256:x".to_owned(),
            "NOTE".to_owned(),
        ];
        assert_eq!(parse_sizes(&lines), [1200]);
    }
}
