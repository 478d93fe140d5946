//! Expiry: branches whose time has come are deleted, sessions of expired passwords are ended,
//! imports that nobody renews are reverted, old idempotency keys are forgotten.

use crate::Control;
use crate::fail::Fail;
use crate::once::SWEEP;
use crate::trail::Actor;

use super::Memory;
use offshoot_core::plan::{DeleteFacts, plan_delete};

impl Control {
    /// Idempotency keys that are too old to be sent again.
    pub(super) async fn sweep_keys(&self, memory: &mut Memory) -> Result<(), Fail> {
        let now = self.now();
        let pause = memory.keys_at.and_then(|at| at.checked_add(SWEEP).ok());
        if pause.is_some_and(|until| now < until) {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        tx.delete_keyed_until(self.keys_expired()).await?;
        tx.commit().await?;
        memory.keys_at = Some(now);
        Ok(())
    }

    pub(super) async fn expire(&self) -> Result<(), Fail> {
        let now = self.now();
        let mut session = self.0.store.read().await?;
        let branches = session.expired_branches(now).await?;
        let passwords = session.newly_expired_passwords(now).await?;
        let imports = session.expired_imports(now).await?;
        drop(session);
        for id in passwords {
            self.0.ports.sessions.close_password(id).await;
            let mut tx = self.0.store.write().await?;
            tx.mark_password_closed(id).await?;
            tx.commit().await?;
        }
        for import in imports {
            self.revert_expired(import.id).await?;
        }
        for id in branches {
            let mut tx = self.0.store.write().await?;
            let tree = tx.with_descendants(id).await?;
            let Some(branch) = tree.first() else { continue };
            let Some(database) = tx.database_by_id(branch.database_id).await? else {
                continue;
            };
            let planned = plan_delete(&DeleteFacts {
                tree: &tree,
                default_branch: database.default_branch,
                descendants: false,
                may_development: true,
                may_production: false,
            });
            // Protection and descendants keep it; it is looked at again.
            let Ok(ids) = planned else { continue };
            let event = self.event(
                database.organization_id,
                &Actor::System,
                "branch.deleted",
                ("Branch", id.as_str(), branch.name.as_str()),
                &[("reason", "expired")],
            );
            tx.insert_audit(&event).await?;
            let queued = self.doom_branches(&mut tx, &ids).await?;
            tx.commit().await?;
            tracing::info!(branch.id = %id, "expired");
            self.start_now(&queued);
        }
        Ok(())
    }
}
