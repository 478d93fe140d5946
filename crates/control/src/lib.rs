//! Use-cases, workflows, reconcilers: the only place that decides and acts.
//!
//! A use-case is a function `noun::verb(&Control, &located, …)`; the located value proves the
//! caller's right ([`locate`]). It sees machines through [`Ports`] and its memory through
//! [`Store`]; it knows no HTTP, no SQL, no paths.

pub mod audit;
pub mod branch;
pub mod caller;
pub mod database;
pub mod engine;
pub mod locate;
pub mod organization;
pub mod page;
pub mod password;
pub mod pool;
mod routes;
pub mod settings;
pub mod token;

pub use settings::{Limits, Settings};

use offshoot_core::Refusal;
use offshoot_core::port::{Clock, Engines, Ids, Instances, Sessions, Volumes};
use offshoot_schema::port::Schemas;
use offshoot_store::Store;
use secrecy::SecretString;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The machines, as control sees them.
#[derive(Clone)]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub volumes: Arc<dyn Volumes>,
    pub engines: Arc<dyn Engines>,
    pub instances: Arc<dyn Instances>,
    pub schemas: Arc<dyn Schemas>,
    pub sessions: Arc<dyn Sessions>,
}

/// Everything that decides and acts. Cheap to clone.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    #[expect(dead_code, reason = "the bodies follow")]
    store: Store,
    #[expect(dead_code, reason = "the bodies follow")]
    ports: Ports,
    #[expect(dead_code, reason = "the bodies follow")]
    settings: Settings,
}

/// The root service token of a first start.
#[derive(Clone, Debug)]
pub struct RootToken {
    pub id: String,
    pub token: SecretString,
}

impl Control {
    pub fn new(store: Store, ports: Ports, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            store,
            ports,
            settings,
        }))
    }

    /// First start: makes organization `default` and a root service token, which is returned this
    /// once; `None` at every later start.
    pub async fn bootstrap(&self) -> Result<Option<RootToken>, Refusal> {
        Err(Refusal::internal("not built yet"))
    }

    /// Runs workflows and reconcilers until cancelled; returns when the last of them has stopped
    /// (and the engines, where the settings say so).
    pub async fn run(&self, stop: CancellationToken) {
        stop.cancelled().await;
    }
}
