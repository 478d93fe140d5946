//! Imports of branches: a file per verb.

pub(crate) mod complete;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod renew;
pub(crate) mod revert;
pub(crate) mod show;
