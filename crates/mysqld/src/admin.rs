//! Administration of a running engine over its socket, as Offshoot's own account: sessions, the
//! accounts inside a branch, what makes its data grow, what the engine is doing.
//!
//! It knows nothing of processes: an [endpoint](offshoot_core::instance::Endpoint) is all it needs.

pub mod accounts;
pub mod activity;
pub mod examine;
pub mod growth;
pub mod memory;
pub mod position;
pub mod session;
pub mod sessions;

pub use session::{AdminError, Session};
