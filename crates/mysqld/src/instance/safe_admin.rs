//! The account for a branch with safe migrations, in an engine that runs already.

use super::seal;
use crate::admin::safe_admin::{make, there};
use crate::admin::{AdminError, Session};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Endpoint;
use std::path::Path;

/// Makes the account where it is not there. MariaDB's table of accounts, below the data directory `data`, can be written
/// meanwhile; it is closed again in any case, also after an earlier try that was killed before.
pub(super) async fn ensure(
    session: &mut Session,
    endpoint: &Endpoint,
    data: &Path,
) -> Result<(), AdminError> {
    let (kind, version) = (endpoint.engine.kind, endpoint.engine.version);
    let missing = !there(session, kind).await?;
    if kind == EngineKind::Mysql {
        return match missing {
            true => make(session, kind, version, &endpoint.secret).await,
            false => Ok(()),
        };
    }
    let made = async {
        if missing {
            seal::open(kind, data).map_err(AdminError::Sealing)?;
            session.execute(seal::REOPEN).await?;
            make(session, kind, version, &endpoint.secret).await?;
        }
        Ok(())
    }
    .await;
    seal::close(kind, data).map_err(AdminError::Sealing)?;
    session.execute(seal::REOPEN).await?;
    made
}
