//! What a server program says of itself: its kind and version, and where its files are. The name
//! of the program proves nothing: `mysqld` may be MariaDB.

use super::{EngineFiles, Loader};
use offshoot_core::engine::{EngineKind, EngineRef, EngineSource, Version};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program that has not said its version by then is not an engine. It takes 30 ms.
const PATIENCE: Duration = Duration::from_secs(20);
/// What we read of a program's output; `--verbose --help` is about 200 KiB.
const OUTPUT_LIMIT: u64 = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("{program} cannot be run: {source}")]
    Run {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("{program} is no MySQL or MariaDB server: it answers {answer:?} to --version")]
    NotAnEngine { program: PathBuf, answer: String },
    #[error("{program} is {found}, older than {kind} {oldest}, the oldest that Offshoot drives", kind = found.kind, oldest = found.kind.oldest())]
    TooOld { program: PathBuf, found: EngineRef },
    #[error("{program} does not say where its {what} is")]
    NoDirectory {
        program: PathBuf,
        what: &'static str,
    },
}

/// Kind and version out of the answer to `--version`, such as
/// `mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))`.
pub fn parse_version(answer: &str) -> Option<EngineRef> {
    let (_, rest) = answer.split_once("Ver ")?;
    let word = rest.split_whitespace().next()?;
    let kind = if word.contains("MariaDB") {
        EngineKind::Mariadb
    } else {
        EngineKind::Mysql
    };
    Some(EngineRef {
        kind,
        version: leading_version(word)?,
    })
}

/// `major.minor.patch` at the start of `text`, whatever follows; two digits groups count as patch 0.
pub(crate) fn leading_version(text: &str) -> Option<Version> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let mut parts = text[..end].split('.').filter(|p| !p.is_empty());
    let mut next = || parts.next().map(str::parse::<u16>);
    Some(Version {
        major: next()?.ok()?,
        minor: next()?.ok()?,
        patch: next().map_or(Some(0), Result::ok)?,
    })
}

/// A variable out of `--verbose --help`: `name`, blanks, value.
pub fn parse_variable<'a>(help: &'a str, name: &str) -> Option<&'a str> {
    help.lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value.trim())
        .filter(|v| !v.is_empty() && *v != "(No default value)")
}

/// Asks the program at `path` what it is. Too old is an error.
pub fn version(path: &Path, loader: Option<&Loader>) -> Result<EngineRef, ProbeError> {
    let mut files = nothing(path);
    files.loader = loader.cloned();
    let answer = output(
        files.program(path).args(["--no-defaults", "--version"]),
        path,
    )?;
    let found = parse_version(&answer).ok_or_else(|| ProbeError::NotAnEngine {
        program: path.to_owned(),
        answer: answer.chars().take(120).collect(),
    })?;
    if found.version < found.kind.oldest() {
        return Err(ProbeError::TooOld {
            program: path.to_owned(),
            found,
        });
    }
    Ok(found)
}

/// Describes an engine of the system, at `path`.
pub fn describe(path: &Path, source: EngineSource) -> Result<EngineFiles, ProbeError> {
    let engine = version(path, None)?;
    let help = output(
        Command::new(path).args(["--no-defaults", "--verbose", "--help"]),
        path,
    )?;
    let base =
        parse_variable(&help, "basedir").map_or_else(|| PathBuf::from("/usr"), PathBuf::from);
    let directory = |name: &'static str, guesses: &[&str], marker: &str| {
        parse_variable(&help, name)
            .map(PathBuf::from)
            .into_iter()
            .chain(guesses.iter().map(|g| base.join(g)))
            .find(|d| d.join(marker).exists())
            .ok_or(ProbeError::NoDirectory {
                program: path.to_owned(),
                what: name,
            })
    };
    const SHARES: &[&str] = &[
        "share/mysql",
        "share/mariadb",
        "share",
        "share/mysql-8.0",
        "share/mysql-8.4",
    ];
    let messages = directory("lc-messages-dir", SHARES, "english/errmsg.sys")?;
    let character_sets = directory(
        "character-sets-dir",
        &[
            "share/mysql/charsets",
            "share/mariadb/charsets",
            "share/charsets",
        ],
        "Index.xml",
    )?;
    let plugins = directory(
        "plugin-dir",
        &["lib/mysql/plugin", "lib64/mysql/plugin", "lib/plugin"],
        "",
    )
    .unwrap_or_else(|_| base.join("lib/mysql/plugin"));
    let mut readable: Vec<PathBuf> = ["/usr", "/lib", "/lib64"]
        .iter()
        .map(PathBuf::from)
        .filter(|p| p.exists())
        .collect();
    if !base.starts_with("/usr") {
        readable.push(base.clone());
    }
    let clients = [path.parent().map(Path::to_owned), Some(base.join("bin"))]
        .into_iter()
        .flatten()
        .find(|d| d.join("mysql").exists() || d.join("mariadb").exists());
    Ok(EngineFiles {
        engine,
        source,
        server: path.to_owned(),
        loader: None,
        messages,
        character_sets,
        plugins,
        clients,
        readable,
    })
}

fn nothing(path: &Path) -> EngineFiles {
    EngineFiles {
        engine: EngineRef {
            kind: EngineKind::Mysql,
            version: EngineKind::Mysql.oldest(),
        },
        source: EngineSource::Path,
        server: path.to_owned(),
        loader: None,
        messages: PathBuf::new(),
        character_sets: PathBuf::new(),
        plugins: PathBuf::new(),
        clients: None,
        readable: Vec::new(),
    }
}

/// Standard output of a short run, which is killed when it takes too long.
fn output(command: &mut Command, program: &Path) -> Result<String, ProbeError> {
    let failed = |source| ProbeError::Run {
        program: program.to_owned(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let stdout = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = stdout {
            pipe.take(OUTPUT_LIMIT).read_to_end(&mut bytes)?;
        }
        std::io::Result::Ok(bytes)
    });
    let end = Instant::now() + PATIENCE;
    while child.try_wait().map_err(failed)?.is_none() {
        if Instant::now() > end {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Err(failed(std::io::ErrorKind::TimedOut.into()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let bytes = reader
        .join()
        .unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))
        .map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_line_decides_not_the_name() {
        for (line, engine) in [
            (
                "/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))",
                "mysql-9.7.4",
            ),
            (
                "mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))",
                "mysql-8.0.36",
            ),
            (
                "/usr/sbin/mysqld  Ver 8.4.3 for Linux on aarch64 (MySQL Community Server - GPL)",
                "mysql-8.4.3",
            ),
            (
                "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)",
                "mariadb-10.11.19",
            ),
            (
                "mariadbd from 11.8.2-MariaDB, client 15.2 Ver 11.8.2-MariaDB for Linux",
                "mariadb-11.8.2",
            ),
        ] {
            assert_eq!(parse_version(line).unwrap().to_string(), engine);
        }
        for line in ["", "postgres (PostgreSQL) 15", "Ver x", "Ver 99999.1.1"] {
            assert_eq!(parse_version(line), None, "{line}");
        }
    }

    #[test]
    fn variables_are_read_from_the_help() {
        let help = "basedir                 /usr/\nlc-messages-dir    (No default value)\nplugin-dir  /a b/\n";
        assert_eq!(parse_variable(help, "basedir"), Some("/usr/"));
        assert_eq!(parse_variable(help, "plugin-dir"), Some("/a b/"));
        assert_eq!(parse_variable(help, "lc-messages-dir"), None);
        assert_eq!(parse_variable(help, "datadir"), None);
    }
}
