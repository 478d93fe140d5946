//! Reading requests: who calls, path, query, body, preferences. Everything that is malformed is
//! refused here with the field that is at fault.

mod body;
mod caller;
mod condition;
mod creating;
mod field;
mod form;
mod parameters;
mod path;
mod prefer;

pub(crate) use body::{Body, read_up_to};
pub(crate) use caller::{Authenticated, remote};
pub(crate) use condition::IfMatch;
pub(crate) use creating::{Creating, IdempotencyKey};
pub(crate) use field::{blank, cidrs, moment, number, role, seconds};
pub(crate) use form::Fields;
pub(crate) use parameters::Parameters;
pub(crate) use path::Segments;
pub(crate) use prefer::Prefer;

pub use body::MAX_BODY;
