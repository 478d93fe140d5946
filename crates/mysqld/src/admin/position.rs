//! Up to where an engine has its history.

use super::session::{AdminError, Session, quote};
use mysql_async::Row;
use offshoot_core::backup::Position;
use offshoot_core::engine::EngineKind;

/// What a binlog file has of its own, before its transactions and after them.
const FRAME: [&str; 7] = [
    "Format_desc",
    "Previous_gtids",
    "Gtid_list",
    "Binlog_checkpoint",
    "Start_encryption",
    "Rotate",
    "Stop",
];

/// Transactions and the last binlog file with events of them. An engine begins a new file at each
/// start, and a copy's are not its parent's: they do not count. Without a binlog, MySQL still knows
/// its GTID set.
pub async fn position(session: &mut Session, kind: EngineKind) -> Result<Position, AdminError> {
    let gtids = match kind {
        EngineKind::Mysql => "SELECT @@global.gtid_executed",
        EngineKind::Mariadb => "SELECT @@global.gtid_binlog_pos",
    };
    let gtid_set = first(session.query(gtids).await?).replace('\n', "");
    let (file, offset) = last_file(session).await?.unwrap_or_default();
    Ok(Position {
        gtid_set,
        file,
        offset,
    })
}

/// Removes the binlogs before the one that the position is in: what a copy does not need of its
/// parent's history. The engine keeps what it still needs itself.
pub async fn trim(session: &mut Session) -> Result<(), AdminError> {
    if let Some((file, _)) = last_file(session).await? {
        let sql = format!("PURGE BINARY LOGS TO {}", quote(&file));
        session.execute(&sql).await?;
    }
    Ok(())
}

/// The last binlog file with a transaction in it, and its length.
async fn last_file(session: &mut Session) -> Result<Option<(String, u64)>, AdminError> {
    let on = first(session.query("SELECT @@global.log_bin").await?);
    if on != "1" {
        return Ok(None);
    }
    let files: Vec<(String, u64)> = session
        .query("SHOW BINARY LOGS")
        .await?
        .iter()
        .filter_map(|row| Some((row.get_opt(0)?.ok()?, row.get_opt(1)?.ok()?)))
        .collect();
    for (file, length) in files.into_iter().rev() {
        let events = format!("SHOW BINLOG EVENTS IN {} LIMIT 8", quote(&file));
        let empty = session.query(&events).await?.iter().all(|row| {
            let event: Option<String> = row.get_opt(2).and_then(Result::ok);
            event.is_none_or(|event| FRAME.contains(&event.as_str()))
        });
        if !empty {
            return Ok(Some((file, length)));
        }
    }
    Ok(None)
}

fn first(rows: Vec<Row>) -> String {
    let value = rows.into_iter().next().and_then(|mut row| row.take_opt(0));
    value.and_then(Result::ok).unwrap_or_default()
}
