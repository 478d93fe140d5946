//! Safe migrations: what the engines of the branches that have them know of it.
//!
//! A reconciler, as for disk quotas, with which it shares the accounts. What was decided is in the branch's row before it
//! is done: `raising` until its engine knows and no session is older, `lifting` until it knows again. The engine keeps what
//! it was told with its volume; it is told again at every start, because it costs little and a mistake much.
//! `docs/design/0017-safe-migrations.md`.

use crate::fail::Fail;
use crate::{Control, lock};
use offshoot_core::branch::{Branch, BranchState, QuotaState, SafeMigrations};
use offshoot_core::id::BranchId;
use offshoot_core::instance::{Confined, Endpoint, Kill};
use offshoot_core::password::Role;
use offshoot_core::refusal::{Refusal, code};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// How long a switch waits for an engine that does not run.
const SWITCHING: Duration = Duration::from_secs(10);

/// For which start of its engine a branch was looked at last; nothing that could not be lost.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<BranchId, Endpoint>>);

impl Control {
    /// One pass over the awake branches that have safe migrations, or had them.
    pub(crate) async fn keep_safe_migrations(&self) {
        if let Err(fail) = self.look_at_safe_migrations().await
            && !fail.superseded()
        {
            tracing::warn!(error = %fail, "safe migrations are not looked at");
        }
    }

    async fn look_at_safe_migrations(&self) -> Result<(), Fail> {
        let mut branches = self.0.store.read().await?.all_branches().await?;
        branches.retain(|b| !b.deleting && b.safe_migrations != SafeMigrations::Off);
        lock(&self.0.safe_migrations.0).retain(|id, _| branches.iter().any(|b| b.id == *id));
        for branch in branches {
            let Some(endpoint) = self.0.fleet.endpoint(branch.id) else {
                continue;
            };
            let told = lock(&self.0.safe_migrations.0).get(&branch.id) == Some(&endpoint);
            if told && branch.safe_migrations == SafeMigrations::On {
                continue;
            }
            if let Err(fail) = self.make_safe(branch.id, &endpoint).await {
                if fail.superseded() {
                    return Err(fail);
                }
                tracing::warn!(branch.id = %branch.id, error = %fail, "its safe migrations are not as they should be yet");
            }
        }
        Ok(())
    }

    /// A branch's safe migrations were just switched: what follows from it follows now, or as soon as its engine runs.
    pub(crate) async fn safe_migrations_set(&self, id: BranchId) {
        let made = async {
            // One that is being started may have been told before.
            let endpoint = self.open_branch(id).await?;
            Ok::<(), Refusal>(self.make_safe(id, &endpoint).await?)
        };
        match tokio::time::timeout(SWITCHING, made).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(branch.id = %id, %error, "its safe migrations are not as they should be yet");
            }
            Err(_) => {
                tracing::warn!(branch.id = %id, "its engine does not run: its safe migrations are as they should be when it does");
            }
        }
    }

    /// Before the first client of a branch is let in whose engine was started, or adopted.
    pub(crate) async fn safe_migrations_on_wake(&self, branch: &Branch, endpoint: &Endpoint) {
        if let Err(fail) = self.make_safe(branch.id, endpoint).await {
            tracing::warn!(branch.id = %branch.id, error = %fail, "its safe migrations are not as they should be yet");
            // Admins are not let in before their account is there.
            if branch.safe_migrations.on() {
                let sessions = &self.0.ports.sessions;
                sessions.withhold_ddl(branch.id, Some(why("DATABASE", branch)));
            }
        }
    }

    /// Makes what its row says true in a branch's engine and for its sessions.
    async fn make_safe(&self, id: BranchId, endpoint: &Endpoint) -> Result<(), Fail> {
        let _one = self.0.quotas.pass.lock().await;
        let mut session = self.0.store.read().await?;
        let row = session.branch_by_id(id).await?;
        let Some(branch) = row.filter(|b| !b.deleting && b.state != BranchState::Pending) else {
            return Ok(());
        };
        let database = session.database_by_id(branch.database_id).await?;
        drop(session);
        let database = database.map_or_else(String::new, |d| d.name.to_string());
        let ports = &self.0.ports;
        let state = branch.safe_migrations;
        if state == SafeMigrations::Off {
            return Ok(());
        }
        let confined = Confined {
            growth: branch.quota == QuotaState::Over,
            ddl: state.on(),
        };
        ports.instances.confine(endpoint, confined).await?;
        let why = state.on().then(|| why(&database, &branch));
        ports.sessions.withhold_ddl(id, why);
        match state {
            SafeMigrations::Raising => {
                let text = format!(
                    "branch \"{}\" has safe migrations now: connect again",
                    branch.name
                );
                ports.sessions.renew(id, Role::Admin, &text, true).await;
                self.end_definers_sessions(endpoint).await?;
            }
            SafeMigrations::Lifting => {
                let text = format!(
                    "branch \"{}\" has no safe migrations any more: connect again",
                    branch.name
                );
                ports.sessions.renew(id, Role::Admin, &text, false).await;
            }
            SafeMigrations::On | SafeMigrations::Off => {}
        }
        lock(&self.0.safe_migrations.0).insert(id, endpoint.clone());
        let done = match state {
            SafeMigrations::Raising => SafeMigrations::On,
            SafeMigrations::Lifting => SafeMigrations::Off,
            SafeMigrations::On | SafeMigrations::Off => return Ok(()),
        };
        let mut tx = self.0.store.write().await?;
        let now = tx.branch_by_id(id).await?;
        if now.is_some_and(|b| b.safe_migrations == state) {
            tx.set_safe_migrations(id, done, None).await?;
            tx.commit().await?;
        }
        tracing::info!(branch.id = %id, on = state.on(), "safe migrations switched");
        Ok(())
    }

    /// Ends what still has the rights that the definer's account had: statements whose clients are gone, and events
    /// under way.
    async fn end_definers_sessions(&self, endpoint: &Endpoint) -> Result<(), Fail> {
        let instances = &self.0.ports.instances;
        for session in instances.sessions(endpoint).await? {
            if session.user == Role::Admin.account() {
                instances.kill(endpoint, session.id, Kill::Session).await?;
            }
        }
        Ok(())
    }
}

/// What clients read in the place of the engine's refusal; PlanetScale's words first, by which tools know it.
fn why(database: &str, branch: &Branch) -> String {
    let name = &branch.name;
    format!(
        "direct DDL is disabled: branch \"{name}\" has safe migrations on, so statements do not change its schema \
         (TRUNCATE would, DELETE does not); switch them off while you change it: \
         offshoot branch safe-migrations disable {database} {name} ({})",
        code::SAFE_MIGRATIONS
    )
}
