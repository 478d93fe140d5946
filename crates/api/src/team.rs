//! Teams of organizations: a file per verb.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod show;
