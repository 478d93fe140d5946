//! Seed rules of databases: shown, set, removed, tested, and applied to branches with data.
//! `docs/design/0011-seed-rules.md`.

mod apply;
mod test;

pub(crate) use apply::{Holding, Passed};
pub use test::{show_test, test, wait_test};

use crate::Control;
use crate::locate::LocatedDatabase;
use crate::page::{Listed, Page};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::database::Database;
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::seed_rules::{
    MaskSecret, Rules, RulesVersion, SeedRulesFacts, Unfit, plan_seed_rules,
};
use offshoot_schema::seed::Problem;
use offshoot_store::{Session, Tx};

/// What holds for a database's branches with data.
#[derive(Clone, Debug)]
pub struct SeedRulesView {
    /// The version that was asked for, else the newest; `None` before the first.
    pub version: Option<RulesVersion>,
    /// No branch with data is made without rules.
    pub required: bool,
    /// Of the newest version.
    pub revision: Revision,
}

/// `version`: that one instead of the newest.
pub async fn show(
    control: &Control,
    at: &LocatedDatabase,
    version: Option<u32>,
) -> Result<SeedRulesView, Refusal> {
    let mut session = control.0.store.read().await?;
    let newest = session.newest_seed_rules(at.database.id).await?;
    let revision = Revision::of_seed_rules(newest.as_ref());
    let shown = match version {
        None => newest,
        Some(number) => {
            let found = session.seed_rules(at.database.id, number).await?;
            Some(found.ok_or_else(|| missing(at, number))?)
        }
    };
    Ok(SeedRulesView {
        version: shown,
        required: required(&mut session, at).await?,
        revision,
    })
}

/// Newest first.
pub async fn versions(
    control: &Control,
    at: &LocatedDatabase,
    page: Page,
) -> Result<Listed<RulesVersion>, Refusal> {
    let mut session = control.0.store.read().await?;
    let (items, total) = session
        .seed_rules_versions(at.database.id, page.offset(), page.per_page().into())
        .await?;
    Ok(Listed { items, total, page })
}

/// Makes a new version, unless the newest one says the same. Needs `write_database`. Refused
/// (`SEED_RULES`) where they do not fit the tables of the default branch.
pub async fn set(
    control: &Control,
    at: &LocatedDatabase,
    rules: Rules,
    expected: &Expected,
) -> Result<SeedRulesView, Refusal> {
    at.require(&[Access::WriteDatabase])?;
    let endpoint = control.open_branch(at.database.default_branch).await?;
    let planned = control
        .plan_rules(&endpoint, &rules, &at.database.schema_name)
        .await?;
    if let Err(unfit) = planned {
        return Err(misfit(&unfit)
            .hint("correct the document; keys and columns are named as it names them"));
    }
    write(control, at, Some(rules), expected).await
}

/// From now on branches with data start with what their parent has. Needs `write_database`.
pub async fn remove(
    control: &Control,
    at: &LocatedDatabase,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.require(&[Access::WriteDatabase])?;
    write(control, at, None, expected).await.map(drop)
}

async fn write(
    control: &Control,
    at: &LocatedDatabase,
    rules: Option<Rules>,
    expected: &Expected,
) -> Result<SeedRulesView, Refusal> {
    let mut tx = control.0.store.write().await?;
    let database = present(&mut tx, at).await?;
    let newest = tx.newest_seed_rules(database.id).await?;
    let what = format!("what the seed rules of database \"{}\" say", database.name);
    expected.check(&Revision::of_seed_rules(newest.as_ref()), what)?;
    let said = newest.as_ref().and_then(|v| v.rules.as_ref());
    if said == rules.as_ref() {
        return Ok(SeedRulesView {
            revision: Revision::of_seed_rules(newest.as_ref()),
            version: newest,
            required: database.require_seed_rules,
        });
    }
    if rules.is_some() {
        control.mask_secret(&mut tx, &database).await?;
    }
    let version = RulesVersion {
        database_id: database.id,
        version: newest.map_or(1, |v| v.version.saturating_add(1)),
        rules,
        actor: at.caller().name(),
        created_at: control.now(),
    };
    tx.insert_seed_rules(&version).await?;
    let action = match version.rules {
        Some(_) => "seed_rules.set",
        None => "seed_rules.removed",
    };
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        ("Database", database.id.as_str(), database.name.as_str()),
        &[("version", &version.version.to_string())],
    );
    tx.insert_audit(&event).await?;
    tx.commit().await?;
    Ok(SeedRulesView {
        revision: Revision::of_seed_rules(Some(&version)),
        version: Some(version),
        required: database.require_seed_rules,
    })
}

