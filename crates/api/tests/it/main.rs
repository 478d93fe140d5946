//! Integration tests of the crate: one binary.

mod access;
mod backups;
mod cli;
mod compatible;
mod conditions;
mod document;
mod errors;
mod events;
mod keyspaces;
mod logins;
mod members;
mod off_site;
mod planning;
mod policies;
mod replays;
mod requests;
mod resources;
mod seed_rules;
mod server;
mod shapes;
mod sizes;
mod webhooks;
