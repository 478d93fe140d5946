//! Engines that are there.

use crate::Control;
use crate::caller::Caller;
use offshoot_core::Refusal;
use offshoot_core::engine::InstalledEngine;

/// Installed engines with the number of branches on each. `default` is set on the one new databases get.
pub async fn list(
    control: &Control,
    caller: &Caller,
) -> Result<Vec<(InstalledEngine, u64)>, Refusal> {
    let _ = (control, caller);
    Err(Refusal::internal("not built yet"))
}
