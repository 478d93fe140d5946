//! What the handlers work with.

use offshoot_api_types::Region;
use offshoot_control::Control;
use std::fmt;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Handed to [`crate::router()`] by the binary. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub control: Control,
    /// Origin under which clients reach this server, such as `http://127.0.0.1:8306`, without a slash at the end.
    pub public_url: Arc<str>,
    /// The only region: this server.
    pub region: Arc<Region>,
    /// Streams end when it is cancelled.
    pub ending: CancellationToken,
    /// Text for `/metrics`; `None` = there is no such page.
    pub metrics: Option<Arc<dyn Fn() -> String + Send + Sync>>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
