//! Offshoot's metadata: the only crate with SQL of ours.
//!
//! [`Store`] gives [`Session`]s for reading and [`Tx`]s for writing; one file per noun holds the
//! statements. Row types stay inside. It decides nothing and knows no machine.

pub mod archive;
pub mod audit;
pub mod automation;
pub mod backup;
pub mod backup_policy;
pub mod binding;
pub mod binlog;
pub mod branch;
pub mod database;
pub mod delivery;
pub mod drill;
mod error;
pub mod handover;
pub mod idempotency;
pub mod import;
pub mod inspect;
pub mod instance;
pub mod integration;
pub mod iteration;
pub mod key;
pub mod login;
pub mod node;
pub mod off_site;
pub mod organization;
pub mod password;
pub mod receiver_token;
mod row;
pub mod seed_rules;
mod session;
pub mod shadow;
pub mod telling;
pub mod template;
pub mod token;
pub mod upgrade;
pub mod user;
pub mod volume;
pub mod webhook;
pub mod workflow;

pub use error::{StoreError, StoreResult};
pub use key::MasterKey;
pub use session::{Durability, Faults, Session, Store, Tx};
