//! Service tokens and their accesses: a file per verb.

pub(crate) mod add_access;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delete_access;
pub(crate) mod list;
pub(crate) mod list_access;
pub(crate) mod show;
pub(crate) mod show_access;

use offshoot_core::Refusal;
use offshoot_core::access::Access;

/// Names of accesses.
fn accesses(names: &[String]) -> Result<Vec<Access>, Refusal> {
    if names.is_empty() {
        return Err(Refusal::invalid("access", "no access is named"));
    }
    let access = |name: &String| {
        name.trim().parse().map_err(|_| {
            let known: Vec<&str> = Access::ALL.iter().map(|a| a.as_str()).collect();
            Refusal::invalid("access", format!("there is no access {name:?}"))
                .hint(format!("the accesses are {}", known.join(", ")))
        })
    };
    names.iter().map(access).collect()
}
