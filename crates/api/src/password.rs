//! Passwords of branches: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod list_of_database;
pub(crate) mod renew;
pub(crate) mod show;
pub(crate) mod update;
