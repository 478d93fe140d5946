//! Integration tests of the crate: one binary.

mod accounts;
mod binlog;
mod confine;
mod copies;
mod copies_stand;
mod engine;
mod hostile;
mod instance;
mod instance_stand;
mod keyspace;
mod safe_migrations;
mod schema;
mod schema_change;
mod schema_cost;
mod schema_engine;
mod seed;
