//! Integration tests of the crate: one binary.

mod access;
mod document;
mod errors;
mod machine;
mod requests;
mod resources;
mod server;
