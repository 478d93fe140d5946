//! Branches: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod demote;
pub(crate) mod diff;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod promote;
pub(crate) mod reset;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod sleep;
pub(crate) mod update;
pub(crate) mod wake;
