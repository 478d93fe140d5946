//! The server: everything wired together, started in order, and stopped in the opposite one.
//!
//! The only place that knows every crate.

use crate::archive::PoolArchive;
use crate::clock::{SystemClock, SystemIds};
use crate::config::Config;
use crate::credential_files::CredentialDirectory;
use crate::data_dir::{DataDir, Lock, write_private};
use crate::http::{self, HttpPort};
use crate::listen::{bind, bound};
use crate::machine::Machine;
use crate::outbound::OutboundHttp;
use crate::vault::LocalVault;
use crate::{data_api, telemetry, tls};
use anyhow::{Context, Result};
use offshoot_api::{ApiShapes, ApiState, router};
use offshoot_client::{Client, Token};
use offshoot_control::{Control, GatewayAddress, Ports, Settings};
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{NodeId, PoolId};
use offshoot_core::port::{Clock, Ids};
use offshoot_gateway::{Gateway, GatewayOptions, Listener, RequireTls, SessionRegistry};
use offshoot_store::{Durability, MasterKey, Store, upgrade};
use secrecy::ExposeSecret;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Environment variable with the path of a master key that is kept outside the data directory.
pub(crate) const MASTER_KEY_FILE: &str = "OFFSHOOT_MASTER_KEY_FILE";

/// A running server.
pub(crate) struct Server {
    pub(crate) http: SocketAddr,
    pub(crate) gateway: SocketAddr,
    pub(crate) ca: PathBuf,
    dir: DataDir,
    /// Ends in this order: no new work from outside, then no work at all.
    front: (CancellationToken, Vec<JoinHandle<()>>),
    back: (CancellationToken, JoinHandle<()>),
    control: Control,
    store: Store,
    _lock: Lock,
}

