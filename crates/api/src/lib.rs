//! axum routes of the HTTP API, and the OpenAPI document that follows from them.
//!
//! A handler is a file per verb: request → core command → `control` → wire shape. Nothing is
//! decided here: no SQL, no engines, no clock. What all requests have in common (ids, logs, error
//! bodies, limits) is in [`observe`] and [`request`].

mod access;
mod answer;
mod audit_log;
mod automation;
mod backup;
mod backup_policy;
mod branch;
mod database;
mod document;
mod drill;
mod engine;
mod health;
mod import;
mod inbound;
mod integration;
mod iteration;
mod keyspace;
mod later;
mod limit;
mod member;
mod oauth;
mod observe;
mod off_site_backup;
mod organization;
mod page;
mod password;
mod pool;
mod region;
mod request;
mod reveal;
mod router;
mod seed_rules;
mod service_token;
mod session;
mod shadow;
mod size;
mod state;
mod team;
mod user;
mod vtgate;
mod webhook;

pub use answer::ApiShapes;
pub use observe::Unprotected;
pub use request::MAX_BODY;
pub use router::{openapi, router};
pub use state::ApiState;
