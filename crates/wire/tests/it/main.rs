//! What a parser does with bytes that nobody meant to send.

mod binlog;
mod dice;
mod hostile;
