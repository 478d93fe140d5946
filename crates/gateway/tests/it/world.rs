//! A gateway on a free port, with routes that a test controls.

use crate::engine::RealEngine;
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::credential::Verifier;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BranchId, PasswordId, RawId};
use offshoot_core::instance::Endpoint;
use offshoot_core::password::Role;
use offshoot_core::port::{AuthFailure, Clock, Credential, Ids, PortResult, Routes};
use offshoot_core::refusal::Refusal;
use offshoot_gateway::{DataApi, Gateway, GatewayOptions, Listener, RequireTls, SessionRegistry};
use secrecy::SecretString;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "ofs_pw_0123456789abcdefghijklmnopqrstuvwxyz";

#[derive(Default)]
pub(crate) struct TestRoutes {
    pub(crate) credentials: Mutex<HashMap<String, Credential>>,
    pub(crate) endpoint: Mutex<Option<Endpoint>>,
    pub(crate) opened: AtomicU32,
    pub(crate) used: AtomicU32,
    pub(crate) refused: Mutex<Vec<AuthFailure>>,
}

#[async_trait]
impl Routes for TestRoutes {
    async fn credential(&self, username: &str) -> PortResult<Option<Credential>> {
        Ok(self.credentials.lock().unwrap().get(username).cloned())
    }

    async fn open(&self, _: BranchId) -> Result<Endpoint, Refusal> {
        self.opened.fetch_add(1, Relaxed);
        self.endpoint.lock().unwrap().clone().ok_or_else(|| {
            Refusal::unavailable("branch \"x\" does not start").hint("look at its logs")
        })
    }

    fn used(&self, _: PasswordId, _: Timestamp) {
        self.used.fetch_add(1, Relaxed);
    }

    fn refused(&self, _: Option<PasswordId>, _: &str, _: IpAddr, why: AuthFailure) {
        self.refused.lock().unwrap().push(why);
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of the tests")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Bytes that differ, which is all the gateway needs of them here.
#[derive(Default)]
struct Counting(AtomicU64);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for b in bytes {
            let n = self
                .0
                .fetch_add(1, Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *b = (n >> 40) as u8;
        }
    }
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) routes: Arc<TestRoutes>,
    pub(crate) registry: Arc<SessionRegistry>,
    pub(crate) gateway: Gateway,
    pub(crate) data: DataApi,
    pub(crate) branch: BranchId,
    /// Engine of the credentials that are added.
    pub(crate) engine: EngineRef,
    pub(crate) cancel: CancellationToken,
    pub(crate) served: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) fn options(engine: &RealEngine) -> GatewayOptions {
    let mut options = GatewayOptions::new(engine.files.engine);
    options.require_tls = RequireTls::Remote;
    options
}

impl World {
    pub(crate) async fn of(engine: &RealEngine) -> Self {
        Self::with(engine, options(engine), false).await
    }

    /// `bound`: the listener lets in clients of this engine's kind alone.
    pub(crate) async fn with(engine: &RealEngine, options: GatewayOptions, bound: bool) -> Self {
        let routes = Arc::new(TestRoutes::default());
        *routes.endpoint.lock().unwrap() = Some(engine.endpoint.clone());
        let registry = Arc::new(SessionRegistry::new());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let gateway = Gateway::new(
            options,
            routes.clone(),
            Arc::new(SystemClock),
            Arc::new(Counting::default()),
            registry.clone(),
            Some(tls()),
        );
        let cancel = CancellationToken::new();
        let listener = Listener {
            socket,
            engine: bound.then_some(engine.files.engine),
        };
        let serving = cancel.clone();
        let data = gateway.data_api();
        let served_by = gateway.clone();
        let served =
            tokio::spawn(async move { served_by.serve(vec![listener], serving).await.unwrap() });
        let world = Self {
            address,
            routes,
            registry,
            gateway,
            data,
            branch: id("branch000001").into(),
            engine: engine.files.engine,
            cancel,
            served: Some(served),
        };
        for role in Role::ALL {
            world.add(role.as_str(), world.branch, role, |_| {});
        }
        world
    }

    /// A credential; its username is given, its secret is [`SECRET`].
    pub(crate) fn add(
        &self,
        username: &str,
        branch: BranchId,
        role: Role,
        change: impl FnOnce(&mut Credential),
    ) -> PasswordId {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Relaxed);
        let mut credential = Credential {
            password: id(&format!("password{n:04}")).into(),
            branch,
            schema: "shop".into(),
            engine: self.engine,
            role,
            verifier: Verifier::of(&SecretString::from(SECRET)),
            cidrs: Vec::new(),
            expires_at: None,
            max_connections: None,
        };
        change(&mut credential);
        let password = credential.password;
        let mut credentials = self.routes.credentials.lock().unwrap();
        credentials.insert(username.to_owned(), credential);
        password
    }

    pub(crate) fn opts(&self, username: &str) -> mysql_async::OptsBuilder {
        mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.address.port())
            .user(Some(username))
            .pass(Some(SECRET))
            .db_name(Some("shop"))
            .prefer_socket(false)
    }

    pub(crate) async fn connect(&self, username: &str) -> mysql_async::Conn {
        mysql_async::Conn::new(self.opts(username)).await.unwrap()
    }

    pub(crate) fn last_refused(&self) -> Option<AuthFailure> {
        self.routes.refused.lock().unwrap().last().copied()
    }
}

pub(crate) fn id(text: &str) -> RawId {
    text.parse().unwrap()
}

/// A table name nobody else uses.
pub(crate) fn table() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}", NEXT.fetch_add(1, Relaxed))
}

fn tls() -> Arc<rustls::ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    Arc::new(config)
}
