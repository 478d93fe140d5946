//! What a parser does with bytes that nobody meant to send.

mod dice;
mod hostile;
