//! Integration tests of the workspace and of the binary: one test binary.

mod boundaries;
