//! The whole API over a real `Control` and a store of its own, called without a network.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use offshoot_api::{ApiShapes, ApiState, router};
use offshoot_api_types::Region;
use offshoot_control::{Control, Ports, Settings};
use offshoot_core::port::{Clock, Ids};
use offshoot_store::{Durability, MasterKey, Store};
use offshoot_testkit::fake::{
    FakeArchive, FakeBinlogs, FakeCredentialFiles, FakeEngines, FakeInstances, FakeOutbound,
    FakeSchemas, FakeSeeds, FakeSessions, FakeVault, FakeVolumes, SeededIds, World,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

pub(crate) struct Server {
    router: Router,
    pub(crate) world: World,
    /// `id:token`
    pub(crate) root: String,
    ending: CancellationToken,
    _running: DropGuard,
    _dir: TempDir,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Fails unless it has this status.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            return Value::Null;
        }
        self.json()
    }
}

pub(crate) async fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("offshoot.db");
    let key = MasterKey::from_bytes([7; 32]);
    let store = Store::open(&file, key, Durability::Process).await.unwrap();
    let world = World::new("mysql-9.7.4");
    let ports = ports(&world);
    let ids: &dyn Ids = &*ports.ids;
    let mut settings = Settings::new(ids.id().into(), ids.id().into());
    settings.warm_instances = 0;
    settings.gateway.host = "db.example.com".into();
    let control = Control::new(store, ports, settings);
    let root = control.bootstrap().await.unwrap().unwrap();
    let stop = CancellationToken::new();
    let running = control.clone();
    let until = stop.clone();
    tokio::spawn(async move { running.run(until).await });
    let ending = CancellationToken::new();
    let (router, _) = router(ApiState {
        control,
        public_url: "http://api.example.com".into(),
        region: region().into(),
        ending: ending.clone(),
        metrics: Some(Arc::new(|| "offshoot_up 1\n".to_owned())),
    });
    Server {
        router,
        world,
        root: format!("{}:{}", root.id, root.token.expose_secret()),
        ending,
        _running: stop.drop_guard(),
        _dir: dir,
    }
}

fn region() -> Region {
    Region::only("office", "The office")
}

/// Time that passes: retries and waits are part of what is tested.
struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

fn ports(world: &World) -> Ports {
    Ports {
        clock: Arc::new(RealClock),
        ids: Arc::new(SeededIds::new(42)),
        volumes: Arc::new(FakeVolumes(world.clone())),
        engines: Arc::new(FakeEngines(world.clone())),
        instances: Arc::new(FakeInstances(world.clone())),
        schemas: Arc::new(FakeSchemas(world.clone())),
        seeds: Arc::new(FakeSeeds(world.clone())),
        sessions: Arc::new(FakeSessions(world.clone())),
        binlogs: Arc::new(FakeBinlogs(world.clone())),
        vault: Arc::new(FakeVault(world.clone())),
        archive: Some(Arc::new(FakeArchive(world.clone()))),
        outbound: Arc::new(FakeOutbound(world.clone())),
        identities: None,
        credential_files: Arc::new(FakeCredentialFiles(world.clone())),
        shapes: Arc::new(ApiShapes {
            public_url: "http://api.example.com".into(),
            region: region().into(),
        }),
    }
}

impl Server {
    /// As root.
    pub(crate) async fn call(&self, what: &str, body: Option<Value>) -> Answer {
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        self.send(what, &[("authorization", &self.root)], &body)
            .await
    }

    /// `what`: method and path. Headers and body as they are.
    pub(crate) async fn send(&self, what: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Ends the streams, as a server does that stops.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// Serves it on a port of its own while the test runs; the URL.
    pub(crate) async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = self.router.clone();
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        url
    }

    /// Database `shop`, ready.
    pub(crate) async fn shop(&self) {
        let root = [("authorization", &*self.root), ("prefer", "wait=20")];
        let what = "POST /v1/organizations/default/databases";
        let made = self
            .send(what, &root, r#"{"name":"shop"}"#)
            .await
            .expect(201);
        assert_eq!(made["ready"], true, "{made}");
    }
}
