//! Schema objects, as the engine's own `SHOW CREATE` describes them.

use serde::{Deserialize, Serialize};

/// Kinds in the order in which they are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    Schema,
    Sequence,
    Table,
    Function,
    Procedure,
    View,
    Trigger,
    Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectName {
    pub schema: String,
    pub kind: ObjectKind,
    /// Equal to `schema` for a schema.
    pub name: String,
}

/// The session settings an object was created under, which its creation elsewhere needs too.
/// Empty strings where they do not matter for the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationContext {
    pub sql_mode: String,
    pub character_set_client: String,
    pub collation_connection: String,
    /// Default collation of the schema at that time.
    pub database_collation: String,
    pub time_zone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaObject {
    pub name: ObjectName,
    /// The engine's `SHOW CREATE` text, with `AUTO_INCREMENT=n` of tables taken out.
    pub ddl: String,
    pub context: CreationContext,
    /// The table of a trigger.
    pub table: Option<String>,
}
