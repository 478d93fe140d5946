//! MySQL packets and authentication as values; no I/O.
//!
//! What the gateway says to clients and to engines, both ways: [`greeting`], [`login`], [`switch`],
//! [`reply`], [`mod@column`], [`command`], the framing they travel in ([`packet`]), how secrets are proved
//! ([`auth`]), and the little that has to be understood of statements ([`statement`]), of dumps ([`script`]) and of
//! binlog files ([`binlog`]).
//! Source:
//! MySQL's "Client/Server Protocol" and MariaDB's "Clientserver Protocol" documents. Parsers take
//! hostile bytes: they never panic, and never allocate more than the bytes they were given.

pub mod auth;
pub mod binlog;
pub mod capability;
pub mod column;
pub mod command;
pub mod cursor;
pub mod error;
pub mod greeting;
pub mod login;
pub mod packet;
pub mod proxy;
pub mod reply;
pub mod script;
pub mod statement;
pub mod switch;

pub use cursor::Malformed;
