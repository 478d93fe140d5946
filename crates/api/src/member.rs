//! Members of organizations: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod set_password;
pub(crate) mod show;
pub(crate) mod update;
