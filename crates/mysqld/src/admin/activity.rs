//! What an engine is doing at this moment, apart from Offshoot's own sessions.

use super::session::{AdminError, Session};
use offshoot_core::instance::{Activity, SYSTEM_ACCOUNT};
use std::time::Duration;

/// InnoDB shows an older list of transactions to who asks again sooner than 100 ms after the last.
pub const REFRESH_INTERVAL: Duration = Duration::from_millis(120);

/// Sessions with a command under way, and open transactions, of everyone but Offshoot and the engine itself.
/// `PROCESSLIST` and `INNODB_TRX` work with `performance_schema` off, on both engines.
pub async fn activity(session: &mut Session) -> Result<Activity, AdminError> {
    let rows = session
        .query(&format!(
            "SELECT (SELECT COUNT(*) FROM information_schema.processlist \
              WHERE user NOT IN ('{SYSTEM_ACCOUNT}', 'system user', 'event_scheduler', 'unauthenticated user') \
              AND command NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID')), \
             (SELECT COUNT(*) FROM information_schema.innodb_trx t \
              JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
              WHERE p.user NOT IN ('{SYSTEM_ACCOUNT}', 'system user', 'event_scheduler'))"
        ))
        .await?;
    let (running_commands, open_transactions) = rows
        .into_iter()
        .next()
        .and_then(|row| mysql_async::from_row_opt::<(u32, u32)>(row).ok())
        .unwrap_or_default();
    Ok(Activity {
        running_commands,
        open_transactions,
    })
}
