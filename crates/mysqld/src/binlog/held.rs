//! What an engine that is being given a history has of it.

use super::applier::NOTE;
use crate::admin::session::{AdminError, Session, quote};
use crate::instance::internal;
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::GtidSet;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::Refusal;

/// A table that keeps what was half done when its engine ended.
const WITHOUT_UNDO: &str = "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
     WHERE table_type = 'BASE TABLE' AND engine <> 'InnoDB' AND table_schema NOT IN \
     ('mysql', 'sys', 'information_schema', 'performance_schema') LIMIT 1";

/// Both engines commit a transaction's name with the transaction. `unclean`: it was not stopped.
pub(super) async fn held(
    endpoint: &Endpoint,
    from: &GtidSet,
    unclean: bool,
) -> PortResult<GtidSet> {
    let kind = endpoint.engine.kind;
    let mut session = Session::open(endpoint).await?;
    if unclean && let Some(table) = value(&mut session, WITHOUT_UNDO).await? {
        return Err(PortError::fatal(Refusal::unprocessable(format!(
            "its engine ended without being stopped, and nobody knows what table {table} has: its engine undoes nothing"
        ))));
    }
    let own = match kind {
        EngineKind::Mysql => true,
        EngineKind::Mariadb => noted(&mut session, endpoint).await?,
    };
    if !own {
        return Ok(from.clone());
    }
    let sql = match kind {
        EngineKind::Mysql => "SELECT @@GLOBAL.gtid_executed",
        EngineKind::Mariadb => "SELECT @@GLOBAL.gtid_slave_pos",
    };
    let text = value(&mut session, sql).await?.unwrap_or_default();
    GtidSet::parse(kind, &text).map_err(internal)
}

/// The position that a MariaDB engine keeps is that of what this instance was given.
async fn noted(session: &mut Session, endpoint: &Endpoint) -> Result<bool, AdminError> {
    let there = format!(
        "SELECT table_name FROM information_schema.tables \
         WHERE table_schema = 'mysql' AND table_name = '{NOTE}'"
    );
    if value(session, &there).await?.is_none() {
        return Ok(false);
    }
    let instance = quote(endpoint.instance.as_str());
    let ours = format!("SELECT instance FROM mysql.{NOTE} WHERE instance = {instance}");
    Ok(value(session, &ours).await?.is_some())
}

async fn value(session: &mut Session, sql: &str) -> Result<Option<String>, AdminError> {
    let rows = session.query(sql).await?;
    let value = rows.into_iter().next().and_then(|mut row| row.take_opt(0));
    Ok(value.and_then(Result::ok))
}
