//! The nouns of Offshoot, their states, the decisions about them, and the ports through which
//! the rest of the world is reached.
//!
//! This crate knows no clock, no randomness, no files, no network and no runtime: time and ids
//! are arguments ([`port::Clock`], [`port::Ids`]), effects are ports. Whatever is decided here is
//! decided by a pure function over facts, so that it can be tested as a table.

pub mod access;
pub mod audit;
pub mod automation;
pub mod backup;
pub mod backup_policy;
pub mod binlog;
pub mod branch;
pub mod credential;
pub mod database;
pub mod delivery;
pub mod drill;
pub mod engine;
pub mod gtid;
pub mod handover;
pub mod id;
pub mod import;
pub mod instance;
pub mod integration;
pub mod iteration;
pub mod keyspace;
pub mod login;
pub mod name;
pub mod off_site;
pub mod oidc;
pub mod organization;
pub mod password;
pub mod plan;
pub mod port;
pub mod refusal;
pub mod scope;
pub mod seed_rules;
pub mod shadow;
pub mod size;
pub mod span;
pub mod telling;
pub mod template;
pub mod token;
pub mod user;
pub mod volume;
pub mod webhook;

pub use refusal::{Kind, Refusal};
