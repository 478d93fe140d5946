//! Lists: numbered pages, the audit log's cursor, and plain `{data}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The `type` of every list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListType {
    #[default]
    List,
}

/// One numbered page. The first has number 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    #[serde(rename = "type")]
    pub kind: ListType,
    pub current_page: u32,
    pub per_page: u32,
    pub next_page: Option<u32>,
    pub next_page_url: Option<String>,
    pub prev_page: Option<u32>,
    pub prev_page_url: Option<String>,
    /// Of the whole list; absent for lists that PlanetScale does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_pages: Option<u64>,
    pub data: Vec<T>,
}

/// A stretch of a list that grows at its new end. Newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cursored<T> {
    #[serde(rename = "type")]
    pub kind: ListType,
    pub has_next: bool,
    pub has_prev: bool,
    /// Id of the first entry here: `ending_before` for the stretch before.
    pub cursor_start: Option<String>,
    /// Id of the last entry here: `starting_after` for the stretch after.
    pub cursor_end: Option<String>,
    pub data: Vec<T>,
}

/// A list that is always whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataList<T> {
    pub data: Vec<T>,
}
