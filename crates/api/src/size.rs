//! Sizes of branches, for clients that ask.

pub(crate) mod list;
pub(crate) mod list_of_branch;
