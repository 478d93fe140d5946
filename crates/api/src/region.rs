//! Regions. There is one: this machine.

pub(crate) mod list;
pub(crate) mod list_of_database;
pub(crate) mod list_public;
pub(crate) mod list_read_only;
