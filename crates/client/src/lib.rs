//! Typed client of Offshoot's HTTP API, over the shapes of `api-types`.
//!
//! One [`Client`] keeps its connections open and is cheap to clone. Nothing here decides, prints
//! or reads files; the only state is the base URL and the token.

mod audit_log;
mod automation;
mod backup;
mod backup_policy;
mod branch;
mod creating;
mod database;
mod drill;
mod error;
mod event;
mod import;
mod inspect;
mod integration;
mod keyspace;
mod machine;
mod member;
mod off_site;
mod organization;
mod password;
mod request;
mod seed_rules;
mod service_token;
mod shadow;
mod token;
mod webhook;

pub use backup::{BackupsOf, WhichBackups};
pub use branch::Wait;
pub use drill::WhichDrills;
pub use error::{Error, Refused};
pub use event::{BranchEvents, Told};
pub use import::ImportsOf;
pub use integration::WhichIterations;
pub use machine::{Raw, RawAnswer};
pub use request::{Client, PageOf, Trace, is_loopback};
pub use reqwest::Method;
pub use token::Token;
pub use webhook::WhichSent;
