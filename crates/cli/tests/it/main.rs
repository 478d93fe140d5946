//! Integration tests of the crate: one binary.

#![recursion_limit = "256"]

mod canned;
mod commands;
mod help;
mod parse;
mod seed_rules;
mod shadow;
