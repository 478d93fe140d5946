//! The memory of an engine that runs.

use super::session::{AdminError, Session};

/// Makes the buffer pool this large, in bytes. The engine does it beside what else it does, and
/// writes the pages that have no room any more.
pub async fn set_pool(session: &mut Session, bytes: u64) -> Result<(), AdminError> {
    session
        .execute(&format!("SET GLOBAL innodb_buffer_pool_size = {bytes}"))
        .await
}
