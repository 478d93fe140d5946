//! Webhooks of databases: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod list_deliveries;
pub(crate) mod replay_delivery;
pub(crate) mod show;
pub(crate) mod show_delivery;
pub(crate) mod test;
pub(crate) mod update;

use offshoot_core::Refusal;
use offshoot_core::webhook::EventName;

/// Blank names are no names: clients send them for what they do not mean.
fn events(names: Vec<String>) -> Result<Vec<EventName>, Refusal> {
    let names = names.iter().map(|name| name.trim());
    let names = names.filter(|name| !name.is_empty());
    names
        .map(|name| {
            let found = name.parse::<EventName>();
            found.map_err(|unknown| Refusal::invalid("events", unknown.to_string()))
        })
        .collect()
}
