//! Sessions of users: a file per verb.

pub(crate) mod delete;
pub(crate) mod list;
