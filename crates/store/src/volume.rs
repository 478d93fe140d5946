//! Volumes and snapshots.

use crate::error::StoreResult;
use crate::row::{corrupt, micros, opt_parsed, opt_text, parsed, text, time};
use crate::session::{Session, Tx};
use offshoot_core::id::{SnapshotId, VolumeId};
use offshoot_core::volume::{Snapshot, StoredState, Volume, VolumeUse};
use sqlx::sqlite::SqliteRow;

fn state(row: &SqliteRow) -> StoreResult<StoredState> {
    Ok(match text(row, "state")?.as_str() {
        "making" => StoredState::Making,
        "ready" => StoredState::Ready,
        "gone" => StoredState::Gone,
        _ => return Err(corrupt("state")),
    })
}

fn state_text(state: StoredState) -> &'static str {
    match state {
        StoredState::Making => "making",
        StoredState::Ready => "ready",
        StoredState::Gone => "gone",
    }
}

fn use_text(purpose: VolumeUse) -> &'static str {
    match purpose {
        VolumeUse::Branch => "branch",
        VolumeUse::Spare => "spare",
        VolumeUse::Warm => "warm",
        VolumeUse::Work => "work",
    }
}

fn volume(row: &SqliteRow) -> StoreResult<Volume> {
    Ok(Volume {
        id: parsed(row, "id")?,
        node: parsed(row, "node_id")?,
        pool: parsed(row, "pool_id")?,
        engine: parsed(row, "engine")?,
        snapshot: opt_parsed(row, "snapshot_id")?,
        purpose: match text(row, "purpose")?.as_str() {
            "branch" => VolumeUse::Branch,
            "spare" => VolumeUse::Spare,
            "warm" => VolumeUse::Warm,
            "work" => VolumeUse::Work,
            _ => return Err(corrupt("purpose")),
        },
        state: state(row)?,
        created_at: time(row, "created_at")?,
    })
}

fn snapshot(row: &SqliteRow) -> StoreResult<Snapshot> {
    Ok(Snapshot {
        id: parsed(row, "id")?,
        node: parsed(row, "node_id")?,
        pool: parsed(row, "pool_id")?,
        engine: parsed(row, "engine")?,
        state: state(row)?,
        created_at: time(row, "created_at")?,
    })
}

impl Session {
    pub async fn volume(&mut self, id: VolumeId) -> StoreResult<Option<Volume>> {
        sqlx::query("SELECT * FROM volumes WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| volume(&r))
            .transpose()
    }

    pub async fn volumes(&mut self) -> StoreResult<Vec<Volume>> {
        sqlx::query("SELECT * FROM volumes")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(volume)
            .collect()
    }

    /// Spare volumes of a snapshot that can be taken, oldest first.
    pub async fn spares(&mut self, of: SnapshotId) -> StoreResult<Vec<Volume>> {
        sqlx::query(
            "SELECT * FROM volumes WHERE snapshot_id = $1 AND purpose = 'spare' AND state = 'ready' \
             ORDER BY created_at, id",
        )
        .bind(of.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(volume)
        .collect()
    }

    pub async fn snapshots(&mut self) -> StoreResult<Vec<Snapshot>> {
        sqlx::query("SELECT * FROM snapshots")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(snapshot)
            .collect()
    }

    /// The parent's schema as it was when the snapshot's copy of it was read.
    pub async fn snapshot_fingerprint(&mut self, id: SnapshotId) -> StoreResult<Option<String>> {
        let row = sqlx::query("SELECT fingerprint FROM snapshots WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map_or(Ok(None), |r| opt_text(&r, "fingerprint"))
    }

    /// Snapshots that may be removed: gone, and nothing is being forked from them.
    pub async fn removable_snapshots(&mut self) -> StoreResult<Vec<SnapshotId>> {
        sqlx::query(
            "SELECT s.id FROM snapshots s WHERE s.state = 'gone' AND NOT EXISTS \
             (SELECT 1 FROM volumes v WHERE v.snapshot_id = s.id AND v.state = 'making') \
             AND NOT EXISTS (SELECT 1 FROM templates t WHERE t.snapshot_id = s.id)",
        )
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| parsed(r, "id"))
        .collect()
    }
}

impl Tx {
    pub async fn insert_volume(&mut self, v: &Volume) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO volumes (id, node_id, pool_id, engine, snapshot_id, purpose, state, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(v.id.as_str())
        .bind(v.node.as_str())
        .bind(v.pool.as_str())
        .bind(v.engine.to_string())
        .bind(v.snapshot.map(|s| s.to_string()))
        .bind(use_text(v.purpose))
        .bind(state_text(v.state))
        .bind(micros(v.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn set_volume(
        &mut self,
        id: VolumeId,
        purpose: VolumeUse,
        state: StoredState,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE volumes SET purpose = $2, state = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(use_text(purpose))
            .bind(state_text(state))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// It is to be removed.
    pub async fn volume_gone(&mut self, id: VolumeId) -> StoreResult<()> {
        sqlx::query("UPDATE volumes SET state = 'gone' WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn delete_volume(&mut self, id: VolumeId) -> StoreResult<()> {
        sqlx::query("DELETE FROM volumes WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn insert_snapshot(&mut self, s: &Snapshot) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO snapshots (id, node_id, pool_id, engine, state, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(s.id.as_str())
        .bind(s.node.as_str())
        .bind(s.pool.as_str())
        .bind(s.engine.to_string())
        .bind(state_text(s.state))
        .bind(micros(s.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn snapshot_ready(
        &mut self,
        id: SnapshotId,
        fingerprint: Option<&str>,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE snapshots SET state = 'ready', fingerprint = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(fingerprint)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// It is to be removed, with every spare and warm instance made from it.
    pub async fn snapshot_gone(&mut self, id: SnapshotId) -> StoreResult<()> {
        for sql in [
            "UPDATE snapshots SET state = 'gone' WHERE id = $1",
            "UPDATE volumes SET state = 'gone' WHERE snapshot_id = $1 AND purpose = 'spare' AND state = 'ready'",
            "UPDATE instances SET wanted = 'gone' WHERE purpose = 'warm' \
             AND volume_id IN (SELECT id FROM volumes WHERE snapshot_id = $1 AND purpose = 'warm')",
        ] {
            sqlx::query(sql)
                .bind(id.as_str())
                .execute(self.db())
                .await?;
        }
        Ok(())
    }

    pub async fn delete_snapshot(&mut self, id: SnapshotId) -> StoreResult<()> {
        sqlx::query("DELETE FROM snapshots WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
