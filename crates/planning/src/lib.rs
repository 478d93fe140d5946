//! Planning tools: what they send is verified and read ([`inbound`]), what they have is asked for
//! ([`poll`]), and both become observations of iterations ([`offshoot_core::iteration`]). What is told to
//! people becomes a note there ([`note`]) or a message in a chat ([`chat`]).
//!
//! Bytes and times go in, values come out. No I/O, no clock: whoever calls sends the requests, waits,
//! and keeps what was found. Secrets are arguments too; they go into headers and nowhere else.
//!
//! One file for each tool beneath [`tool`]. `docs/guide/planning/` has a page for each.

pub mod chat;
mod date;
pub mod inbound;
mod json;
pub mod message;
pub mod note;
pub mod poll;
pub mod settings;
mod signature;
pub mod tool;

pub use settings::Settings;
pub use signature::Unverified;
pub use tool::Tool;
