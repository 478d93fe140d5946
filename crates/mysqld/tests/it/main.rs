//! Integration tests of the crate: one binary.

mod accounts;
mod engine;
mod instance;
mod instance_stand;
mod schema;
mod schema_engine;
mod schema_change;
mod schema_cost;
