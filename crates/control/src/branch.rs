//! Branches: one file per verb.

mod create;
mod delete;
mod inspect;
mod list;
mod promote;
mod reset;
mod resize;
mod safe_migrations;
mod seed;
mod sessions;
mod sleep;
mod update;
mod wait;
mod watch;

pub use create::create;
pub(crate) use create::create_as;
pub use delete::delete;
pub use inspect::{diff, lint, logs, schema};
pub use list::{list, show};
pub use promote::{demote, promote};
pub use reset::reset;
pub use resize::resize;
pub use safe_migrations::set_safe_migrations;
pub use sessions::{kill, sessions};
pub use sleep::{sleep, wake};
pub use update::update;
pub(crate) use update::update_within;
pub(crate) use wait::failed;
pub use wait::wait_ready;
pub use watch::{BranchSight, Sight, Watch, WorkflowSight, watch};

use crate::Control;
use crate::binlog::{PointInTime, RestorePoint};
use crate::locate::LocatedBranch;
use crate::password::{NewPassword, PasswordView};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use jiff::Timestamp;
use offshoot_core::branch::{Branch, BranchState, Origin};
use offshoot_core::drill::Drilled;
use offshoot_core::id::{BackupId, BranchId};
use offshoot_core::name::BranchName;
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::seed_rules::Seeded;
use offshoot_core::size::{Resize, Size};
use offshoot_store::Tx;
use offshoot_store::backup::Restored;
use offshoot_store::branch::BranchDetail;
use std::collections::BTreeMap;
use std::time::Duration;

/// A branch with what lists show, read in one query.
#[derive(Clone, Debug)]
pub struct BranchView {
    /// As stored; its `state` is what clients see now.
    pub branch: Branch,
    pub organization: String,
    pub database: String,
    pub parent: Option<String>,
    /// It is the default branch of its database.
    pub default: bool,
    /// A connection would succeed now, without waking.
    pub ready: bool,
    /// Branches made from it that are still there.
    pub children: u64,
    pub passwords: u64,
    /// Where its data came from, for one that started with data.
    pub origin: Option<Origin>,
    /// With which seed rules it was made, and what they did.
    pub seeded: Option<Seeded>,
    /// The branch whose backup its data came from, while that is there.
    pub restored_from: Option<Restored>,
    /// The last restore drill of one of its backups that came to a result.
    pub drilled: Option<Drilled>,
    /// The last change of its size.
    pub resize: Option<Resize>,
    /// Of which moments branches of it can be made, for a production branch whose binlog is archived.
    pub point_in_time: Option<PointInTime>,
    /// Why its engine does not run, where it should.
    pub failure: Option<String>,
    /// Bytes that its volume takes alone, as last measured: awake branches with a quota only.
    pub disk_used: Option<u64>,
    /// Gateway for connection strings.
    pub access_host: String,
    pub access_port: u16,
}

/// What a branch is asked to start with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeedRequest {
    /// The parent's schema.
    #[default]
    Schema,
    /// The parent's latest backup that succeeded.
    LastBackup,
    Backup(BackupId),
    /// The parent as it is.
    Live,
    /// The parent as it was.
    PointInTime(RestorePoint),
}

