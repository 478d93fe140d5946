//! Archived binlogs: histories and their segments.

use crate::error::StoreResult;
use crate::row::{
    containing, corrupt, count, flag, json, micros, opt_micros, opt_text, opt_time, parsed, signed,
    text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::binlog::{Committed, History, Mark, Segment};
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::{Gtid, GtidSet};
use offshoot_core::id::{BranchId, HistoryId};
use sqlx::sqlite::SqliteRow;

fn history(row: &SqliteRow) -> StoreResult<History> {
    let engine: offshoot_core::engine::EngineRef = parsed(row, "engine")?;
    let mark = text(row, "mark")?;
    Ok(History {
        id: parsed(row, "id")?,
        branch: parsed(row, "branch_id")?,
        volume: parsed(row, "volume_id")?,
        engine,
        before: gtids(row, engine.kind, "before_gtids")?,
        archived: gtids(row, engine.kind, "archived_gtids")?,
        mark: serde_json::from_str(&mark).map_err(|_| corrupt("mark"))?,
        next: count(row, "next_number")?,
        started_at: time(row, "started_at")?,
        complete_at: time(row, "complete_at")?,
        ended_at: opt_time(row, "ended_at")?,
    })
}

fn gtids(row: &SqliteRow, kind: EngineKind, column: &str) -> StoreResult<GtidSet> {
    GtidSet::parse(kind, &text(row, column)?).map_err(|_| corrupt(column))
}

fn segment(row: &SqliteRow, of: &History) -> StoreResult<Segment> {
    let kind = of.engine.kind;
    let committed = |gtid: &str, at: &str| -> StoreResult<Option<Committed>> {
        let (Some(name), Some(time)) = (opt_text(row, gtid)?, opt_time(row, at)?) else {
            return Ok(None);
        };
        let gtid = Gtid::parse(kind, &name).ok_or_else(|| corrupt(gtid))?;
        Ok(Some(Committed { gtid, at: time }))
    };
    Ok(Segment {
        history: of.id,
        number: count(row, "number")?,
        file: text(row, "file")?,
        from: count(row, "from_offset")?,
        to: count(row, "to_offset")?,
        whole: flag(row, "whole")?,
        transactions: count(row, "transactions")?,
        gtids: gtids(row, kind, "gtids")?,
        first: committed("first_gtid", "first_at")?,
        last: committed("last_gtid", "last_at")?,
        object: text(row, "object")?,
        checksum: text(row, "checksum")?,
        archived_at: time(row, "archived_at")?,
    })
}

impl Session {
    pub async fn history(&mut self, id: HistoryId) -> StoreResult<Option<History>> {
        sqlx::query("SELECT * FROM binlog_histories WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| history(&r))
            .transpose()
    }

    /// Histories of a branch, oldest first.
    pub async fn histories(&mut self, branch: BranchId) -> StoreResult<Vec<History>> {
        sqlx::query("SELECT * FROM binlog_histories WHERE branch_id = $1 ORDER BY started_at, id")
            .bind(branch.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(history)
            .collect()
    }

    /// Every history of every branch.
    pub async fn all_histories(&mut self) -> StoreResult<Vec<History>> {
        sqlx::query("SELECT * FROM binlog_histories ORDER BY branch_id, started_at, id")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(history)
            .collect()
    }

    /// A branch is being made of this one as it was at a moment.
    pub async fn restoring_from(&mut self, branch: BranchId) -> StoreResult<bool> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM branches WHERE state = 'pending' AND deleting = FALSE \
             AND seed = 'point_in_time' AND origin LIKE $1 ESCAPE '!'",
        )
        .bind(containing(&format!("\"branch\":\"{branch}\"")))
        .fetch_one(self.db())
        .await?;
        Ok(count(&row, "n")? > 0)
    }

    /// Segments of a history from a number on, in their order.
    pub async fn segments(&mut self, of: &History, from: u64) -> StoreResult<Vec<Segment>> {
        sqlx::query(
            "SELECT * FROM binlog_segments WHERE history_id = $1 AND number >= $2 ORDER BY number",
        )
        .bind(of.id.as_str())
        .bind(signed(from))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| segment(r, of))
        .collect()
    }
}

impl Tx {
    pub async fn insert_history(&mut self, h: &History) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO binlog_histories (id, branch_id, volume_id, engine, before_gtids, archived_gtids, \
             mark, next_number, started_at, complete_at, ended_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(h.id.as_str())
        .bind(h.branch.as_str())
        .bind(h.volume.as_str())
        .bind(h.engine.to_string())
        .bind(h.before.to_string())
        .bind(h.archived.to_string())
        .bind(json::<Mark>(Some(&h.mark))?)
        .bind(signed(h.next))
        .bind(micros(h.started_at))
        .bind(micros(h.complete_at))
        .bind(opt_micros(h.ended_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes a segment down, with where the archive goes on. `false`: the history has ended, or
    /// somebody else has written that segment.
    pub async fn append_segment(&mut self, s: &Segment, then: &History) -> StoreResult<bool> {
        let moved = sqlx::query(
            "UPDATE binlog_histories SET archived_gtids = $2, mark = $3, next_number = $4, \
             complete_at = $5 WHERE id = $1 AND next_number = $6 AND ended_at IS NULL",
        )
        .bind(then.id.as_str())
        .bind(then.archived.to_string())
        .bind(json::<Mark>(Some(&then.mark))?)
        .bind(signed(then.next))
        .bind(micros(then.complete_at))
        .bind(signed(s.number))
        .execute(self.db())
        .await?;
        if moved.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO binlog_segments (history_id, number, file, from_offset, to_offset, whole, \
             transactions, gtids, first_gtid, first_at, last_gtid, last_at, object, checksum, archived_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(s.history.as_str())
        .bind(signed(s.number))
        .bind(&s.file)
        .bind(signed(s.from))
        .bind(signed(s.to))
        .bind(s.whole)
        .bind(signed(s.transactions))
        .bind(s.gtids.to_string())
        .bind(s.first.map(|c| c.gtid.to_string()))
        .bind(opt_micros(s.first.map(|c| c.at)))
        .bind(s.last.map(|c| c.gtid.to_string()))
        .bind(opt_micros(s.last.map(|c| c.at)))
        .bind(&s.object)
        .bind(&s.checksum)
        .bind(micros(s.archived_at))
        .execute(self.db())
        .await?;
        Ok(true)
    }

    /// Everything that was committed before `at` is archived.
    pub async fn history_complete(&mut self, id: HistoryId, at: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE binlog_histories SET complete_at = $2 WHERE id = $1 AND ended_at IS NULL AND complete_at < $2",
        )
        .bind(id.as_str())
        .bind(micros(at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Nothing is added to a branch's histories any more.
    pub async fn end_histories(&mut self, branch: BranchId, at: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE binlog_histories SET ended_at = $2 WHERE branch_id = $1 AND ended_at IS NULL",
        )
        .bind(branch.as_str())
        .bind(micros(at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Forgets segments before a number; what they have is before the history then.
    pub async fn trim_history(
        &mut self,
        id: HistoryId,
        number: u64,
        before: &GtidSet,
    ) -> StoreResult<()> {
        sqlx::query("DELETE FROM binlog_segments WHERE history_id = $1 AND number < $2")
            .bind(id.as_str())
            .bind(signed(number))
            .execute(self.db())
            .await?;
        sqlx::query("UPDATE binlog_histories SET before_gtids = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(before.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn delete_history(&mut self, id: HistoryId) -> StoreResult<()> {
        sqlx::query("DELETE FROM binlog_segments WHERE history_id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        sqlx::query("DELETE FROM binlog_histories WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
