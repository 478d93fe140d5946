//! Filters: CEL expressions over an iteration, compiled once for each version of a rule.

use crate::lock;
use cel::{Context, Program, Value as CelValue};
use jiff::Timestamp;
use offshoot_core::automation::{Automation, Forks, Rule};
use offshoot_core::id::AutomationId;
use offshoot_core::iteration::Record;
use offshoot_core::refusal::{Refusal, code};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Compiled filters by automation and when it was changed; a map that is full is emptied.
#[derive(Default)]
pub(crate) struct Filters(Mutex<HashMap<AutomationId, (Timestamp, Compiled)>>);

type Compiled = Result<Arc<Program>, String>;

/// Rules that are kept compiled.
const KEPT: usize = 5_000;

impl Filters {
    /// Whether a rule means an iteration; why, where it cannot be said.
    pub(crate) fn matches(&self, automation: &Automation, record: &Record) -> Result<bool, String> {
        self.matches_in(automation, record, &context(record)?)
    }

    /// Those that mean an iteration, or of which it cannot be said. What the filters see is made once for all.
    pub(crate) fn meaning<'a>(
        &self,
        automations: &'a [Automation],
        record: &Record,
    ) -> Vec<&'a Automation> {
        let context = context(record);
        let automations = automations.iter();
        automations
            .filter(|automation| match &context {
                Ok(context) => self.matches_in(automation, record, context) != Ok(false),
                Err(_) => meant(&automation.rule, record),
            })
            .collect()
    }

    fn matches_in(
        &self,
        automation: &Automation,
        record: &Record,
        context: &Context<'_, '_>,
    ) -> Result<bool, String> {
        if !meant(&automation.rule, record) {
            return Ok(false);
        }
        match &automation.rule.filter {
            Some(filter) => evaluate(&*self.compiled(automation, filter)?, context),
            None => Ok(true),
        }
    }

    fn compiled(&self, automation: &Automation, filter: &str) -> Compiled {
        let mut kept = lock(&self.0);
        match kept.get(&automation.id) {
            Some((at, program)) if *at == automation.updated_at => program.clone(),
            _ => {
                if kept.len() >= KEPT {
                    kept.clear();
                }
                let compiled = compile(filter).map(Arc::new);
                kept.insert(automation.id, (automation.updated_at, compiled.clone()));
                compiled
            }
        }
    }
}

/// Sort and origin are the rule's, before its filter is asked.
fn meant(rule: &Rule, record: &Record) -> bool {
    let iteration = &record.iteration;
    let fork = iteration.pull_request.as_ref().is_some_and(|p| p.fork);
    iteration.kind == rule.kind && !(fork && rule.forks == Forks::None)
}

/// What filters and templates know of an iteration: its fields, and the state that its dates give.
pub(crate) fn variables(record: &Record) -> Value {
    let mut iteration = serde_json::to_value(&record.iteration).unwrap_or_default();
    if let Value::Object(fields) = &mut iteration {
        fields.insert("state".to_owned(), record.state.as_str().into());
        for internal in ["announces_start", "announces_end", "seen_at"] {
            fields.remove(internal);
        }
    }
    json!({ "iteration": iteration })
}

/// Refused (`RULE`) with the place where the expression is wrong.
pub(crate) fn check(filter: &str) -> Result<(), Refusal> {
    compile(filter).map(drop).map_err(|why| {
        let mut refusal = Refusal::unprocessable(format!("filter: {why}"))
            .code(code::RULE)
            .hint("write a CEL expression over iteration, such as iteration.name.startsWith(\"Sprint\")");
        refusal.field = Some("rule.filter");
        refusal
    })
}

fn compile(filter: &str) -> Result<Program, String> {
    Program::compile(filter).map_err(|errors| {
        let first = errors.errors.first();
        match first {
            Some(error) => format!(
                "line {}, column {}: {}",
                error.pos.0, error.pos.1, error.msg
            ),
            None => "it is no CEL expression".to_owned(),
        }
    })
}

/// Everything that filters see of an iteration.
fn context(record: &Record) -> Result<Context<'static, 'static>, String> {
    let mut context = Context::default();
    if let Value::Object(fields) = variables(record) {
        for (name, value) in fields {
            context
                .add_variable(name, value)
                .map_err(|e| e.to_string())?;
        }
    }
    Ok(context)
}

fn evaluate(program: &Program, context: &Context<'_, '_>) -> Result<bool, String> {
    match program.execute(context) {
        Ok(CelValue::Bool(verdict)) => Ok(verdict),
        Ok(_) => Err("the filter says neither true nor false".to_owned()),
        Err(error) => Err(format!("the filter cannot be evaluated: {error}")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use offshoot_core::iteration::{Iteration, IterationKind, IterationState, Observation};

    pub(crate) fn record(name: &str, number: Option<i64>) -> Record {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let iteration = Iteration {
            kind: IterationKind::Sprint,
            source_id: "milestone/1".into(),
            name: name.into(),
            number,
            state: IterationState::Planned,
            starts_at: Some(at),
            ends_at: None,
            announces_start: false,
            announces_end: false,
            url: None,
            scope: None,
            pull_request: None,
            updated_at: at,
            seen_at: at,
        };
        Record::first(Observation::Seen(iteration), at).0
    }

    fn says(filter: &str) -> Result<bool, String> {
        evaluate(&compile(filter)?, &context(&record("Sprint 42", Some(42)))?)
    }

    #[test]
    fn a_filter_sees_the_iteration() {
        for (filter, expected) in [
            ("true", true),
            ("iteration.name.startsWith('Sprint')", true),
            ("iteration.number > 50", false),
            ("iteration.name.matches('^Sprint [0-9]+$')", true),
            (
                "iteration.state == 'started' && iteration.kind == 'sprint'",
                true,
            ),
            ("iteration.scope == null", true),
            (
                "timestamp(iteration.starts_at) < timestamp('2030-01-01T00:00:00Z')",
                true,
            ),
        ] {
            assert_eq!(says(filter), Ok(expected), "{filter}");
        }
        for (filter, part) in [
            ("iteration.", "line 1, column"),
            ("iteration.name", "neither true nor false"),
            ("iteration.nome == 'x'", "cannot be evaluated"),
            ("sprint.name == 'x'", "cannot be evaluated"),
        ] {
            let error = says(filter).unwrap_err();
            assert!(error.contains(part), "{filter}: {error}");
        }
        assert_eq!(check("1 +").unwrap_err().code, code::RULE);
    }
}
