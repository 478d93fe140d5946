//! The same point selects without Node.js: what the server can do when its client is not the limit.

use super::Sample;
use crate::http::Connection;
use crate::server::{Server, connect};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use offshoot_api_types::Password;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Through the data API, on kept connections of plain HTTP.
pub(super) async fn http(
    server: &Server,
    password: &Password,
    parallel: usize,
    seconds: u64,
) -> Result<Sample> {
    let mut clients = Vec::new();
    for _ in 0..parallel {
        clients.push(Http::open(server, password).await?);
    }
    load(clients, seconds).await
}

/// What the data API answers: one row.
pub(super) async fn answer(server: &Server, password: &Password) -> Result<Vec<u8>> {
    Http::open(server, password).await?.row(1).await
}

/// Through the gateway, in MySQL's protocol.
pub(super) async fn mysql(password: &Password, parallel: usize, seconds: u64) -> Result<Sample> {
    let mut clients = Vec::new();
    for _ in 0..parallel {
        clients.push(connect(password).await?);
    }
    load(clients, seconds).await
}

trait Asks: Send + 'static {
    /// Reads the row of this number.
    fn ask(&mut self, id: usize) -> impl Future<Output = Result<()>> + Send;
}

struct Http {
    connection: Connection,
    /// All of a request's head but the length of its body.
    head: String,
}

impl Http {
    async fn open(server: &Server, password: &Password) -> Result<Self> {
        let secret = password.plain_text.as_deref().unwrap_or_default();
        let basic = STANDARD.encode(format!("{}:{secret}", password.username));
        let head = format!(
            "POST /psdb.v1alpha1.Database/Execute HTTP/1.1\r\nhost: {}\r\n\
             authorization: Basic {basic}\r\ncontent-type: application/json\r\n",
            server.http
        );
        let connection = Connection::open(server.http).await?;
        Ok(Self { connection, head })
    }

    async fn row(&mut self, id: usize) -> Result<Vec<u8>> {
        let body = format!("{{\"query\":\"SELECT v FROM point WHERE id = {id}\"}}");
        let (head, length) = (&self.head, body.len());
        let request = format!("{head}content-length: {length}\r\n\r\n{body}");
        self.connection.ask(&request).await
    }
}

impl Asks for Http {
    async fn ask(&mut self, id: usize) -> Result<()> {
        self.row(id).await.map(drop)
    }
}

impl Asks for Conn {
    async fn ask(&mut self, id: usize) -> Result<()> {
        let text = format!("SELECT v FROM point WHERE id = {id}");
        let found: Option<String> = self.query_first(text).await?;
        found.context("no such row").map(drop)
    }
}

/// All clients at once, each with one request at a time.
async fn load(clients: Vec<impl Asks>, seconds: u64) -> Result<Sample> {
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds);
    let mut tasks = JoinSet::new();
    for (n, mut client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            let (mut times, mut id) = (Vec::new(), n);
            while Instant::now() < end {
                let asked = Instant::now();
                client.ask(id + 1).await?;
                times.push(asked.elapsed().as_secs_f64() * 1e3);
                id = (id * 31 + 7) % super::ROWS;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let took = began.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let last = times.len().checked_sub(1).context("nothing was answered")?;
    Ok(Sample {
        requests: times.len() as f64,
        rate: times.len() as f64 / took,
        p99: times[last * 99 / 100],
        cost: 0.0,
    })
}
