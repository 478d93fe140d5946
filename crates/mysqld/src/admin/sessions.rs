//! The sessions that clients have in an engine, and their end.

use super::session::{AdminError, Session};
use jiff::Timestamp;
use offshoot_core::instance::{EngineSession, EngineTransaction, Kill, SYSTEM_ACCOUNT};

/// The engine does not know a session of that number.
const NO_SUCH_THREAD: u16 = 1094;

/// `PROCESSLIST` and `INNODB_TRX` work with `performance_schema` off, on both engines.
pub async fn sessions(session: &mut Session) -> Result<Vec<EngineSession>, AdminError> {
    let rows = session
        .query(&format!(
            "SELECT p.id, p.user, p.host, p.db, p.command, p.time, p.state, p.info, t.trx_id, \
             UNIX_TIMESTAMP(t.trx_started) \
             FROM information_schema.processlist p \
             LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id \
             WHERE p.user NOT IN ('{SYSTEM_ACCOUNT}', 'system user', 'event_scheduler', 'unauthenticated user') \
             ORDER BY p.id"
        ))
        .await?;
    Ok(rows.into_iter().filter_map(read).collect())
}

/// `None` for a row that has not the columns asked for.
fn read(row: mysql_async::Row) -> Option<EngineSession> {
    type Columns = (
        u64,
        String,
        String,
        Option<String>,
        String,
        Option<i64>,
        Option<String>,
        Option<Vec<u8>>,
        Option<u64>,
        Option<f64>,
    );
    let (id, user, host, schema, command, seconds, state, statement, trx, since) =
        mysql_async::from_row_opt::<Columns>(row).ok()?;
    let transaction = trx.zip(since).and_then(|(id, since)| {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds of a clock")]
        let since = Timestamp::from_second(since as i64).ok()?;
        Some(EngineTransaction { id, since })
    });
    Some(EngineSession {
        id,
        user,
        host,
        schema,
        command,
        seconds: u64::try_from(seconds.unwrap_or(0)).unwrap_or(0),
        state: state.filter(|s| !s.is_empty()),
        statement: statement.map(|text| String::from_utf8_lossy(&text).into_owned()),
        transaction,
    })
}

/// Only a client's session: those of Offshoot and of the engine are not there for this.
pub async fn kill(session: &mut Session, id: u64, what: Kill) -> Result<bool, AdminError> {
    if !sessions(session).await?.iter().any(|s| s.id == id) {
        return Ok(false);
    }
    let what = match what {
        Kill::Statement => "QUERY",
        Kill::Session => "CONNECTION",
    };
    match session.execute(&format!("KILL {what} {id}")).await {
        Err(error) if error.code() == Some(NO_SUCH_THREAD) => Ok(false),
        done => done.map(|()| true),
    }
}
