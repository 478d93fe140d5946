//! What a rule would do: to what is there when it is changed, and with an event. Nothing is done.

use super::judge::judge;
use super::tokens::{after_change, of_new};
use super::{AutomationChange, NewAutomation};
use crate::Control;
use crate::inbound::{Arrived, read};
use crate::integration::settings_of;
use crate::locate::{LocatedAutomation, LocatedDatabase, quoted};
use crate::planning::Facts;
use crate::tell;
use offshoot_core::access::Access;
use offshoot_core::automation::{Automation, Binding, BindingState, Deliver};
use offshoot_core::delivery::RawRequest;
use offshoot_core::iteration::Record;
use offshoot_core::plan::{Convergence, Phase, Step, phase};
use offshoot_core::refusal::Refusal;
use offshoot_planning::inbound::{Parsed, Request};
use offshoot_store::Session;
use offshoot_store::iteration::KnownIteration;

/// What would happen to one iteration and its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub iteration: String,
    /// The branch that is there; `None` = none is.
    pub branch: Option<String>,
    /// One sentence.
    pub effect: String,
    /// A branch would be deleted, now or at a known time.
    pub deletes: bool,
    /// Who would be told, and what, when the branch is ready.
    pub tells: Option<String>,
}

/// What an event would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// What the tool's event says, in one sentence.
    pub says: String,
    /// For each iteration in it.
    pub effects: Vec<Effect>,
}

/// What a change of the rule would do to each iteration that is known; those to which it would do nothing
/// else than the rule of today are left out. Checked as [`super::update`] checks it.
pub async fn effects(
    control: &Control,
    at: &LocatedAutomation,
    change: &AutomationChange,
) -> Result<Vec<Effect>, Refusal> {
    let mut session = control.0.store.read().await?;
    let before = at.automation.clone();
    let mut after = before.clone();
    if let Some(rule) = &change.rule {
        after.rule = rule.clone();
    }
    if let Some(enabled) = change.enabled {
        after.enabled = enabled;
    }
    let tokens = after_change(&mut session, &before, &after.rule, &change.tokens).await?;
    after.integration_id = judge(&mut session, &at.within, &after.rule, &tokens).await?;
    // Another key for the compiled filter.
    after.updated_at = control.now();
    let mut effects = Vec::new();
    for known in session.iterations_of(after.integration_id).await? {
        let now = would(control, &mut session, &at.within, &before, &known).await?;
        let then = would(control, &mut session, &at.within, &after, &known).await?;
        if let (Some(effect), true) = (&then, now != then) {
            effects.push(effect.clone());
        }
    }
    Ok(effects)
}

/// What a new rule would do at once to iterations that are known. Checked as [`super::create`] checks it.
pub async fn effects_of_new(
    control: &Control,
    at: &LocatedDatabase,
    new: NewAutomation,
) -> Result<Vec<Effect>, Refusal> {
    at.require(&[Access::WriteDatabase])?;
    let mut session = control.0.store.read().await?;
    let now = control.now();
    let tokens = of_new(&new.rule, &new.tokens)?;
    let automation = Automation {
        id: control.id(),
        database_id: at.database.id,
        integration_id: judge(&mut session, at, &new.rule, &tokens).await?,
        name: new.name,
        enabled: new.enabled,
        rule: new.rule,
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
    };
    let mut effects = Vec::new();
    for known in session.iterations_of(automation.integration_id).await? {
        // What is over before there is a rule is none of its business.
        if matches!(phase(&known.record), Phase::Ended(_) | Phase::Deleted(_)) {
            continue;
        }
        effects.extend(would(control, &mut session, at, &automation, &known).await?);
    }
    Ok(effects)
}

/// What an event would do with the rule as it is. Needs no more than reading: nothing is stored.
pub async fn test(
    control: &Control,
    at: &LocatedAutomation,
    arrived: Arrived,
) -> Result<Tested, Refusal> {
    let mut session = control.0.store.read().await?;
    let integration = session.integration(at.automation.integration_id).await?;
    let integration = integration.ok_or_else(|| Refusal::not_found("the integration"))?;
    let settings = settings_of(&integration)?;
    let request = Request {
        method: arrived.method,
        url: arrived.url,
        headers: arrived.headers,
        body: arrived.body,
    };
    let kept = request.kept(&settings);
    let raw = RawRequest {
        url: kept.url,
        headers: kept.headers,
        body: kept.body,
    };
    let now = control.now();
    let observations = match read(&settings, &raw, now) {
        Parsed::Observed(observations) => observations,
        Parsed::Look(look) => {
            return Ok(Tested {
                says: format!("{}: the tool would be asked", look.reason),
                effects: Vec::new(),
            });
        }
        Parsed::Ignored(why) => {
            return Ok(Tested {
                says: format!("nothing of interest: {why}"),
                effects: Vec::new(),
            });
        }
        Parsed::Invalid(why) => {
            return Err(Refusal::unprocessable(format!(
                "this is no event of integration \"{}\": {why}",
                integration.name
            ))
            .hint("give the body of the event, and its headers with --header"));
        }
    };
    let mut told = Vec::new();
    let mut effects = Vec::new();
    for observation in observations {
        let known = session
            .iteration_from(integration.id, observation.source_id())
            .await?;
        let (known, changes) = match known {
            Some(mut known) => {
                let changes = known.record.observe(observation, now);
                (known, changes)
            }
            None => {
                let (record, changes) = Record::first(observation, now);
                let known = KnownIteration {
                    id: control.id(),
                    integration_id: integration.id,
                    record,
                    created_at: now,
                    updated_at: now,
                };
                (known, changes)
            }
        };
        let changes: Vec<&str> = changes.iter().map(|c| c.as_str()).collect();
        let what = match changes.is_empty() {
            true => "nothing new".to_owned(),
            false => changes.join(", "),
        };
        let iteration = &known.record.iteration;
        told.push(format!(
            "{} {}: {what}",
            iteration.kind,
            quoted(&iteration.name)
        ));
        let effect = would(control, &mut session, &at.within, &at.automation, &known).await?;
        effects.push(effect.unwrap_or_else(|| Effect {
            iteration: known.record.iteration.name.clone(),
            branch: None,
            effect: "nothing".to_owned(),
            deletes: false,
            tells: None,
        }));
    }
    Ok(Tested {
        says: told.join("; "),
        effects,
    })
}

