//! Integration tests of the crate: one binary.

mod access;
mod cli;
mod document;
mod errors;
mod machine;
mod requests;
mod resources;
mod server;
mod shapes;
