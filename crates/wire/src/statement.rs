//! The little of SQL that the gateway has to see: `KILL n`, and what a statement leaves behind in
//! its session.
//!
//! Both look at [`Tokens`], never at the meaning, and err on the side of "unknown".

mod effect;
mod kill;
mod token;

pub use effect::{Effect, effect};
pub use kill::{Kill, kill};
pub use token::{Token, Tokens};
