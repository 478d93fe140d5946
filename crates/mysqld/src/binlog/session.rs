//! A statement run again in a session like the one that it ran in.

use super::filter::Aside;
use crate::admin::session::{AdminError, Session, quote};
use mysql_async::prelude::Queryable;
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Endpoint;

/// Runs the definition of an event, under its own name where the engine keeps names (MySQL).
pub(super) async fn redefine(endpoint: &Endpoint, aside: &Aside) -> Result<(), AdminError> {
    let query = &aside.query;
    let context = &query.context;
    let mut session = Session::open(endpoint).await?;
    session.execute("SET SESSION sql_log_bin = 0").await?;
    if !query.schema.is_empty() {
        let name = String::from_utf8_lossy(&query.schema).replace('`', "``");
        session.execute(&format!("USE `{name}`")).await?;
    }
    let micros = context.microseconds.unwrap_or(0);
    let mut settings = vec![format!("TIMESTAMP = {}.{micros:06}", query.seconds)];
    if let Some(mode) = context.sql_mode {
        settings.push(format!("sql_mode = {mode}"));
    }
    if let Some([client, connection, server]) = context.collations {
        settings.push(format!("character_set_client = {client}"));
        settings.push(format!("collation_connection = {connection}"));
        settings.push(format!("collation_server = {server}"));
    }
    if let Some(zone) = &context.time_zone {
        settings.push(format!(
            "time_zone = {}",
            quote(&String::from_utf8_lossy(zone))
        ));
    }
    if let Some(names) = context.time_names {
        settings.push(format!("lc_time_names = {names}"));
    }
    session
        .execute(&format!("SET SESSION {}", settings.join(", ")))
        .await?;
    let named = endpoint.engine.kind == EngineKind::Mysql;
    if named {
        let gtid = quote(&aside.gtid.to_string());
        session
            .execute(&format!("SET SESSION gtid_next = {gtid}"))
            .await?;
    }
    session.conn().query_drop(query.with_definer()).await?;
    // What is lost when it is not said goodbye to is nothing.
    let _ = session.close().await;
    Ok(())
}
