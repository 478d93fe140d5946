//! The port to schemas of running engines. It is here and not in `core`, with its nouns:
//! `docs/design/0002-schema-port.md`.

use crate::lint::TableFacts;
use crate::object::{ObjectName, SchemaObject};
use async_trait::async_trait;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::PortResult;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an object looked when it was read, without its definition: cheap to read for all objects at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Changes whenever the object changes, if `settled`.
    pub value: String,
    /// The engine's stamp has whole seconds: one younger than the read may change without showing.
    pub settled: bool,
    /// The table of a trigger: it goes when the table is dropped.
    pub table: Option<String>,
}

/// All user objects of an engine with their stamps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    #[serde(with = "pairs")]
    pub objects: BTreeMap<ObjectName, Stamp>,
}

impl Fingerprint {
    /// Every stamp is to be trusted: a copy made of this state stays comparable. One with unsettled
    /// stamps re-creates those objects once more; asking again a second later avoids that.
    pub fn settled(&self) -> bool {
        self.objects.values().all(|stamp| stamp.settled)
    }
}

/// What has to happen to a copy: these objects go (dependents first), then these are made (in order).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub drop: Vec<ObjectName>,
    pub create: Vec<SchemaObject>,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        self.drop.is_empty() && self.create.is_empty()
    }
}

#[async_trait]
pub trait Schemas: Send + Sync {
    /// Stamps of every user object. Milliseconds for 500 tables.
    async fn fingerprint(&self, endpoint: &Endpoint) -> PortResult<Fingerprint>;

    /// What there is to know of each base table without its definition, by name.
    async fn tables(&self, endpoint: &Endpoint) -> PortResult<Vec<TableFacts>>;

    /// Definitions of the objects named, or of all with `None`. One that is gone meanwhile is left
    /// out. Triggers of one table, event and time come in the order in which they fire.
    async fn read(
        &self,
        endpoint: &Endpoint,
        names: Option<&[ObjectName]>,
    ) -> PortResult<Vec<SchemaObject>>;

    /// Makes the engine's schema follow: drops, then creates, both tolerant of being repeated
    /// (drop of what is not there, create of what is there already replaces it). No binlog entries.
    /// Tables are re-created empty. A schema that is there is altered, not dropped. Returns what was
    /// left out: views and triggers that are broken in the parent, which no engine can make.
    async fn apply(&self, endpoint: &Endpoint, delta: &Delta) -> PortResult<Vec<ObjectName>>;

    /// Names of the users' schemas, sorted.
    async fn list_schemas(&self, endpoint: &Endpoint) -> PortResult<Vec<String>>;

    /// Makes an empty schema, as a user would: with the engine's character set, and in the binlog. `false`: there
    /// is one of that name.
    async fn create_schema(&self, endpoint: &Endpoint, name: &str) -> PortResult<bool>;

    /// Drops a schema with all that is in it, as a user would. `false`: there is none of that name.
    ///
    /// # Errors
    /// Fatal: the engine refuses, or somebody uses what is in it (`CONFLICT`).
    async fn drop_schema(&self, endpoint: &Endpoint, name: &str) -> PortResult<bool>;
}

/// JSON has no maps with structured keys: a list of pairs instead.
mod pairs {
    use super::{ObjectName, Stamp};
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<ObjectName, Stamp>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<ObjectName, Stamp>, D::Error> {
        Vec::<(ObjectName, Stamp)>::deserialize(d).map(|v| v.into_iter().collect())
    }
}
