//! Schema objects, as the engine's own `SHOW CREATE` describes them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Kinds in the order in which they are created: nothing needs an object of a later kind to be
/// made, but for views that call functions and views that read views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    Schema,
    Sequence,
    Table,
    Function,
    Procedure,
    /// MariaDB, `sql_mode=ORACLE`.
    Package,
    /// MariaDB, `sql_mode=ORACLE`.
    PackageBody,
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

impl ObjectName {
    pub fn new(kind: ObjectKind, schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            kind,
            name: name.into(),
        }
    }

    /// The name of a schema.
    pub fn schema(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::new(ObjectKind::Schema, name.clone(), name)
    }
}

impl fmt::Display for ObjectName {
    /// As a person would say it: ``table `shop`.`orders` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == ObjectKind::Schema {
            return write!(f, "schema `{}`", self.schema);
        }
        write!(f, "{} `{}`.`{}`", self.kind.words(), self.schema, self.name)
    }
}

impl ObjectKind {
    /// Its SQL name in lower case, as in `SHOW CREATE …` and `DROP …`.
    pub fn words(self) -> &'static str {
        match self {
            ObjectKind::Schema => "schema",
            ObjectKind::Sequence => "sequence",
            ObjectKind::Table => "table",
            ObjectKind::Function => "function",
            ObjectKind::Procedure => "procedure",
            ObjectKind::Package => "package",
            ObjectKind::PackageBody => "package body",
            ObjectKind::View => "view",
            ObjectKind::Trigger => "trigger",
            ObjectKind::Event => "event",
        }
    }
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
