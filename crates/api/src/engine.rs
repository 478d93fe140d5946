//! Engines.

pub(crate) mod list;
