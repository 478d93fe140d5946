//! Deliveries: listed, shown, replayed.

use crate::Control;
use crate::locate::{LocatedIntegration, quoted};
use crate::page::{Listed, Page};
use offshoot_core::access::Access;
use offshoot_core::delivery::{Delivery, DeliveryOrigin, DeliveryState};
use offshoot_core::refusal::Refusal;

/// Newest first. Needs `read_organization`, as does [`show`].
pub async fn list(
    control: &Control,
    at: &LocatedIntegration,
    state: Option<DeliveryState>,
    page: Page,
) -> Result<Listed<Delivery>, Refusal> {
    let mut session = control.0.store.read().await?;
    let (items, total) = session
        .deliveries(
            at.integration.id,
            state,
            page.offset(),
            page.per_page().into(),
        )
        .await?;
    Ok(Listed { items, total, page })
}

pub async fn show(
    control: &Control,
    at: &LocatedIntegration,
    id: &str,
) -> Result<Delivery, Refusal> {
    let mut session = control.0.store.read().await?;
    let found = match id.parse() {
        Ok(id) => session.delivery(id).await?,
        Err(_) => None,
    };
    found
        .filter(|d| d.integration_id == at.integration.id)
        .ok_or_else(|| {
            Refusal::not_found(format!("delivery {}", quoted(id))).hint(format!(
                "list them: offshoot integration deliveries {}",
                at.integration.name
            ))
        })
}

/// Reads it again, with the settings of today. Harmless: what it says is known already, or is news.
/// Needs `write_organization`.
pub async fn replay(
    control: &Control,
    at: &LocatedIntegration,
    id: &str,
) -> Result<Delivery, Refusal> {
    at.within.require(&[Access::WriteOrganization])?;
    let mut delivery = show(control, at, id).await?;
    if delivery.origin == DeliveryOrigin::Poll {
        return Err(
            Refusal::unprocessable("what was found by asking the tool cannot be replayed")
                .hint("the tool is asked again by itself"),
        );
    }
    let mut tx = control.0.store.write().await?;
    delivery.state = DeliveryState::Received;
    delivery.reason = None;
    delivery.told = Vec::new();
    delivery.processed_at = None;
    tx.settle_delivery(delivery.id, delivery.state, None, &[], control.now())
        .await?;
    tx.commit().await?;
    control.0.signals.planning.notify_one();
    Ok(delivery)
}
