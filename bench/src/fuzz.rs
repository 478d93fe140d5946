//! Damaged logins, TLS hellos and commands for a running gateway: it must not panic, must not grow,
//! and must serve afterwards.

use crate::dice::Dice;
use crate::report::Row;
use crate::server::{Machine, Server, connect};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use mysql_async::prelude::Queryable;
use offshoot_api_types::Password;
use offshoot_wire::auth::Plugin;
use offshoot_wire::capability as cap;
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::Login;
use offshoot_wire::packet::{self, Header};
use offshoot_wire::reply;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const CONFIG: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
/// Clients at a time.
const CLIENTS: usize = 8;
/// Damaged commands of one session.
const BATCH: usize = 16;
/// Parts of the run; memory is compared between the first and the last.
const PARTS: usize = 10;
/// What the allocator may keep beyond the first part, in MiB and as a factor.
const SLACK: (f64, f64) = (8.0, 1.1);
/// A client that is not let go in this time is a failure.
const STUCK: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Options {
    /// mysql or mariadb
    #[arg(long, default_value = "mariadb")]
    engine: String,
    /// Damaged messages in all
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Test this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> Result<Vec<Row>> {
    let machine = Machine::new("copy", options.server.as_deref())?;
    machine.offshoot(&["engine", "install", &options.engine])?;
    let server = machine.serve(&options.engine, CONFIG).await?;
    let password = server.database("fuzz", &options.engine, 0).await?;
    server.settled().await?;
    let mut weights = Vec::new();
    let mut rates = Vec::new();
    let part = options.messages / PARTS / CLIENTS;
    for n in 0..PARTS {
        let began = Instant::now();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let number = n * CLIENTS + client;
                let client = Client::new(options.seed, number, &password);
                tokio::spawn(client.throw(part))
            })
            .collect();
        for client in clients {
            client.await??;
        }
        rates.push((part * CLIENTS) as f64 / began.elapsed().as_secs_f64());
        weights.push(server.rss()?);
        eprintln!(
            "{}/{PARTS}: {:.0} messages/s, {:.1} MiB",
            n + 1,
            rates[n],
            weights[n]
        );
    }
    serves(&machine, &server, &password).await?;
    let (first, last) = (weights[0], weights[PARTS - 1]);
    ensure!(
        last <= first * SLACK.1 + SLACK.0,
        "the server grew from {first:.1} to {last:.1} MiB"
    );
    server.stop()?;
    let engine = &options.engine;
    let first = Row::new("fuzz.rss.first", engine, "MiB", &weights[..1]);
    Ok(vec![
        Row::new("fuzz.messages", engine, "messages/s", &rates),
        Row::new("fuzz.rss.last", engine, "MiB", &weights[PARTS - 1..]).against(&first),
        first,
    ])
}

/// Nothing panicked, and a client is let in and answered.
async fn serves(machine: &Machine, server: &Server, password: &Password) -> Result<()> {
    let log = machine.log()?;
    if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
        bail!("the server panicked: {line}");
    }
    let mut session = connect(password).await?;
    let one: Option<u8> = session.query_first("SELECT 1").await?;
    ensure!(one == Some(1), "SELECT 1 answered {one:?}");
    session.disconnect().await?;
    Ok(server.client.ready().await?)
}

struct Client {
    dice: Dice,
    port: u16,
    username: Vec<u8>,
    secret: Vec<u8>,
    /// Every connection comes from a loopback address of its own, so that none is slowed by the
    /// failures of others.
    address: u32,
}

