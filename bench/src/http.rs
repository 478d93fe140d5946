//! HTTP without a framework on the client's side, and a server that always says the same: what a
//! measurement of our server is compared with, and is asked by.

use crate::server::free_port;
use anyhow::{Context, Result, ensure};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use clap::Args;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The process of a [`BareServer`].
#[derive(Args)]
pub(crate) struct Bare {
    port: u16,
    /// File with the body of every answer
    body: PathBuf,
}

/// A kept HTTP/1.1 connection that does as little as possible.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(1 << 20),
        })
    }

    /// The body of the answer, whose status has to be 200.
    pub(crate) async fn ask(&mut self, request: &str) -> Result<Vec<u8>> {
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.read).await? > 0, "closed");
            let Some(end) = self.read.windows(4).position(|w| w == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.read[..end])?;
            ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length: usize = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then_some(value)
                })
                .context("no content-length")?
                .trim()
                .parse()?;
            let whole = end + 4 + length;
            while self.read.len() < whole {
                ensure!(self.stream.read_buf(&mut self.read).await? > 0, "closed");
            }
            return Ok(self.read[end + 4..whole].to_vec());
        }
    }
}

/// A server that does as little as possible, in a process of its own.
pub(crate) struct BareServer {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl BareServer {
    /// Answers every request with what is in this file.
    pub(crate) async fn start(body: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let process = Command::new(std::env::current_exe()?)
            .arg("bare-http")
            .arg(address.port().to_string())
            .arg(body)
            .spawn()?;
        let server = Self { process, address };
        let until = Instant::now() + crate::server::PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            ensure!(Instant::now() < until, "the bare server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers every request with one body, with as many threads as the server has.
pub(crate) async fn bare(options: &Bare) -> Result<()> {
    let body: &'static str = Box::leak(std::fs::read_to_string(&options.body)?.into_boxed_str());
    let answer =
        async |State(body): State<&'static str>| ([(CONTENT_TYPE, "application/json")], body);
    let routes = axum::Router::new().fallback(answer).with_state(body);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    Ok(axum::serve(listener, routes).await?)
}
