//! Integrations with planning tools: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod list_deliveries;
pub(crate) mod replay_delivery;
pub(crate) mod show;
pub(crate) mod show_delivery;
pub(crate) mod update;

use crate::request::seconds;
use offshoot_core::Refusal;
use std::time::Duration;

fn poll(value: Option<i64>) -> Result<Option<Duration>, Refusal> {
    value.map(|n| seconds("poll_seconds", n)).transpose()
}

fn required(field: &'static str, value: Option<String>) -> Result<String, Refusal> {
    value.ok_or_else(|| Refusal::invalid(field, format!("{field} is missing")))
}
