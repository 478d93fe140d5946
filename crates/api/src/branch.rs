//! Branches: a file per verb.

pub(crate) mod connections;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod demote;
pub(crate) mod diff;
pub(crate) mod events;
pub(crate) mod infrastructure;
pub(crate) mod kill_connection;
pub(crate) mod kill_process;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod processlist;
pub(crate) mod promote;
pub(crate) mod refresh_schema;
pub(crate) mod reset;
pub(crate) mod safe_migrations;
pub(crate) mod schema;
pub(crate) mod set_cluster;
pub(crate) mod show;
pub(crate) mod sleep;
pub(crate) mod update;
pub(crate) mod wake;
