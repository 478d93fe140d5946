//! Integration tests of the crate: one binary.

mod access;
mod cli;
mod document;
mod errors;
mod requests;
mod resources;
mod server;
mod shapes;
