//! The gateway before real engines, with real clients and with hand-made packets.

mod bound;
mod close;
mod engine;
mod hostile;
mod login;
mod park;
mod raw;
mod speech;
mod world;