/// What a rule wants of an iteration; `None` = nothing, and there is nothing.
async fn would(
    control: &Control,
    session: &mut Session,
    at: &LocatedDatabase,
    automation: &Automation,
    known: &KnownIteration,
) -> Result<Option<Effect>, Refusal> {
    let stored = session.binding_of(automation.id, known.id).await?;
    let there = stored.is_some();
    let now = control.now();
    let binding = stored.unwrap_or_else(|| Binding {
        id: control.id(),
        automation_id: automation.id,
        iteration_id: known.id,
        branch_id: control.id(),
        branch_name: None,
        state: BindingState::Waiting,
        reason: None,
        followed_name: None,
        ending: None,
        attempts: 0,
        check_at: None,
        asked: 0,
        created_at: now,
        updated_at: now,
    });
    let mut facts = Facts::pair(
        control,
        automation.clone(),
        known.clone(),
        at.database.clone(),
        binding,
    );
    if there {
        control.add_branch(session, &mut facts).await?;
    }
    let branch = facts.branch_name();
    let mut tells = None;
    let (effect, deletes) = match facts.plan(control, None) {
        Convergence::Rest { state, reason, .. } => {
            let waits = branch.is_none() && state == BindingState::Waiting;
            match (waits, reason) {
                (true, Some(why)) if facts.matches == Ok(false) => {
                    (format!("no branch: {why}"), false)
                }
                (_, Some(why)) => {
                    let deletes = why.contains("is deleted at");
                    (why, deletes)
                }
                (_, None) => ("it stays as it is".to_owned(), false),
            }
        }
        Convergence::Do(step) => {
            if let Step::Create(name) = &step {
                tells = tell::foreseen(&facts, name, &control.0.settings);
            }
            said(&facts, &step)
        }
    };
    if branch.is_none() && !there && facts.matches == Ok(false) {
        return Ok(None);
    }
    Ok(Some(Effect {
        iteration: known.record.iteration.name.clone(),
        branch,
        effect,
        deletes,
        tells,
    }))
}

fn said(facts: &Facts, step: &Step) -> (String, bool) {
    let rule = &facts.automation.rule;
    let text = match step {
        Step::Create(name) => {
            let mut text = format!("branch \"{name}\" is made ({})", rule.branch.seed.as_str());
            let credentials: Vec<String> = rule
                .credentials
                .iter()
                .map(|(name, c)| format!("{name} ({}, {})", c.role, way(&c.deliver)))
                .collect();
            if !credentials.is_empty() {
                text.push_str(&format!(", with credentials {}", credentials.join(", ")));
            }
            text
        }
        Step::Issue(name) => match rule.credentials.get(name) {
            Some(c) => format!("it gets credential {name}, {}", way(&c.deliver)),
            None => format!("it gets credential {name}"),
        },
        Step::Rotate(name) => format!("credential {name} gets a successor"),
        Step::Rename(name) => format!("it is renamed to \"{name}\""),
        Step::ReadSchema | Step::Label => "it stays; its labels follow".to_owned(),
        Step::End(ended) => {
            let ending = match ended.why {
                offshoot_core::automation::Over::Ended => rule.on.ended,
                offshoot_core::automation::Over::Deleted => rule.on.deleted,
            };
            let deletes = matches!(ending, offshoot_core::automation::Ending::Delete { .. });
            return (format!("the iteration is over: {ending}"), deletes);
        }
        Step::Reopen => "the iteration goes on, and so does its branch".to_owned(),
        Step::Sleep => "it is put to sleep".to_owned(),
        Step::BackUp => return ("it is backed up, and deleted then".to_owned(), true),
        Step::Examine => {
            let text =
                "it is deleted, unless it holds changes of the schema that its parent has not";
            return (text.to_owned(), true);
        }
        Step::Unprotect | Step::Delete => return ("it is deleted".to_owned(), true),
        Step::Anew(_) => "a new branch is made for it".to_owned(),
    };
    (text, false)
}

/// How a credential arrives.
fn way(deliver: &Deliver) -> String {
    match deliver {
        Deliver::Link(_) => "by link".to_owned(),
        other => format!("to {}", other.destination()),
    }
}
