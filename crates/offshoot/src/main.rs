//! The `offshoot` binary.

mod clock;
mod config;
mod data_dir;
mod tls;

fn main() {}
