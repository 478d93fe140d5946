//! Iterations as planning tools announced them: a file per verb.

pub(crate) mod list;
pub(crate) mod resend;
pub(crate) mod show;
