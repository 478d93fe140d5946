//! Sockets that clients connect to: the configured ones, and one for the other engine kind.

use crate::config::Gateway;
use crate::machine::Machine;
use anyhow::{Context, Result, anyhow};
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_gateway::Listener;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// A configured address, or why it cannot be had; `change` says where another is chosen.
pub(crate) async fn bind(address: SocketAddr, what: &str, change: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => "another program has it".to_owned(),
            io::ErrorKind::PermissionDenied => "that port needs root".to_owned(),
            _ => error.to_string(),
        };
        anyhow!(
            "cannot listen for {what} on {address}: {why}; choose another address with {change}"
        )
    })
}

/// Listeners that are bound to one engine, and the ports that connection strings name for them.
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) ports: BTreeMap<EngineKind, u16>,
}

/// The configured ones, and one for every kind but the default one: clients decide by the version
/// in the greeting, which can be one kind's only. Nobody asked for the latter, so a taken port is
/// no reason not to start, and its port is not named where `gateway.public_port` says that clients
/// reach another one.
pub(crate) async fn bound(config: &Gateway, machine: &Machine, main: SocketAddr) -> Result<Bound> {
    let mut bound = Bound {
        listeners: Vec::new(),
        ports: BTreeMap::new(),
    };
    for (name, address) in &config.engine_listen {
        let kind: EngineKind = name.parse()?;
        let engine = machine.newest(kind).with_context(|| {
            format!("gateway.engine_listen.{name}: no such engine is installed; run `offshoot engine install {name}`")
        })?;
        let change = format!("gateway.engine_listen.{name}");
        let socket = bind(*address, "MySQL clients", &change).await?;
        bound.ports.insert(kind, socket.local_addr()?.port());
        bound.add(socket, engine);
    }
    for kind in machine.kinds.iter().copied() {
        if kind == machine.default_engine.kind || config.engine_listen.contains_key(kind.as_str()) {
            continue;
        }
        let Some((engine, address)) = machine.newest(kind).zip(next(config.listen, main)) else {
            continue;
        };
        match TcpListener::bind(address).await {
            Ok(socket) => {
                if config.public_port.is_none() {
                    bound.ports.insert(kind, socket.local_addr()?.port());
                }
                bound.add(socket, engine);
            }
            Err(error) => tracing::warn!(
                %address, %error,
                "no listener for {kind} alone: some clients take its branches for {}; set gateway.engine_listen.{}",
                machine.default_engine.kind,
                kind.as_str()
            ),
        }
    }
    Ok(bound)
}

impl Bound {
    fn add(&mut self, socket: TcpListener, engine: EngineRef) {
        self.listeners.push(Listener {
            socket,
            engine: Some(engine),
        });
    }
}

/// The port after the configured one; any port where any was asked for.
fn next(configured: SocketAddr, main: SocketAddr) -> Option<SocketAddr> {
    let port = match configured.port() {
        0 => 0,
        port => port.checked_add(1)?,
    };
    Some(SocketAddr::new(main.ip(), port))
}
