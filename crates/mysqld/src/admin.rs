//! Administration of a running engine over its socket, as Offshoot's own account: sessions, the
//! accounts inside a branch and what is taken from them at a time, what the engine is doing.
//!
//! It knows nothing of processes: an [endpoint](offshoot_core::instance::Endpoint) is all it needs.

pub mod accounts;
pub mod activity;
pub mod confine;
pub mod examine;
pub mod memory;
pub mod position;
pub mod safe_admin;
pub mod session;
pub mod sessions;

pub use session::{AdminError, Session};