impl Server {
    pub(crate) async fn start(dir: &DataDir, config: &Config) -> Result<Self> {
        // First of all: what is counted before is lost, and so are meters that are made before.
        let metrics = telemetry::metrics()?;
        // A second server learns that it is one, not that its ports are taken.
        let known = dir.locked_before().then(|| dir.lock()).transpose()?;
        // Before anything is made: a taken port leaves no trace.
        let http = bind(config.http.listen, "HTTP", "--http-listen").await?;
        let gateway = bind(config.gateway.listen, "MySQL clients", "--gateway-listen").await?;
        dir.create()?;
        let lock = match known {
            Some(lock) => lock,
            None => dir.lock()?,
        };
        dir.create_database()?;
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));

        let copy = upgrade::prepare(&dir.database(), &dir.backups())
            .await
            .context("cannot open the metadata store")?;
        if let Some(copy) = copy {
            tracing::info!(copy = %copy.display(), "metadata are brought up to date; this is a copy from before");
        }
        let master = master_key(dir)?;
        let vault = Arc::new(LocalVault::open(dir, &master)?);
        let off_site = config.backups.off_site(dir)?;
        let store = Store::open(&dir.database(), master, Durability::Full)
            .await
            .context("cannot open the metadata store")?;
        let (node, pool) = identity(&store, &*clock, &*ids).await?;
        let machine = Machine::open(dir, config)?;
        let registry = Arc::new(SessionRegistry::new());
        let http_address = http.local_addr()?;
        let gateway_address = gateway.local_addr()?;
        let public_host = config
            .gateway
            .public_host
            .clone()
            .unwrap_or_else(|| reachable(gateway_address));
        let public_url: Arc<str> = public_url(config, http_address, &public_host).into();
        let region = Arc::new(config.region.shape());
        let ports = Ports {
            clock: clock.clone(),
            ids: ids.clone(),
            volumes: machine.volumes.clone(),
            engines: machine.engines.clone(),
            instances: machine.instances.clone(),
            schemas: machine.schemas.clone(),
            seeds: machine.schemas.clone(),
            sessions: registry.clone(),
            binlogs: machine.binlogs.clone(),
            vault,
            archive: off_site
                .map(|store| Arc::new(PoolArchive::new(machine.pool.clone(), store)) as _),
            outbound: Arc::new(OutboundHttp::new(config.outbound.allow()?)?),
            identities: config
                .login
                .oidc
                .provider(&public_url)?
                .map(|provider| Arc::new(provider) as _),
            credential_files: Arc::new(CredentialDirectory::new(config.planning.credentials(dir))),
            shapes: Arc::new(ApiShapes {
                public_url: public_url.clone(),
                region: region.clone(),
            }),
        };
        let bound = bound(&config.gateway, &machine, gateway_address).await?;
        let tls = tls::load(
            dir,
            &config.tls,
            &certificate_names(&public_host),
            clock.now(),
        )?;
        let address = GatewayAddress {
            host: public_host.clone(),
            port: config.gateway.public_port.unwrap_or(gateway_address.port()),
            https: https(config, http_address, &public_host),
            ports: bound.ports,
            ca: tls.private_ca()?,
        };
        let pool_size = machine.volumes.status().await?.size;
        let mut settings = settings(config, &machine, node, pool, address, pool_size)?;
        settings.public_url = public_url.to_string();
        let control = Control::new(store.clone(), ports, settings);
        let root = match control.bootstrap().await? {
            None if !dir.root_token().is_file() => Some(control.replace_root_token().await?),
            first => first,
        };
        if let Some(root) = root {
            let text = format!("{}:{}\n", root.id, root.token.expose_secret());
            write_private(&dir.root_token(), text.as_bytes())?;
        }
        if let Some(admin) = control.first_admin().await? {
            let text = format!("{}:{}\n", admin.email, admin.password.expose_secret());
            write_private(&dir.admin_password(), text.as_bytes())?;
        }
        let back = CancellationToken::new();
        let running = tokio::spawn({
            let (control, back) = (control.clone(), back.clone());
            async move { control.run(back).await }
        });

        let front = CancellationToken::new();
        let options = gateway_options(config, machine.default_engine, &machine.kinds)?;
        let endpoint = Gateway::new(
            options,
            Arc::new(control.clone()),
            clock,
            ids,
            registry,
            Some(tls.config.clone()),
        );
        let data = endpoint.data_api();
        let mut listeners = vec![Listener {
            socket: gateway,
            engine: None,
        }];
        listeners.extend(bound.listeners);
        let clients = tokio::spawn({
            let front = front.clone();
            async move {
                if let Err(error) = endpoint.serve(listeners, front).await {
                    tracing::error!(%error, "the gateway ended");
                }
            }
        });

        let (routes, _) = router(ApiState {
            control: control.clone(),
            public_url,
            region,
            ending: front.clone(),
            metrics: Some(Arc::new(move || metrics.render())),
        });
        let port = HttpPort {
            socket: http,
            tls: http::offering_http(&tls.config),
            routes: data_api::beside(routes, data),
            require_tls: config.http.require_tls,
            max_connections: usize::try_from(config.http.max_connections)?,
        };
        let api = tokio::spawn(port.serve(front.clone()));
        tracing::info!(http = %http_address, gateway = %gateway_address, data = %dir.root().display(), "serving");
        Ok(Self {
            http: http_address,
            gateway: gateway_address,
            ca: tls.ca,
            dir: dir.clone(),
            front: (front, vec![clients, api]),
            back: (back, running),
            control,
            store,
            _lock: lock,
        })
    }

    /// Where it is reached on this machine.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", local(self.http))
    }

    /// A client of this server with its root token.
    pub(crate) fn client(&self) -> Result<Client> {
        let text =
            std::fs::read_to_string(self.dir.root_token()).context("cannot read the root token")?;
        let token = Token::parse(&text).context("the file root-token has no token")?;
        Ok(Client::new(&self.base(), Some(&token))?)
    }

    /// Drains the gateway and the API, then stops workflows and reconcilers, and the engines or not:
    /// those that live are adopted by the next server.
    pub(crate) async fn stop(self, engines: bool) {
        self.control.stop_engines_at_end(engines);
        let (front, tasks) = self.front;
        front.cancel();
        for task in tasks {
            ended(task.await);
        }
        let (back, task) = self.back;
        back.cancel();
        ended(task.await);
        self.store.close().await;
    }
}

fn ended(result: Result<(), tokio::task::JoinError>) {
    if let Err(error) = result {
        tracing::error!(%error, "a part of the server ended badly");
    }
}

/// The master key: from the file that the environment names, else the data directory's own.
pub(crate) fn master_key(dir: &DataDir) -> Result<MasterKey> {
    let key = match std::env::var_os(MASTER_KEY_FILE) {
        Some(path) => MasterKey::read(&PathBuf::from(path)),
        None => MasterKey::read_or_create(&dir.master_key()),
    };
    key.context("cannot read the master key")
}

async fn identity(store: &Store, clock: &dyn Clock, ids: &dyn Ids) -> Result<(NodeId, PoolId)> {
    let mut tx = store.write().await?;
    if let Some(known) = tx.node().await? {
        return Ok(known);
    }
    let new = (NodeId::from(ids.id()), PoolId::from(ids.id()));
    tx.insert_node(new.0, new.1, clock.now()).await?;
    tx.commit().await?;
    Ok(new)
}

