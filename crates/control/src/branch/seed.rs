//! What a branch starts with: from what was asked for to what is there.

use super::SeedRequest;
use crate::Control;
use crate::binlog::Replaying;
use crate::locate::LocatedDatabase;
use offshoot_core::access::Access;
use offshoot_core::backup::Backup;
use offshoot_core::branch::{Branch, Origin, Seed};
use offshoot_core::plan::SeedFacts;
use offshoot_core::refusal::Refusal;
use offshoot_store::Tx;

/// A request with the backup that it means.
pub(super) enum Sown {
    Schema,
    Live,
    LastBackup(Option<Box<Backup>>),
    Backup(Box<Backup>),
    PointInTime(Box<Backup>, Replaying),
}

/// Finds a backup that is asked for by its id, before the parent is known.
pub(super) async fn named_backup(
    tx: &mut Tx,
    at: &LocatedDatabase,
    seed: &SeedRequest,
) -> Result<Option<Box<Backup>>, Refusal> {
    let SeedRequest::Backup(id) = seed else {
        return Ok(None);
    };
    let row = tx.backup(*id).await?;
    let Some(backup) = row.filter(|b| b.database_id == at.database.id) else {
        let mut refusal = Refusal::not_found(format!("backup \"{id}\""));
        refusal.field = Some("backup_id");
        return Err(refusal.hint(format!(
            "list them: offshoot backup list {} BRANCH",
            at.database.name
        )));
    };
    Ok(Some(Box::new(backup)))
}

/// What lets a caller see the rows of a production or of another branch in a branch of its own.
fn restores(production: bool) -> &'static [Access] {
    match production {
        true => &[Access::RestoreProductionBranchBackup],
        false => &[Access::RestoreBackup, Access::RestoreProductionBranchBackup],
    }
}

impl Sown {
    pub(super) async fn of(
        control: &Control,
        tx: &mut Tx,
        at: &LocatedDatabase,
        seed: &SeedRequest,
        named: Option<Box<Backup>>,
        parent: &Branch,
    ) -> Result<Self, Refusal> {
        if let SeedRequest::PointInTime(point) = seed {
            at.require(restores(true))?;
            let (backup, replaying) = control.plan_point(tx, parent, point).await?;
            return Ok(Sown::PointInTime(Box::new(backup), replaying));
        }
        Ok(match (seed, named) {
            (_, Some(backup)) => Sown::Backup(backup),
            (SeedRequest::Live, None) => Sown::Live,
            (SeedRequest::LastBackup, None) => {
                Sown::LastBackup(tx.last_good_backup(parent.id).await?.map(Box::new))
            }
            (SeedRequest::Schema | SeedRequest::Backup(_) | SeedRequest::PointInTime(_), None) => {
                Sown::Schema
            }
        })
    }

    /// The accesses, any of which the caller needs for it.
    pub(super) fn needs(&self, parent: &Branch) -> &'static [Access] {
        match self {
            Sown::Schema => &[Access::CreateBranch],
            Sown::Live | Sown::LastBackup(None) => restores(parent.production),
            Sown::LastBackup(Some(backup)) | Sown::Backup(backup) => {
                restores(parent.production || backup.production)
            }
            Sown::PointInTime(..) => restores(true),
        }
    }

    /// Refuses (`SEED_RULES_REQUIRED`) data where the database wants rules for it, and has none.
    pub(super) async fn require_rules(
        &self,
        control: &Control,
        tx: &mut Tx,
        at: &LocatedDatabase,
    ) -> Result<(), Refusal> {
        if !self.seed().data() {
            return Ok(());
        }
        match tx.database_by_id(at.database.id).await? {
            Some(database) => control.rules_that_hold(tx, &database).await.map(drop),
            None => Ok(()),
        }
    }

    pub(super) fn facts(&self) -> SeedFacts<'_> {
        match self {
            Sown::Schema => SeedFacts::Schema,
            Sown::Live => SeedFacts::Live,
            Sown::LastBackup(backup) => SeedFacts::LastBackup(backup.as_deref()),
            Sown::Backup(backup) | Sown::PointInTime(backup, _) => SeedFacts::Backup(backup),
        }
    }

    pub(super) fn seed(&self) -> Seed {
        match self {
            Sown::Schema => Seed::Schema,
            Sown::Live => Seed::Live,
            Sown::LastBackup(_) | Sown::Backup(_) => Seed::Backup,
            Sown::PointInTime(..) => Seed::PointInTime,
        }
    }

    /// Where the data will have come from, as far as it is known before.
    pub(super) fn origin(&self, parent: &Branch) -> Option<Origin> {
        let (branch, backup) = match self {
            Sown::Schema | Sown::LastBackup(None) => return None,
            Sown::Live => (parent.id, None),
            Sown::LastBackup(Some(backup))
            | Sown::Backup(backup)
            | Sown::PointInTime(backup, _) => (backup.branch_id, Some(backup)),
        };
        Some(Origin {
            branch,
            backup: backup.map(|b| b.id),
            copied: backup.and_then(|b| b.copied),
            position: backup.and_then(|b| b.position.clone()),
            restore_point: self.replaying().map(|r| r.until.to_string()),
        })
    }

    /// What is replayed on top of the backup.
    pub(super) fn replaying(&self) -> Option<&Replaying> {
        match self {
            Sown::PointInTime(_, replaying) => Some(replaying),
            _ => None,
        }
    }
}
