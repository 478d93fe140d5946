//! Integration tests of the workspace and of the binary: one test binary.

mod boundaries;
mod crash;
mod fixture;
mod refusals;
mod story;
