//! MySQL Router, which ends the client's TLS as the gateway does.

use super::proxy::{answers, spawn};
use super::{program, tls};
use crate::baseline::Running;
use crate::server::{engines_dir, free_port};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The suite that has it, where the machine's own has not.
const SUITE: &str = "sid";

/// The given one, the one in PATH, or one that is fetched beside the engines.
pub(super) fn find(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    if let Some(installed) = program("mysqlrouter") {
        return Ok(installed);
    }
    let prefix = engines_dir().join("mysql-router");
    let file = prefix.join("usr/bin/mysqlrouter");
    if !file.is_file() {
        fetch(&prefix).context(
            "MySQL Router is missing: install the package mysql-router, or give --router FILE",
        )?;
    }
    Ok(file)
}

/// Fetches the package and all libraries it needs with apt-get, in a state of its own, and unpacks
/// them: nothing of the machine changes.
fn fetch(prefix: &Path) -> Result<()> {
    let work = tempfile::tempdir()?;
    let place = work.path();
    for directory in ["lists/partial", "cache/archives/partial", "state"] {
        fs::create_dir_all(place.join(directory))?;
    }
    fs::write(place.join("status"), "")?;
    let machine = fs::read_to_string("/etc/apt/sources.list.d/debian.sources")?;
    let field = |name: &str| {
        machine
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
            .with_context(|| format!("the machine's sources have no {name}"))
    };
    let sources = format!(
        "Types: deb\nURIs: {}\nSuites: {SUITE}\nComponents: main\nSigned-By: {}\n",
        field("URIs:")?,
        field("Signed-By:")?
    );
    fs::write(place.join("own.sources"), sources)?;
    let set = |name: &str, value: &str| format!("{name}={}", place.join(value).display());
    let apt = |args: &[&str]| -> Result<()> {
        let status = Command::new("apt-get")
            .arg("-qq")
            .args(["-o", &set("Dir::State", "state")])
            .args(["-o", &set("Dir::State::lists", "lists")])
            .args(["-o", &set("Dir::State::status", "status")])
            .args(["-o", &set("Dir::Cache", "cache")])
            .args(["-o", &set("Dir::Etc::sourcelist", "own.sources")])
            .args(["-o", "Dir::Etc::sourceparts=/dev/null"])
            .args(["-o", "Debug::NoLocking=true"])
            .args(args)
            .status()?;
        ensure!(status.success(), "apt-get {} failed", args.join(" "));
        Ok(())
    };
    apt(&["update"])?;
    apt(&[
        "--yes",
        "--no-install-recommends",
        "--download-only",
        "install",
        "mysql-router",
    ])?;
    let unpacked = place.join("root");
    for package in fs::read_dir(place.join("cache/archives"))? {
        let package = package?.path();
        if package.extension().is_some_and(|e| e == "deb") {
            let status = Command::new("dpkg-deb")
                .arg("-x")
                .arg(&package)
                .arg(&unpacked)
                .status()?;
            ensure!(status.success(), "{} does not unpack", package.display());
        }
    }
    // Under its name only once it is whole.
    let part = prefix.with_extension("part");
    let copied = Command::new("cp")
        .args(["-a", "-T"])
        .arg(&unpacked)
        .arg(&part)
        .status()?;
    ensure!(copied.success(), "{} cannot be written", part.display());
    Ok(fs::rename(part, prefix)?)
}

/// Starts it on a free port: TLS to the client, none to the engine.
pub(super) fn start(
    program: &Path,
    dir: &Path,
    files: &tls::Files,
    engine: u16,
) -> Result<(Running, u16)> {
    let port = free_port()?;
    // .../usr/bin/mysqlrouter: libraries and plugins of an unpacked one are beside it.
    let root = program.ancestors().nth(3).unwrap_or(Path::new("/"));
    let plugins = root.join("usr/lib/mysqlrouter/plugin");
    let config = dir.join("router.conf");
    let place = dir.display();
    let text = format!(
        "[DEFAULT]\nlogging_folder=\nruntime_folder={place}\ndata_folder={place}\nplugin_folder={}\n\
         [logger]\nlevel=WARNING\n[io]\nthreads=2\n\
         [routing:bench]\nbind_address=127.0.0.1\nbind_port={port}\ndestinations=127.0.0.1:{engine}\n\
         routing_strategy=first-available\nprotocol=classic\nmax_connections=500\n\
         client_ssl_mode=REQUIRED\nclient_ssl_cert={}\nclient_ssl_key={}\nserver_ssl_mode=DISABLED\n",
        plugins.display(),
        files.server_certificate.display(),
        files.server_key.display(),
    );
    fs::write(&config, text)?;
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let loader = root.join("usr/lib64/ld-linux-x86-64.so.2");
    let mut command = if root != Path::new("/") && loader.exists() {
        let mut command = Command::new(loader);
        let own = root.join("usr/lib/mysql-router");
        let (libraries, own) = (libraries.display(), own.display());
        command
            .arg("--library-path")
            .arg(format!("{libraries}:{own}"))
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.arg("-c").arg(config);
    let log = dir.join("router.log");
    answers(spawn(command, &log)?, port, &log)
}