fn settings(
    config: &Config,
    machine: &Machine,
    node: NodeId,
    pool: PoolId,
    gateway: GatewayAddress,
    pool_size: u64,
) -> Result<Settings> {
    let mut settings = Settings::new(node, pool);
    settings.copy_on_write = machine.copy_on_write;
    settings.memory_budget = config.instances.memory_budget(machine.memory)?;
    settings.memory_limit = config.instances.memory_limit()?;
    settings.cpu_limit = config.instances.cpu_limit()?;
    settings.sleep_after = config.instances.sleep_after()?;
    settings.warm_instances = config.instances.warm_instances(machine.memory);
    settings.default_engine = Some(machine.default_engine);
    settings.gateway = gateway;
    settings.stop_engines = config.instances.stop_engines;
    settings.disk_quota = config.instances.disk_quota()?;
    settings.pool_reserve = config.pool.reserve(pool_size)?;
    settings.disk_budget = config.pool.disk_budget()?;
    settings.pause_limit = config.backups.pause_limit()?;
    settings.backups.schedule.every = config.backups.frequency()?;
    settings.backups.schedule.minute = config.backups.minute()?;
    settings.backups.retention = config.backups.retention()?;
    settings.backups.drill = config.backups.drill()?;
    settings.backups.at_once = config.backups.at_once;
    settings.backups.binlog_interval = config.backups.binlog_interval()?;
    settings.backups.off_site = config.backups.export()?;
    settings.backups.binlog_bytes = config.backups.binlog_bytes()?;
    settings.shadows.buffer_pool = config.shadows.buffer_pool()?;
    settings.shadows.lag_limit = config.shadows.lag_limit()?;
    settings.deliveries_kept = config.planning.deliveries_kept()?;
    settings.login = config.login.settings()?;
    settings.limits.branches_per_database = config.limits.branches_per_database;
    settings.limits.passwords_per_branch = config.limits.passwords_per_branch;
    settings.limits.parallel_workflows = config.limits.parallel_workflows;
    Ok(settings)
}

fn gateway_options(
    config: &Config,
    default: EngineRef,
    kinds: &[offshoot_core::engine::EngineKind],
) -> Result<GatewayOptions> {
    let mut options = GatewayOptions::new(default);
    options.engines = kinds.to_vec();
    options.require_tls = if config.gateway.require_tls {
        RequireTls::Remote
    } else {
        RequireTls::Never
    };
    options.max_connections = usize::try_from(config.gateway.max_connections)?;
    options.max_connections_per_branch =
        usize::try_from(config.gateway.max_connections_per_branch)?;
    for text in &config.gateway.proxy_protocol_from {
        let net = text
            .parse()
            .or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
        options.proxies.push(net.with_context(|| {
            format!("gateway.proxy_protocol_from: {text:?} is neither an address nor a network")
        })?);
    }
    Ok(options)
}

/// Where clients are told that the API is: as configured, else as far as the port can be reached.
fn public_url(config: &Config, http: SocketAddr, host: &str) -> String {
    match &config.http.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None if http.ip().is_loopback() || !config.http.require_tls => {
            format!("http://{}", local(http))
        }
        None => format!("https://{host}:{}", http.port()),
    }
}

/// Host and port for `https://`, as clients are told them: of `http.public_url` where that is set, else
/// as far as the port can be reached.
fn https(config: &Config, http: SocketAddr, host: &str) -> String {
    let url = config.http.public_url.as_deref();
    if let Some(rest) = url.and_then(|url| url.strip_prefix("https://")) {
        return rest.split('/').next().unwrap_or(rest).to_owned();
    }
    if http.ip().is_loopback() {
        return local(http).to_string();
    }
    match host.parse() {
        Ok(ip) => SocketAddr::new(ip, http.port()).to_string(),
        Err(_) => format!("{host}:{}", http.port()),
    }
}

/// An address for clients on this machine.
fn local(listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        ip if !ip.is_unspecified() => listening,
        ip if ip.is_ipv4() => (Ipv4Addr::LOCALHOST, listening.port()).into(),
        _ => (Ipv6Addr::LOCALHOST, listening.port()).into(),
    }
}

/// A host that a client on this machine can connect to, for a listening address.
fn reachable(address: SocketAddr) -> String {
    local(address).ip().to_string()
}

fn certificate_names(host: &str) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}
