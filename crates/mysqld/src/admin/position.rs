//! Up to where an engine has its history.

use super::session::{AdminError, Session, quote};
use mysql_async::Row;
use offshoot_core::backup::Position;
use offshoot_core::engine::EngineKind;

/// What a binlog file begins with before the first transaction.
const HEADER: [&str; 5] = [
    "Format_desc",
    "Previous_gtids",
    "Gtid_list",
    "Binlog_checkpoint",
    "Start_encryption",
];

/// Transactions and the last binlog file with events of them. An engine begins a new file when it
/// starts: that one does not count while it is empty. Without a binlog, MySQL still knows its GTID set.
pub async fn position(session: &mut Session, kind: EngineKind) -> Result<Position, AdminError> {
    let gtids = match kind {
        EngineKind::Mysql => "SELECT @@global.gtid_executed",
        EngineKind::Mariadb => "SELECT @@global.gtid_binlog_pos",
    };
    let gtid_set = first(session.query(gtids).await?).replace('\n', "");
    let on = first(session.query("SELECT @@global.log_bin").await?);
    if on != "1" {
        return Ok(Position {
            gtid_set,
            ..Position::default()
        });
    }
    let files: Vec<(String, u64)> = session
        .query("SHOW BINARY LOGS")
        .await?
        .iter()
        .filter_map(|row| Some((row.get_opt(0)?.ok()?, row.get_opt(1)?.ok()?)))
        .collect();
    for (file, offset) in files.into_iter().rev() {
        let events = format!("SHOW BINLOG EVENTS IN {} LIMIT 8", quote(&file));
        let empty = session.query(&events).await?.iter().all(|row| {
            let event: Option<String> = row.get_opt(2).and_then(Result::ok);
            event.is_none_or(|event| HEADER.contains(&event.as_str()))
        });
        if !empty {
            return Ok(Position {
                gtid_set,
                file,
                offset,
            });
        }
    }
    Ok(Position {
        gtid_set,
        ..Position::default()
    })
}

fn first(rows: Vec<Row>) -> String {
    let value = rows.into_iter().next().and_then(|mut row| row.take_opt(0));
    value.and_then(Result::ok).unwrap_or_default()
}
