//! Views, which must find what they read when they are made: tried again until none is left that
//! waits for another.

use super::apply::{Place, create_in_context, failed};
use super::channel::Channel;
use offshoot_core::port::PortResult;
use offshoot_schema::object::{ObjectName, SchemaObject};

/// Makes views in an order that works. One that is broken in the parent (it reads what is not
/// there) cannot be made by any engine and is left out, with a warning. Returns those.
pub(super) async fn create(
    channel: &mut Channel,
    place: &mut Place,
    mut views: Vec<&SchemaObject>,
) -> PortResult<Vec<ObjectName>> {
    let mut left_out = Vec::new();
    while !views.is_empty() {
        let before = views.len();
        let mut waiting = Vec::new();
        let mut reasons = Vec::new();
        for view in views {
            match create_in_context(channel, place, view).await {
                Ok(()) => {}
                Err(error) if error.code().is_some() => {
                    waiting.push(view);
                    reasons.push(error);
                }
                Err(error) => return Err(failed("create", &view.name, error)),
            }
        }
        if waiting.len() == before {
            for (view, reason) in waiting.iter().zip(reasons) {
                tracing::warn!(object = %view.name, %reason, "a broken view was left out of a copy");
            }
            left_out.extend(waiting.iter().map(|view| view.name.clone()));
            break;
        }
        views = waiting;
    }
    place.leave_context(channel).await?;
    Ok(left_out)
}
