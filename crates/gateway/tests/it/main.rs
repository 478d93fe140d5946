//! The gateway before real engines, with real clients and with hand-made packets.

mod bound;
mod close;
mod data;
#[path = "../../../wire/tests/it/dice.rs"]
mod dice;
mod engine;
mod hostile;
mod limit;
mod login;
mod messages;
mod park;
mod raw;
mod speech;
mod world;
