//! Keyspaces, the MySQL schemas of a branch: a file per verb.

pub(crate) mod cancel_resize;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod list_resizes;
pub(crate) mod resize;
pub(crate) mod rollout_status;
pub(crate) mod set_regions;
pub(crate) mod show;
pub(crate) mod show_resize;
pub(crate) mod show_vschema;
pub(crate) mod update;
pub(crate) mod update_vschema;
