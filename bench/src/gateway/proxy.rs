//! HAProxy in TCP mode in front of an engine.

use super::program;
use crate::baseline::Running;
use crate::server::{PATIENCE, free_port};
use anyhow::{Context, Result, ensure};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(super) fn find() -> Result<PathBuf> {
    program("haproxy").context("haproxy is missing: install the package haproxy")
}

/// Starts it on a free port.
pub(super) fn start(program: &Path, dir: &Path, engine: u16) -> Result<(Running, u16)> {
    let port = free_port()?;
    let config = dir.join("haproxy.cfg");
    std::fs::write(
        &config,
        format!(
            "global\n  nbthread 2\n  maxconn 1000\n\
             defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             frontend clients\n  bind 127.0.0.1:{port}\n  default_backend engines\n\
             backend engines\n  server engine 127.0.0.1:{engine}\n"
        ),
    )?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(config);
    let process = spawn(command, &dir.join("haproxy.log"))?;
    answers(process, port, &dir.join("haproxy.log"))
}

/// Starts a peer whose words go to a file.
pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Running> {
    let log = std::fs::File::create(log)?;
    let process = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    Ok(Running(process))
}

/// Waits until a peer listens.
pub(super) fn answers(mut process: Running, port: u16, log: &Path) -> Result<(Running, u16)> {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let ended = process.0.try_wait()?;
        ensure!(
            ended.is_none() && Instant::now() < until,
            "it does not listen:\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((process, port))
}
