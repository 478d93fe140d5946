//! Deletion of a database: when the last of its branches is gone.

use super::{Run, Step};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::id::DatabaseId;
use std::time::Duration;

/// Its branches' deletions end sooner or later; each end wakes the runner as well.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

impl Control {
    pub(super) async fn delete_database_step(
        &self,
        run: &Run,
        id: DatabaseId,
    ) -> Result<Step, Fail> {
        if self.0.store.read().await?.branches_left(id).await? > 0 {
            return Ok(Step::Wait(LOOK_AGAIN));
        }
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.delete_database(id).await?;
        tx.commit().await?;
        tracing::info!(database.id = %id, "deleted");
        Ok(Step::Done)
    }
}
