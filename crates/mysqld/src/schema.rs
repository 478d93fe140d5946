//! Schemas of running engines: the port [`Schemas`] on MySQL and MariaDB.
//!
//! It reads what the engine itself says (`SHOW CREATE`, the catalogue, MariaDB's definition files)
//! and replays it elsewhere; it knows nothing of templates or branches. Why the port lies in
//! `offshoot-schema`: `docs/design/0002-schema-port.md`.

mod apply;
mod channel;
mod files;
mod keyspace;
mod list;
mod mariadb;
mod mysql;
mod read;
mod seed;
mod tables;
mod views;

use crate::admin::session::quote;
use async_trait::async_trait;
use channel::Channel;
use files::KnownFiles;
use offshoot_core::engine::EngineKind;
use offshoot_core::id::InstanceId;
use offshoot_core::instance::Endpoint;
use offshoot_core::name::ENGINE_SCHEMAS;
use offshoot_core::port::PortResult;
use offshoot_schema::lint::TableFacts;
use offshoot_schema::object::{ObjectName, SchemaObject};
use offshoot_schema::port::{Delta, Fingerprint, Schemas};
use std::path::PathBuf;
use std::sync::Arc;

/// Where an instance's data directory (the volume's `data`) lies, if on this machine.
pub type FindDataDir = dyn Fn(InstanceId) -> Option<PathBuf> + Send + Sync;

/// [`Schemas`] on engines that run here.
pub struct EngineSchemas {
    data_dir: Box<FindDataDir>,
    known: Arc<KnownFiles>,
}

impl EngineSchemas {
    /// `data_dir` is asked for MariaDB only. Where it knows none, MariaDB's fingerprints are made of
    /// all definitions: as exact, but two orders of magnitude slower.
    pub fn new(data_dir: impl Fn(InstanceId) -> Option<PathBuf> + Send + Sync + 'static) -> Self {
        Self {
            data_dir: Box::new(data_dir),
            known: Arc::default(),
        }
    }
}

#[async_trait]
impl Schemas for EngineSchemas {
    async fn fingerprint(&self, endpoint: &Endpoint) -> PortResult<Fingerprint> {
        let mut channel = read::open(endpoint).await?;
        let found = match endpoint.engine.kind {
            EngineKind::Mysql => mysql::fingerprint(&mut channel, endpoint.engine.version).await?,
            EngineKind::Mariadb => match (self.data_dir)(endpoint.instance) {
                Some(dir) => {
                    let known = self.known.of(endpoint.instance);
                    mariadb::fingerprint(&mut channel, dir, known).await?
                }
                None => mariadb::fingerprint_by_definition(&mut channel).await?,
            },
        };
        channel.close().await;
        Ok(found)
    }

    async fn tables(&self, endpoint: &Endpoint) -> PortResult<Vec<TableFacts>> {
        let mut channel = read::open(endpoint).await?;
        let found = tables::tables(&mut channel).await?;
        channel.close().await;
        Ok(found)
    }

    async fn read(
        &self,
        endpoint: &Endpoint,
        names: Option<&[ObjectName]>,
    ) -> PortResult<Vec<SchemaObject>> {
        let mut channel = read::open(endpoint).await?;
        let objects = read::objects(&mut channel, endpoint.engine.kind, names).await?;
        channel.close().await;
        Ok(objects)
    }

    async fn apply(&self, endpoint: &Endpoint, delta: &Delta) -> PortResult<Vec<ObjectName>> {
        if delta.is_empty() {
            return Ok(Vec::new());
        }
        let mut channel = Channel::open(endpoint).await?;
        let left_out = apply::apply(&mut channel, endpoint.engine, delta).await?;
        channel.close().await;
        Ok(left_out)
    }

    async fn list_schemas(&self, endpoint: &Endpoint) -> PortResult<Vec<String>> {
        let mut channel = read::open(endpoint).await?;
        let names = list::schemas(&mut channel).await?;
        channel.close().await;
        Ok(names)
    }

    async fn create_schema(&self, endpoint: &Endpoint, name: &str) -> PortResult<bool> {
        let mut channel = read::open(endpoint).await?;
        let made = keyspace::create(&mut channel, name).await?;
        channel.close().await;
        Ok(made)
    }

    async fn drop_schema(&self, endpoint: &Endpoint, name: &str) -> PortResult<bool> {
        let mut channel = read::open(endpoint).await?;
        let dropped = keyspace::drop(&mut channel, name).await?;
        channel.close().await;
        Ok(dropped)
    }
}

/// A schema of users': not the engine's, and not a directory that is no schema.
fn of_users(schema: &str) -> bool {
    !ENGINE_SCHEMAS.contains(&schema) && !schema.starts_with("#mysql50#")
}

/// `column NOT IN (…the engine's schemas…)`.
pub(crate) fn users_only(column: &str) -> String {
    let names = ENGINE_SCHEMAS.map(quote).join(", ");
    format!("{column} NOT IN ({names})")
}
