//! Organizations: list, show.

pub(crate) mod list;
pub(crate) mod show;
