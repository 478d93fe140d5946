//! Texts of a schema: definitions, or differences to the parent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One table or other object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaText {
    /// Name of the object; objects of other schemas than the database's own as `schema.name`.
    pub name: String,
    /// The `CREATE` text, or a unified diff.
    pub raw: String,
    /// `raw`, escaped for a page.
    pub html: String,
}
