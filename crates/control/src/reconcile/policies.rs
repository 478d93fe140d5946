//! Every database has its required backup policy: new ones are made with it, those of an earlier
//! version get it when the server starts.

use super::Memory;
use crate::Control;
use crate::fail::Fail;

impl Control {
    pub(super) async fn keep_required_policies(&self, memory: &mut Memory) -> Result<(), Fail> {
        if memory.policies {
            return Ok(());
        }
        let bare = self
            .0
            .store
            .read()
            .await?
            .databases_without_policy()
            .await?;
        if !bare.is_empty() {
            let mut tx = self.0.store.write().await?;
            // Another one may have been made, or one deleted, since.
            for id in tx.databases_without_policy().await? {
                tx.insert_backup_policy(&self.required_policy(id)).await?;
            }
            tx.commit().await?;
            tracing::info!(databases = bare.len(), "got their required backup policy");
        }
        memory.policies = true;
        Ok(())
    }
}
