//! The pool.

pub(crate) mod show;
pub(crate) mod usage;
