//! Schemas of engines in memory. As strict about order as a real engine: a table needs its schema.

use super::World;
use super::world::{State, missing};
use async_trait::async_trait;
use offshoot_core::id::VolumeId;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::{Kind, Refusal};
use offshoot_schema::lint::TableFacts;
use offshoot_schema::object::CreationContext;
use offshoot_schema::port::{Delta, Fingerprint, Schemas, Stamp};
use offshoot_schema::{ObjectKind, ObjectName, SchemaObject};

#[derive(Clone)]
pub struct FakeSchemas(pub World);

pub(super) fn volume_of(state: &State, endpoint: &Endpoint) -> PortResult<VolumeId> {
    match state.running.get(&endpoint.instance) {
        Some(running) if running.endpoint == *endpoint => Ok(running.spec.volume),
        _ => Err(PortError::retry(Refusal::unavailable(
            "the engine does not run",
        ))),
    }
}

/// An object whose definition says so cannot be made again.
const BROKEN: &str = "BROKEN";

#[async_trait]
impl Schemas for FakeSchemas {
    async fn fingerprint(&self, endpoint: &Endpoint) -> PortResult<Fingerprint> {
        self.0.enter("schemas.fingerprint")?;
        let mut state = self.0.lock();
        let settled = state.young == 0;
        state.young = state.young.saturating_sub(1);
        let volume = volume_of(&state, endpoint)?;
        let data = state.volumes.get(&volume).ok_or_else(|| missing(volume))?;
        Ok(Fingerprint {
            objects: data
                .objects
                .iter()
                .map(|(name, (object, stamp))| {
                    let stamp = Stamp {
                        value: stamp.to_string(),
                        settled,
                        table: object.table.clone(),
                    };
                    (name.clone(), stamp)
                })
                .collect(),
        })
    }

    async fn tables(&self, endpoint: &Endpoint) -> PortResult<Vec<TableFacts>> {
        let objects = self.read(endpoint, None).await?;
        let tables = objects.iter().filter(|o| o.name.kind == ObjectKind::Table);
        Ok(tables
            .map(|o| TableFacts {
                schema: o.name.schema.clone(),
                name: o.name.name.clone(),
                engine: "InnoDB".into(),
                charset: "utf8mb4".into(),
                identified: false,
            })
            .collect())
    }

    async fn read(
        &self,
        endpoint: &Endpoint,
        names: Option<&[ObjectName]>,
    ) -> PortResult<Vec<SchemaObject>> {
        self.0.enter("schemas.read")?;
        let state = self.0.lock();
        let volume = volume_of(&state, endpoint)?;
        let data = state.volumes.get(&volume).ok_or_else(|| missing(volume))?;
        Ok(data
            .objects
            .iter()
            .filter(|(name, _)| names.is_none_or(|names| names.contains(name)))
            .map(|(_, (object, _))| object.clone())
            .collect())
    }

    async fn apply(&self, endpoint: &Endpoint, delta: &Delta) -> PortResult<Vec<ObjectName>> {
        self.0.enter("schemas.apply")?;
        let mut left_out = Vec::new();
        {
            let mut state = self.0.lock();
            let volume = volume_of(&state, endpoint)?;
            for name in &delta.drop {
                let data = state
                    .volumes
                    .get_mut(&volume)
                    .ok_or_else(|| missing(volume))?;
                data.objects.remove(name);
                if name.kind == ObjectKind::Schema {
                    data.objects.retain(|n, _| n.schema != name.schema);
                }
            }
            for object in &delta.create {
                if object.ddl.contains(BROKEN) {
                    left_out.push(object.name.clone());
                    continue;
                }
                let stamp = state.next_stamp();
                let data = state
                    .volumes
                    .get_mut(&volume)
                    .ok_or_else(|| missing(volume))?;
                let schema = ObjectName::schema(object.name.schema.clone());
                if object.name.kind != ObjectKind::Schema && !data.objects.contains_key(&schema) {
                    return Err(PortError::fatal(Refusal::new(
                        Kind::Internal,
                        format!("unknown database for {}", object.name),
                    )));
                }
                data.objects
                    .insert(object.name.clone(), (object.clone(), stamp));
            }
        }
        self.0.leave()?;
        Ok(left_out)
    }

    async fn list_schemas(&self, endpoint: &Endpoint) -> PortResult<Vec<String>> {
        self.0.enter("schemas.list_schemas")?;
        let state = self.0.lock();
        let volume = volume_of(&state, endpoint)?;
        let data = state.volumes.get(&volume).ok_or_else(|| missing(volume))?;
        let names = data.objects.keys();
        let names = names.filter(|name| name.kind == ObjectKind::Schema);
        let mut names: Vec<String> = names.map(|name| name.schema.clone()).collect();
        names.sort();
        Ok(names)
    }

    async fn create_schema(&self, endpoint: &Endpoint, name: &str) -> PortResult<bool> {
        self.0.enter("schemas.create_schema")?;
        let mut state = self.0.lock();
        let volume = volume_of(&state, endpoint)?;
        let stamp = state.next_stamp();
        let data = state
            .volumes
            .get_mut(&volume)
            .ok_or_else(|| missing(volume))?;
        let schema = ObjectName::schema(name);
        if data.objects.contains_key(&schema) {
            return Ok(false);
        }
        let object = SchemaObject {
            name: schema.clone(),
            ddl: format!("CREATE DATABASE `{name}`"),
            context: CreationContext::default(),
            table: None,
        };
        data.objects.insert(schema, (object, stamp));
        Ok(true)
    }

    async fn drop_schema(&self, endpoint: &Endpoint, name: &str) -> PortResult<bool> {
        self.0.enter("schemas.drop_schema")?;
        let mut state = self.0.lock();
        let volume = volume_of(&state, endpoint)?;
        let data = state
            .volumes
            .get_mut(&volume)
            .ok_or_else(|| missing(volume))?;
        let there = data.objects.remove(&ObjectName::schema(name)).is_some();
        data.objects.retain(|object, _| object.schema != name);
        Ok(there)
    }
}