impl Client {
    fn new(seed: u64, number: usize, password: &Password) -> Self {
        Self {
            dice: Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64)),
            port: password.connection.port,
            username: password.username.clone().into_bytes(),
            secret: password.plain_text.clone().unwrap_or_default().into_bytes(),
            address: u32::from(Ipv4Addr::new(127, 1, 0, 0)) + (number as u32) * 0x1_0000,
        }
    }

    /// Half of them logins, every eighth of these with TLS; the other half commands.
    async fn throw(mut self, messages: usize) -> Result<()> {
        for _ in 0..messages / 2 {
            tokio::time::timeout(STUCK, self.login())
                .await
                .context("a login is stuck")??;
        }
        for _ in 0..messages / 2 / BATCH {
            tokio::time::timeout(STUCK, self.commands())
                .await
                .context("a session is stuck")??;
        }
        Ok(())
    }

    async fn login(&mut self) -> Result<()> {
        let (stream, greeting) = self.connect().await?;
        let mut bytes = Vec::new();
        if self.dice.roll(8) == 0 {
            let mut hello = packet::packet(1, |out| self.known(&greeting).encode_ssl_request(out));
            hello.extend_from_slice(b"\x16\x03\x01\0\x2e\x01\0\0\x2a\x03\x03");
            hello.extend_from_slice(&[7; 40]);
            let clean = self.dice.roll(2) * 36;
            bytes.extend_from_slice(&hello[..clean]);
            bytes.extend(self.dice.damage(&hello[clean..]));
        } else {
            let mut login = self.known(&greeting);
            // Never a right secret: those who are let in are the other half.
            login.response = Plugin::CachingSha2.scramble(b"wrong", &greeting.nonce);
            let good = packet::packet(1, |out| login.encode(out));
            bytes = self.dice.damage(&good);
        }
        end(stream, &bytes).await
    }

    async fn commands(&mut self) -> Result<()> {
        const GOOD: [&[u8]; 9] = [
            b"\x03SELECT 1",
            b"\x03KILL QUERY 1073741825",
            b"\x11admin\0\x14aaaaaaaaaaaaaaaaaaaashop\0\x2d\0mysql_native_password\0",
            b"\x16SELECT ?",
            b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x03\0\x01\0\0\0",
            b"\x0c\x01\0\0\x40",
            b"\x03LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            b"\x03SET @a = 'x', SESSION sql_mode = ''",
            b"\x1f",
        ];
        let (mut stream, greeting) = self.connect().await?;
        let login = self.known(&greeting);
        let login = packet::packet(1, |out| login.encode(out));
        stream.write_all(&login).await?;
        loop {
            let payload = read(&mut stream).await?;
            match payload.first() {
                Some(&reply::OK) => break,
                Some(&reply::ERR) => {
                    bail!("a good login is refused: {:?}", reply::Err::parse(&payload))
                }
                _ => {}
            }
        }
        let mut bytes = Vec::new();
        for _ in 0..BATCH {
            let which = self.dice.roll(GOOD.len());
            let whole = packet::packet(0, |out| out.extend_from_slice(GOOD[which]));
            bytes.extend(self.dice.damage(&whole));
        }
        end(stream, &bytes).await
    }

    fn known(&self, greeting: &Greeting) -> Login {
        Login {
            capabilities: cap::SHARED
                & greeting.capabilities
                & !(cap::CONNECT_WITH_DB | cap::NO_SCHEMA),
            max_packet: 1 << 24,
            charset: 45,
            username: self.username.clone(),
            response: Plugin::Native.scramble(&self.secret, &greeting.nonce),
            plugin: Some(Plugin::Native.name().into()),
            attributes: Some(b"\x03_os\x05Linux".to_vec()),
            ..Login::default()
        }
    }

    async fn connect(&mut self) -> Result<(TcpStream, Greeting)> {
        self.address += 1;
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::from(self.address), 0).into())?;
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = socket.connect(server).await?;
        let greeting = Greeting::parse(&read(&mut stream).await?)?;
        Ok((stream, greeting))
    }
}

/// Sends, says that nothing follows, and reads to the end.
async fn end(mut stream: TcpStream, bytes: &[u8]) -> Result<()> {
    // A gateway that has heard enough closes before all is sent: that is as good an end.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut rest = [0; 4096];
    while matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {}
    Ok(())
}

async fn read(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut header = [0; packet::HEADER];
    stream.read_exact(&mut header).await?;
    let header = Header::read(&header).context("a header")?;
    let mut payload = vec![0; header.length];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}
