//! Shadows of production branches: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod show;
pub(crate) mod update;
