//! Seed rules of databases: a file per verb.

pub(crate) mod delete;
pub(crate) mod list_versions;
pub(crate) mod set;
pub(crate) mod show;
pub(crate) mod show_test;
pub(crate) mod test;
