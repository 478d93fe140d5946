//! What the store of off-site copies has: a file per verb.

pub(crate) mod delete;
pub(crate) mod import;
pub(crate) mod list;
