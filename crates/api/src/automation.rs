//! Automations of databases: a file per verb.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod preview;
pub(crate) mod preview_new;
pub(crate) mod show;
pub(crate) mod test;
pub(crate) mod update;

use offshoot_api_types::{CreateAutomation, UpdateAutomation};
use offshoot_control::automation::{AutomationChange, NewAutomation};
use offshoot_control::revision::Expected;
use offshoot_core::Refusal;
use offshoot_core::name::AutomationName;

fn new(body: CreateAutomation) -> Result<NewAutomation, Refusal> {
    let tokens = body.tokens.into_iter();
    Ok(NewAutomation {
        name: AutomationName::parse(&body.name)?,
        rule: body.rule,
        enabled: body.enabled.unwrap_or(true),
        tokens: tokens.map(|(name, t)| (name, t.into())).collect(),
    })
}

fn parse(body: UpdateAutomation, expected: Expected) -> Result<AutomationChange, Refusal> {
    let name = body.new_name.as_deref().map(AutomationName::parse);
    let tokens = body.tokens.into_iter();
    Ok(AutomationChange {
        name: name.transpose()?,
        rule: body.rule,
        enabled: body.enabled,
        draw_webhook_secret: body.draw_webhook_secret.unwrap_or_default(),
        tokens: tokens.map(|(name, t)| (name, t.map(Into::into))).collect(),
        expected,
    })
}
