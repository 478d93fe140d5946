//! Regions. There is one: this machine.

pub(crate) mod list;
pub(crate) mod list_public;
