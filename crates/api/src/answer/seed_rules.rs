//! Seed rules.

use offshoot_api_types::seed_rules::{MaskedColumn, SeedRulesProblem, SeededTable};
use offshoot_api_types::{Actor, SeedRules, SeedRulesTest, SeedRulesVersion};
use offshoot_control::seed_rules::SeedRulesView;
use offshoot_core::seed_rules::{RulesTest, RulesVersion};

pub(crate) fn seed_rules(view: SeedRulesView) -> SeedRules {
    let (version, required) = (view.version, view.required);
    SeedRules {
        version: version.as_ref().map(|v| v.version.into()),
        actor: version.as_ref().map(|v| Actor::named(v.actor.clone())),
        created_at: version.as_ref().map(|v| v.created_at),
        rules: version.and_then(|v| v.rules),
        required,
    }
}

pub(crate) fn seed_rules_version(version: RulesVersion) -> SeedRulesVersion {
    let tables = version.rules.as_ref().map_or(0, |r| r.tables.len());
    SeedRulesVersion {
        version: version.version.into(),
        removed: version.rules.is_none(),
        tables: signed(tables as u64),
        actor: Some(Actor::named(version.actor)),
        created_at: version.created_at,
    }
}

pub(crate) fn seed_rules_test(test: RulesTest) -> SeedRulesTest {
    let tables = test.tables.into_iter().map(|table| SeededTable {
        kept: table.rows.map(|n| signed(n.saturating_sub(table.removed))),
        rows: table.rows.map(signed),
        removed: signed(table.removed),
        masked: signed(table.masked),
        columns: table
            .columns
            .into_iter()
            .map(|(name, mask)| MaskedColumn { name, mask })
            .collect(),
        table: table.table,
    });
    let problems = test.unfit.into_iter().map(|unfit| SeedRulesProblem {
        at: unfit.place(),
        message: unfit.why,
    });
    SeedRulesTest {
        id: test.id.to_string(),
        branch: test.branch_name,
        version: test.version.map(Into::into),
        state: test.state.into(),
        tables: tables.collect(),
        problems: problems.collect(),
        failure: test.failure,
        actor: Some(Actor::named(test.actor)),
        created_at: test.created_at,
        completed_at: test.completed_at,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
