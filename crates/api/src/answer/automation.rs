//! Automations, and what they would do.

use offshoot_api_types::{Actor, Automation, AutomationEffect, AutomationEffects, AutomationTest};
use offshoot_control::automation::{AutomationView, Effect, Tested};
use secrecy::ExposeSecret;

pub(crate) fn automation(view: AutomationView) -> Automation {
    let known = view.automation;
    Automation {
        id: known.id.to_string(),
        name: known.name.to_string(),
        integration: view.integration,
        enabled: known.enabled,
        rule: known.rule,
        iterations: i64::try_from(view.bindings).unwrap_or(i64::MAX),
        webhook_secret: view.webhook_secret.map(|s| s.expose_secret().to_owned()),
        tokens: view.tokens,
        actor: Actor::named(known.actor),
        created_at: known.created_at,
        updated_at: known.updated_at,
    }
}

pub(crate) fn automation_effects(effects: Vec<Effect>) -> AutomationEffects {
    AutomationEffects {
        effects: effects.into_iter().map(effect).collect(),
    }
}

pub(crate) fn automation_test(tested: Tested) -> AutomationTest {
    AutomationTest {
        says: tested.says,
        effects: tested.effects.into_iter().map(effect).collect(),
    }
}

fn effect(effect: Effect) -> AutomationEffect {
    AutomationEffect {
        iteration: effect.iteration,
        branch: effect.branch,
        effect: effect.effect,
        deletes: effect.deletes,
        tells: effect.tells,
    }
}