#[derive(Clone, Debug)]
pub struct NewBranch {
    pub name: BranchName,
    /// Name or id; `None` or empty = the database's default branch, for a branch of a backup the
    /// backup's own branch while it is there.
    pub parent: Option<String>,
    pub seed: SeedRequest,
    /// A password made along, usable when the branch is ready.
    pub password: Option<NewPassword>,
    /// The branch is deleted then. At most one of `expires_at` and `ttl`.
    pub expires_at: Option<Timestamp>,
    pub ttl: Option<Duration>,
    pub labels: BTreeMap<String, String>,
    pub deletion_protected: bool,
    /// `None` = the server's default, zero = never.
    pub sleep_after: Option<Duration>,
    /// Its events run.
    pub event_scheduler: bool,
    /// `None` = what a development branch has of itself.
    pub size: Option<Size>,
    /// `None` = as its size says, else the server's default.
    pub max_connections: Option<u32>,
    /// Bytes; `None` = the server's default, zero = no limit.
    pub disk_quota: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct CreatedBranch {
    pub branch: BranchView,
    pub password: Option<PasswordView>,
}

#[derive(Clone, Debug, Default)]
pub struct BranchFilter {
    /// Part of the name.
    pub q: Option<String>,
    pub production: Option<bool>,
    pub safe_migrations: Option<bool>,
    /// Newest first.
    pub newest_first: bool,
    /// Label names with the values they must have.
    pub labels: BTreeMap<String, String>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct BranchChange {
    pub new_name: Option<BranchName>,
    pub deletion_protected: Option<bool>,
    /// Replaces all labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// `Some(None)` = never.
    pub expires_at: Option<Option<Timestamp>>,
    /// `Some(None)` = the server's default.
    pub sleep_after: Option<Option<Duration>>,
    /// Takes effect when the branch wakes the next time.
    pub event_scheduler: Option<bool>,
    /// `Some(None)` = the server's default. Counts for connections to come.
    pub max_connections: Option<Option<u32>>,
    /// `Some(None)` = the server's default, zero = no limit.
    pub disk_quota: Option<Option<u64>>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

/// Text of one schema object (a table, view, …), or of its difference to the parent's (unified diff).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectText {
    /// `table` in the database's own schema, `schema.table` in another.
    pub name: String,
    pub raw: String,
}

impl BranchView {
    pub fn revision(&self) -> Revision {
        Revision::of_branch(&self.branch)
    }
}

impl Control {
    pub(crate) async fn branch_view(&self, id: BranchId) -> Result<BranchView, Refusal> {
        let row = self.0.store.read().await?.branch_detail(id).await?;
        row.map(|row| self.view_of(row))
            .ok_or_else(|| Refusal::not_found("the branch"))
    }

    pub(crate) fn view_of(&self, row: BranchDetail) -> BranchView {
        let mut branch = row.branch;
        branch.state = self.0.fleet.shown(branch.id, branch.state);
        BranchView {
            ready: branch.state == BranchState::Ready,
            failure: self.0.fleet.error(branch.instance),
            disk_used: self.disk_used(branch.id),
            point_in_time: self
                .0
                .archives
                .of(branch.id, self.now())
                .filter(|_| branch.production),
            access_host: self.0.settings.gateway.host.clone(),
            access_port: self.0.settings.gateway.port(branch.engine.kind),
            branch,
            organization: row.organization,
            database: row.database,
            parent: row.parent,
            default: row.default,
            children: row.children,
            passwords: row.passwords,
            origin: row.origin,
            seeded: row.seeded,
            restored_from: row.restored_from,
            drilled: row.drilled,
            resize: row.resize,
        }
    }

    /// An audit event on a branch.
    pub(crate) async fn note_branch(
        &self,
        tx: &mut Tx,
        at: &LocatedBranch,
        action: &str,
    ) -> Result<(), Refusal> {
        let event = self.event(
            at.organization().id,
            &Actor::Caller(at.caller()),
            action,
            ("Branch", at.branch.id.as_str(), at.branch.name.as_str()),
            &[("database", at.database().name.as_str())],
        );
        Ok(tx.insert_audit(&event).await?)
    }
}

/// A located branch as it is now, inside a transaction.
pub(crate) async fn current(tx: &mut Tx, at: &LocatedBranch) -> Result<Branch, Refusal> {
    match tx.branch_by_id(at.branch.id).await? {
        Some(branch) if !branch.deleting => Ok(branch),
        _ => Err(
            Refusal::conflict(format!("branch \"{}\" is being deleted", at.branch.name))
                .code(code::DELETING),
        ),
    }
}
