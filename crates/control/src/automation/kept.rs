//! The automations of each integration as they were read last: thousands are not read anew for each event.

use crate::lock;
use offshoot_core::automation::Automation;
use offshoot_core::id::IntegrationId;
use offshoot_store::automation::AutomationsStamp;
use offshoot_store::{Session, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A map that is full is emptied.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<IntegrationId, Read>>);

struct Read {
    at: AutomationsStamp,
    automations: Arc<[Automation]>,
}

/// Integrations whose automations are kept.
const KEPT: usize = 1_000;

impl Kept {
    /// Those that go by an integration, of databases that are not being deleted.
    pub(crate) async fn automations_by(
        &self,
        session: &mut Session,
        id: IntegrationId,
    ) -> Result<Arc<[Automation]>, StoreError> {
        let stamp = session.automations_stamp(id).await?;
        if let Some(read) = lock(&self.0).get(&id)
            && read.at == stamp
        {
            return Ok(Arc::clone(&read.automations));
        }
        let automations: Arc<[Automation]> = session.automations_by(id).await?.into();
        let mut kept = lock(&self.0);
        if kept.len() >= KEPT {
            kept.clear();
        }
        let read = Read {
            at: stamp,
            automations: Arc::clone(&automations),
        };
        kept.insert(id, read);
        Ok(automations)
    }
}
