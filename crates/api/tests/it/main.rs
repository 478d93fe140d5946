//! Integration tests of the crate: one binary.

mod access;
mod cli;
mod conditions;
mod document;
mod errors;
mod replays;
mod requests;
mod resources;
mod server;
mod shapes;