/// The database as it is now, unless it is being deleted.
async fn present(tx: &mut Tx, at: &LocatedDatabase) -> Result<Database, Refusal> {
    let found = tx.database_by_id(at.database.id).await?;
    found.filter(|d| !d.deleting).ok_or_else(|| {
        Refusal::conflict(format!(
            "database \"{}\" is being deleted",
            at.database.name
        ))
        .code(code::DELETING)
    })
}

async fn required(session: &mut Session, at: &LocatedDatabase) -> Result<bool, Refusal> {
    let database = session.database_by_id(at.database.id).await?;
    Ok(database.is_some_and(|d| d.require_seed_rules))
}

fn missing(at: &LocatedDatabase, version: u32) -> Refusal {
    Refusal::not_found(format!(
        "version {version} of the seed rules of database \"{}\"",
        at.database.name
    ))
    .hint(format!(
        "list them: offshoot branch seed-rules versions {}",
        at.database.name
    ))
}

/// The same, as it is kept and shown.
fn unfit(problem: Problem) -> Unfit {
    Unfit {
        at: problem.at,
        why: problem.why,
    }
}

/// Rules that do not fit, every problem with where it stands.
fn misfit(unfit: &[Unfit]) -> Refusal {
    /// Problems that one sentence tells.
    const TOLD: usize = 10;
    let mut told: Vec<String> = unfit.iter().take(TOLD).map(ToString::to_string).collect();
    if unfit.len() > TOLD {
        told.push(format!("and {} more", unfit.len() - TOLD));
    }
    let mut refusal = Refusal::unprocessable(format!(
        "the seed rules do not fit the tables: {}",
        told.join("; ")
    ))
    .code(code::SEED_RULES);
    refusal.field = Some("rules");
    refusal
}

impl Control {
    /// The rules that a branch of the database has to pass which is made with data now; `None` = none.
    /// Refused (`SEED_RULES_REQUIRED`) where there have to be some.
    pub(crate) async fn rules_that_hold(
        &self,
        session: &mut Session,
        database: &Database,
    ) -> Result<Option<(u32, Rules)>, Refusal> {
        let newest = session.newest_seed_rules(database.id).await?;
        let version = plan_seed_rules(SeedRulesFacts {
            database: database.name.as_str(),
            required: database.require_seed_rules,
            newest: newest.as_ref(),
        })?;
        Ok(version.zip(newest.and_then(|v| v.rules)))
    }

    /// What a database's masks are keyed with, drawn where there is none yet.
    pub(crate) async fn mask_secret(
        &self,
        tx: &mut Tx,
        database: &Database,
    ) -> Result<MaskSecret, Refusal> {
        if let Some(secret) = tx.mask_secret(database.id).await? {
            return Ok(secret);
        }
        let mut bytes = [0; 32];
        self.0.ports.ids.fill(&mut bytes);
        let secret = MaskSecret::new(bytes);
        tx.set_mask_secret(database.id, &secret).await?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let problem = |n: usize| Unfit {
            at: vec!["tables".into(), format!("t{n}")],
            why: format!("table shop.t{n} is not there"),
        };
        let one = misfit(&[problem(1)]);
        assert_eq!(
            one.public,
            "the seed rules do not fit the tables: tables.t1: table shop.t1 is not there"
        );
        assert_eq!((one.code, one.field), (code::SEED_RULES, Some("rules")));
        let many: Vec<Unfit> = (0..12).map(problem).collect();
        assert!(misfit(&many).public.ends_with("; and 2 more"));
    }
}
