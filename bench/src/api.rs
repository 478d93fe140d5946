//! What the HTTP API costs: processor time of the server for one request on a kept connection, and
//! how long a page of a long list takes.
//!
//! The baseline of the first is a bare axum handler that answers with as many bytes, in a process
//! of its own, asked by the same client in the same rounds. The thousand branches of the second are
//! rows written through the store while the server is down: sleeping branches that nobody wakes.

use crate::http::{BareServer, Connection};
use crate::report::Row;
use crate::server::{Machine, ORG, milliseconds, processor_time};
use anyhow::{Context, Result, ensure};
use clap::Args;
use offshoot_core::branch::BranchState;
use offshoot_core::id::RawId;
use offshoot_core::instance::{Instance, InstanceSecret, Purpose, Wanted};
use offshoot_core::name::BranchName;
use offshoot_store::{Durability, MasterKey, Store};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Kept connections that ask at the same time.
const CONNECTIONS: usize = 4;
const BRANCHES: usize = 1000;
const PER_PAGE: usize = 100;

#[derive(Args)]
pub(crate) struct Options {
    /// Few requests: under half a minute in all
    #[arg(long)]
    quick: bool,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Engine of the database: mysql or mariadb
    #[arg(long, default_value = "mariadb")]
    engine: String,
}

pub(crate) async fn run(options: &Options) -> Result<Vec<Row>> {
    let (rounds, requests, pages) = match options.quick {
        true => (3, 2_000, 200),
        false => (9, 10_000, 2_000),
    };
    let machine = Machine::new("copy", options.server.as_deref())?;
    machine.offshoot(&["engine", "install", &options.engine])?;
    let config = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
    let server = machine.serve(&options.engine, config).await?;
    server.database("shop", &options.engine, 1).await?;
    server.settled().await?;
    server.stop()?;
    let engine = add_branches(&machine.data()).await?;
    let server = machine.serve(&options.engine, config).await?;
    server.until("shop", "main", |branch| branch.ready).await?;

    let address = server.http;
    let token = std::fs::read_to_string(machine.data().join("root-token"))?;
    let base = format!("/v1/organizations/{ORG}/databases/shop/branches");
    let request = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {}\r\n\r\n",
            token.trim()
        )
    };
    let one = request(&format!("{base}/main"));
    let body = Connection::open(address).await?.ask(&one).await?;
    let file = machine.dir().join("body.json");
    std::fs::write(&file, &body)?;
    let bare = BareServer::start(&file).await?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let took = cost(server.pid(), address, &one, requests).await?;
        let bare = cost(bare.pid(), bare.address, &one, requests).await?;
        // The first round warms both up.
        if round > 0 {
            ours.push(took);
            theirs.push(bare);
        }
    }
    let show =
        Row::new("api.get_branch", &engine, "us CPU", &ours).against_rounds(&ours, "axum", &theirs);

    let mut connection = Connection::open(address).await?;
    let mut times = Vec::new();
    for n in 0..pages {
        let page = n * 7 % (BRANCHES / PER_PAGE) + 1;
        let request = request(&format!("{base}?page={page}&per_page={PER_PAGE}"));
        let began = Instant::now();
        let body = connection.ask(&request).await?;
        times.push(milliseconds(began));
        ensure!(
            body.len() > PER_PAGE * 500,
            "page {page} is not a whole one"
        );
    }
    let list = Row::new("api.list_1000", &engine, "ms", &times);
    server.stop()?;
    Ok(vec![show, list])
}

/// Microseconds of processor time for each request.
async fn cost(pid: u32, address: SocketAddr, request: &str, requests: usize) -> Result<f64> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(address).await?;
        connection.ask(request).await?;
        connections.push(connection);
    }
    let before = processor_time(pid)?;
    let each = requests / CONNECTIONS;
    let mut tasks = tokio::task::JoinSet::new();
    for mut connection in connections {
        let request = request.to_owned();
        tasks.spawn(async move {
            for _ in 0..each {
                connection.ask(&request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let took = processor_time(pid)? - before;
    Ok(took.as_secs_f64() * 1e6 / (each * CONNECTIONS) as f64)
}

/// Writes sleeping branches beside `main` until there are [`BRANCHES`]; the engine's name.
async fn add_branches(data: &Path) -> Result<String> {
    let key = MasterKey::read(&data.join("master.key"))?;
    let store = Store::open(&data.join("offshoot.db"), key, Durability::Process).await?;
    let mut session = store.read().await?;
    let main = session.all_branches().await?;
    let main = main.first().context("the database has a branch")?.clone();
    let instance = session.instance(main.instance).await?;
    let instance = instance.context("the branch has an instance")?;
    let volumes = session.volumes().await?;
    let volume = volumes.iter().find(|v| v.id == main.volume);
    let volume = volume.context("the branch has a volume")?.clone();
    drop(session);
    let mut tx = store.write().await?;
    for n in 1..BRANCHES {
        let mut branch = main.clone();
        branch.id = id('b', n);
        branch.name = BranchName::parse(&format!("sprint-{n}"))?;
        branch.parent = Some(main.id);
        branch.production = false;
        branch.state = BranchState::Sleeping;
        branch.volume = id('v', n);
        branch.instance = id('i', n);
        branch.labels = [("sprint".to_owned(), n.to_string())].into();
        branch.created_at = main.created_at + Duration::from_millis(n as u64);
        branch.updated_at = branch.created_at;
        tx.insert_volume(&offshoot_core::volume::Volume {
            id: branch.volume,
            ..volume.clone()
        })
        .await?;
        tx.insert_instance(&Instance {
            id: branch.instance,
            volume: branch.volume,
            purpose: Purpose::Serve(branch.id),
            wanted: Wanted::Down,
            secret: InstanceSecret::new([7; 32]),
            created_at: branch.created_at,
            ..instance.clone()
        })
        .await?;
        tx.insert_branch(&branch).await?;
    }
    tx.commit().await?;
    store.close().await;
    Ok(main.engine.to_string())
}

fn id<T: From<RawId>>(kind: char, n: usize) -> T {
    let text = format!("{kind}{n:0>11}");
    T::from(text.parse().expect("letters and digits"))
}
