//! Who calls.

pub(crate) mod show;
