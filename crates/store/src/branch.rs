//! Branches and their labels.

use crate::backup::{Restored, restored};
use crate::error::StoreResult;
use crate::row::{
    corrupt, count, duration, flag, json, micros, opt_count, opt_duration, opt_json, opt_micros,
    opt_parsed, opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::branch::{
    Branch, BranchState, Origin, QuotaState, Runtime, SafeMigrations, Seed,
};
use offshoot_core::drill::Drilled;
use offshoot_core::id::{BranchId, DatabaseId, InstanceId, VolumeId};
use offshoot_core::name::BranchName;
use offshoot_core::seed_rules::Seeded;
use offshoot_core::size::{Resize, Size};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::BTreeMap;

/// A branch with what lists show.
#[derive(Clone, Debug)]
pub struct BranchDetail {
    pub branch: Branch,
    pub organization: String,
    pub database: String,
    pub parent: Option<String>,
    pub default: bool,
    pub children: u64,
    pub passwords: u64,
    pub origin: Option<Origin>,
    /// With which seed rules it was made.
    pub seeded: Option<Seeded>,
    /// The branch whose backup its data came from, while that is there.
    pub restored_from: Option<Restored>,
    /// The last drill of one of its backups that came to a result.
    pub drilled: Option<Drilled>,
    /// The last change of its size.
    pub resize: Option<Resize>,
}

/// Which branches a list holds.
#[derive(Clone, Debug, Default)]
pub struct BranchQuery<'a> {
    pub q: Option<&'a str>,
    pub production: Option<bool>,
    pub safe_migrations: Option<bool>,
    pub newest_first: bool,
    pub labels: Option<&'a BTreeMap<String, String>>,
    pub offset: u64,
    pub limit: u64,
}

/// What lists show of branches that can be seen; conditions follow.
macro_rules! detail {
    ($conditions:literal) => {
        concat!(
            "SELECT b.*, o.name AS organization, d.name AS database_name, p.name AS parent_name, \
             d.default_branch_id AS default_branch_id, \
             EXISTS (SELECT 1 FROM branch_labels l WHERE l.branch_id = b.id) AS labelled, \
             (SELECT COUNT(*) FROM branches x WHERE x.parent_id = b.id AND x.deleting = FALSE) AS children, \
             (SELECT COUNT(*) FROM passwords x WHERE x.branch_id = b.id) AS passwords \
             FROM branches b JOIN databases d ON d.id = b.database_id \
             JOIN organizations o ON o.id = d.organization_id \
             LEFT JOIN branches p ON p.id = b.parent_id WHERE b.deleting = FALSE",
            $conditions
        )
    };
}

const DETAIL: &str = detail!("");
const DETAIL_BY_ID: &str = detail!(" AND b.id = $1");
const DETAIL_BY_NAME: &str = detail!(
    " AND b.database_id = $1 AND (b.live_name = $2 OR b.id = $2) \
     ORDER BY CASE WHEN b.live_name = $2 THEN 0 ELSE 1 END LIMIT 1"
);

pub(crate) fn state(text: &str) -> StoreResult<BranchState> {
    Ok(match text {
        "pending" => BranchState::Pending,
        "ready" => BranchState::Ready,
        "sleeping" => BranchState::Sleeping,
        _ => return Err(corrupt("state")),
    })
}

/// What is in between is known to the process that does it, and over when it is gone.
fn state_text(state: BranchState) -> &'static str {
    match state {
        BranchState::Pending => "pending",
        BranchState::Awakening | BranchState::Ready | BranchState::SleepInProgress => "ready",
        BranchState::Sleeping => "sleeping",
    }
}

fn quota(text: &str) -> StoreResult<QuotaState> {
    Ok(match text {
        "free" => QuotaState::Free,
        "near" => QuotaState::Near,
        "over" => QuotaState::Over,
        "lifting" => QuotaState::Lifting,
        _ => return Err(corrupt("quota_state")),
    })
}

fn safe_migrations(text: &str) -> StoreResult<SafeMigrations> {
    Ok(match text {
        "off" => SafeMigrations::Off,
        "raising" => SafeMigrations::Raising,
        "on" => SafeMigrations::On,
        "lifting" => SafeMigrations::Lifting,
        _ => return Err(corrupt("safe_migrations")),
    })
}

fn quota_text(state: QuotaState) -> &'static str {
    match state {
        QuotaState::Free => "free",
        QuotaState::Near => "near",
        QuotaState::Over => "over",
        QuotaState::Lifting => "lifting",
    }
}

fn from_row(row: &SqliteRow) -> StoreResult<Branch> {
    Ok(Branch {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        name: BranchName::parse(&text(row, "name")?).map_err(|_| corrupt("name"))?,
        parent: opt_parsed(row, "parent_id")?,
        production: flag(row, "production")?,
        state: state(&text(row, "state")?)?,
        seed: match text(row, "seed")?.as_str() {
            "empty" => Seed::Empty,
            "schema" => Seed::Schema,
            "backup" => Seed::Backup,
            "live" => Seed::Live,
            "point_in_time" => Seed::PointInTime,
            _ => return Err(corrupt("seed")),
        },
        runtime: match text(row, "runtime")?.as_str() {
            "managed" => Runtime::Managed,
            _ => return Err(corrupt("runtime")),
        },
        engine: parsed(row, "engine")?,
        volume: parsed(row, "volume_id")?,
        instance: parsed(row, "instance_id")?,
        deletion_protected: flag(row, "deletion_protected")?,
        labels: BTreeMap::new(),
        expires_at: opt_time(row, "expires_at")?,
        sleep_after: opt_duration(row, "sleep_after")?,
        event_scheduler: flag(row, "event_scheduler")?,
        size: opt_parsed(row, "size")?,
        max_connections: opt_count(row, "max_connections")?
            .map(u32::try_from)
            .transpose()
            .map_err(|_| corrupt("max_connections"))?,
        disk_quota: opt_count(row, "disk_quota")?,
        quota: quota(&text(row, "quota_state")?)?,
        safe_migrations: safe_migrations(&text(row, "safe_migrations")?)?,
        deleting: flag(row, "deleting")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        schema_updated_at: opt_time(row, "schema_updated_at")?,
    })
}

fn detail(row: &SqliteRow) -> StoreResult<BranchDetail> {
    let branch = from_row(row)?;
    Ok(BranchDetail {
        default: text(row, "default_branch_id")? == branch.id.as_str(),
        branch,
        organization: text(row, "organization")?,
        database: text(row, "database_name")?,
        parent: opt_text(row, "parent_name")?,
        children: count(row, "children")?,
        passwords: count(row, "passwords")?,
        origin: opt_json(row, "origin")?,
        seeded: opt_json(row, "seeded")?,
        restored_from: None,
        drilled: opt_json(row, "drilled")?,
        resize: opt_json(row, "resized")?,
    })
}

impl Session {
    /// A visible branch, by name or id.
    pub async fn branch(
        &mut self,
        database: DatabaseId,
        name_or_id: &str,
    ) -> StoreResult<Option<Branch>> {
        let row = sqlx::query(
            "SELECT * FROM branches WHERE database_id = $1 AND deleting = FALSE \
             AND (live_name = $2 OR id = $2) ORDER BY CASE WHEN live_name = $2 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(database.as_str())
        .bind(name_or_id)
        .fetch_optional(self.db())
        .await?;
        self.one(row).await
    }

    /// Whether a visible branch has that name.
    pub async fn branch_named(
        &mut self,
        database: DatabaseId,
        name: &BranchName,
    ) -> StoreResult<bool> {
        let row = sqlx::query("SELECT 1 FROM branches WHERE database_id = $1 AND live_name = $2")
            .bind(database.as_str())
            .bind(name.as_str())
            .fetch_optional(self.db())
            .await?;
        Ok(row.is_some())
    }

    /// Any branch, one that is being deleted included.
    pub async fn branch_by_id(&mut self, id: BranchId) -> StoreResult<Option<Branch>> {
        let row = sqlx::query("SELECT * FROM branches WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        self.one(row).await
    }

    async fn one(&mut self, row: Option<SqliteRow>) -> StoreResult<Option<Branch>> {
        let Some(row) = row else { return Ok(None) };
        let mut branch = from_row(&row)?;
        branch.labels = self.labels(branch.id).await?;
        Ok(Some(branch))
    }

    async fn labels(&mut self, id: BranchId) -> StoreResult<BTreeMap<String, String>> {
        sqlx::query("SELECT name, value FROM branch_labels WHERE branch_id = $1")
            .bind(id.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| Ok((text(r, "name")?, text(r, "value")?)))
            .collect()
    }

    pub async fn branch_detail(&mut self, id: BranchId) -> StoreResult<Option<BranchDetail>> {
        self.detail(DETAIL_BY_ID, &[id.as_str()]).await
    }

    /// A visible branch, by name or id.
    pub async fn branch_named_detail(
        &mut self,
        database: DatabaseId,
        name_or_id: &str,
    ) -> StoreResult<Option<BranchDetail>> {
        self.detail(DETAIL_BY_NAME, &[database.as_str(), name_or_id])
            .await
    }

    async fn detail(
        &mut self,
        sql: &'static str,
        values: &[&str],
    ) -> StoreResult<Option<BranchDetail>> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = query.bind((*value).to_owned());
        }
        let Some(row) = query.fetch_optional(self.db()).await? else {
            return Ok(None);
        };
        let mut found = detail(&row)?;
        if flag(&row, "labelled")? {
            found.branch.labels = self.labels(found.branch.id).await?;
        }
        self.add_restored(std::slice::from_mut(&mut found)).await?;
        Ok(Some(found))
    }

    /// Visible branches of a database by age, with the number of all that match.
    pub async fn branches(
        &mut self,
        database: DatabaseId,
        query: &BranchQuery<'_>,
    ) -> StoreResult<(Vec<BranchDetail>, u64)> {
        let mut total = QueryBuilder::<Sqlite>::new(
            "SELECT COUNT(*) AS n FROM branches b WHERE b.deleting = FALSE",
        );
        filter(&mut total, database, query);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new(DETAIL);
        filter(&mut sql, database, query);
        sql.push(if query.newest_first {
            " ORDER BY b.created_at DESC, b.id DESC LIMIT "
        } else {
            " ORDER BY b.created_at, b.id LIMIT "
        })
        .push_bind(signed(query.limit))
        .push(" OFFSET ")
        .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        let mut found: Vec<BranchDetail> = rows.iter().map(detail).collect::<StoreResult<_>>()?;
        if !found.is_empty() {
            self.add_labels(&mut found).await?;
            self.add_restored(&mut found).await?;
        }
        Ok((found, total))
    }

    async fn add_labels(&mut self, found: &mut [BranchDetail]) -> StoreResult<()> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "SELECT branch_id, name, value FROM branch_labels WHERE branch_id IN (",
        );
        let mut list = sql.separated(", ");
        for d in found.iter() {
            list.push_bind(d.branch.id.as_str().to_owned());
        }
        sql.push(")");
        for row in sql.build().fetch_all(self.db()).await? {
            let id: BranchId = parsed(&row, "branch_id")?;
            if let Some(d) = found.iter_mut().find(|d| d.branch.id == id) {
                d.branch
                    .labels
                    .insert(text(&row, "name")?, text(&row, "value")?);
            }
        }
        Ok(())
    }

    /// Of those that were made of a backup: the branches that these were of.
    async fn add_restored(&mut self, found: &mut [BranchDetail]) -> StoreResult<()> {
        let of = |d: &BranchDetail| {
            let origin = d.origin.as_ref().filter(|o| o.backup.is_some());
            origin.map(|o| o.branch)
        };
        if !found.iter().any(|d| of(d).is_some()) {
            return Ok(());
        }
        let mut sql = QueryBuilder::<Sqlite>::new(
            "SELECT id, name, created_at, updated_at FROM branches WHERE deleting = FALSE AND id IN (",
        );
        let mut list = sql.separated(", ");
        for id in found.iter().filter_map(of) {
            list.push_bind(id.as_str().to_owned());
        }
        sql.push(")");
        for row in sql.build().fetch_all(self.db()).await? {
            let from = restored(&row)?;
            for d in found.iter_mut().filter(|d| of(d) == Some(from.id)) {
                d.restored_from = Some(from.clone());
            }
        }
        Ok(())
    }

    /// Every branch row without labels, those that are being deleted included.
    pub async fn all_branches(&mut self) -> StoreResult<Vec<Branch>> {
        sqlx::query("SELECT * FROM branches ORDER BY created_at, id")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// The branch and all that descend from it and can be seen, ancestors first.
    pub async fn with_descendants(&mut self, id: BranchId) -> StoreResult<Vec<Branch>> {
        sqlx::query(
            "WITH RECURSIVE tree (id, depth) AS (SELECT $1, 0 UNION ALL \
             SELECT b.id, t.depth + 1 FROM branches b JOIN tree t ON b.parent_id = t.id) \
             SELECT b.* FROM branches b JOIN tree t ON t.id = b.id WHERE b.deleting = FALSE ORDER BY t.depth",
        )
        .bind(id.as_str().to_owned())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Visible branches whose time has come.
    pub async fn expired_branches(&mut self, now: Timestamp) -> StoreResult<Vec<BranchId>> {
        sqlx::query("SELECT id FROM branches WHERE deleting = FALSE AND expires_at <= $1")
            .bind(micros(now))
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "id"))
            .collect()
    }

    /// Its schema as it was when it went to sleep; `None` when it is awake or unknown.
    pub async fn sleeping_fingerprint(&mut self, id: BranchId) -> StoreResult<Option<String>> {
        let row = sqlx::query("SELECT fingerprint FROM branches WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map_or(Ok(None), |r| opt_text(&r, "fingerprint"))
    }

    /// Whether its events run while it is a development branch.
    pub async fn event_scheduler(&mut self, id: BranchId) -> StoreResult<bool> {
        let row = sqlx::query("SELECT event_scheduler FROM branches WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map_or(Ok(false), |r| flag(&r, "event_scheduler"))
    }

    /// The size that it was given.
    pub async fn branch_size(&mut self, id: BranchId) -> StoreResult<Option<Size>> {
        let row = sqlx::query("SELECT size FROM branches WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map_or(Ok(None), |r| opt_parsed(&r, "size"))
    }

    /// Number of branches on each engine.
    pub async fn branches_per_engine(&mut self) -> StoreResult<BTreeMap<String, u64>> {
        sqlx::query("SELECT engine, COUNT(*) AS n FROM branches GROUP BY engine")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| Ok((text(r, "engine")?, count(r, "n")?)))
            .collect()
    }
}

fn filter(sql: &mut QueryBuilder<Sqlite>, database: DatabaseId, query: &BranchQuery<'_>) {
    sql.push(" AND b.database_id = ")
        .push_bind(database.as_str().to_owned());
    if let Some(q) = query.q {
        sql.push(" AND b.live_name LIKE ")
            .push_bind(crate::row::containing(q))
            .push(" ESCAPE '!'");
    }
    if let Some(production) = query.production {
        sql.push(" AND b.production = ").push_bind(production);
    }
    match query.safe_migrations {
        Some(true) => sql.push(" AND b.safe_migrations IN ('raising', 'on')"),
        Some(false) => sql.push(" AND b.safe_migrations IN ('off', 'lifting')"),
        None => sql,
    };
    for (name, value) in query.labels.into_iter().flatten() {
        sql.push(
            " AND EXISTS (SELECT 1 FROM branch_labels l WHERE l.branch_id = b.id AND l.name = ",
        )
        .push_bind(name.clone())
        .push(" AND l.value = ")
        .push_bind(value.clone())
        .push(")");
    }
}

impl Tx {
    pub async fn insert_branch(&mut self, b: &Branch) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO branches (id, database_id, name, live_name, parent_id, production, state, seed, \
             runtime, engine, volume_id, instance_id, deletion_protected, expires_at, sleep_after, \
             deleting, actor, created_at, updated_at, schema_updated_at, event_scheduler, \
             max_connections, disk_quota, quota_state, size, safe_migrations) \
             VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 'managed', $8, $9, $10, $11, $12, $13, FALSE, $14, $15, $15, $16, $17, $18, $19, $20, $21, $22)",
        )
        .bind(b.id.as_str())
        .bind(b.database_id.as_str())
        .bind(b.name.as_str())
        .bind(b.parent.map(|p| p.to_string()))
        .bind(b.production)
        .bind(state_text(b.state))
        .bind(b.seed.as_str())
        .bind(b.engine.to_string())
        .bind(b.volume.as_str())
        .bind(b.instance.as_str())
        .bind(b.deletion_protected)
        .bind(opt_micros(b.expires_at))
        .bind(duration(b.sleep_after))
        .bind(&b.actor)
        .bind(micros(b.created_at))
        .bind(opt_micros(b.schema_updated_at))
        .bind(b.event_scheduler)
        .bind(b.max_connections.map(i64::from))
        .bind(b.disk_quota.map(signed))
        .bind(quota_text(b.quota))
        .bind(b.size.map(Size::as_str))
        .bind(b.safe_migrations.as_str())
        .execute(self.db())
        .await?;
        self.insert_labels(b).await
    }

    async fn insert_labels(&mut self, b: &Branch) -> StoreResult<()> {
        for (name, value) in &b.labels {
            sqlx::query("INSERT INTO branch_labels (branch_id, name, value) VALUES ($1, $2, $3)")
                .bind(b.id.as_str())
                .bind(name)
                .bind(value)
                .execute(self.db())
                .await?;
        }
        Ok(())
    }

    /// Writes what people change: name, protection, expiry, sleep, events, limits, labels.
    pub async fn update_branch(&mut self, b: &Branch) -> StoreResult<()> {
        sqlx::query(
            "UPDATE branches SET name = $2, live_name = $2, deletion_protected = $3, expires_at = $4, \
             sleep_after = $5, updated_at = $6, event_scheduler = $7, max_connections = $8, \
             disk_quota = $9 WHERE id = $1 AND deleting = FALSE",
        )
        .bind(b.id.as_str())
        .bind(b.name.as_str())
        .bind(b.deletion_protected)
        .bind(opt_micros(b.expires_at))
        .bind(duration(b.sleep_after))
        .bind(micros(b.updated_at))
        .bind(b.event_scheduler)
        .bind(b.max_connections.map(i64::from))
        .bind(b.disk_quota.map(signed))
        .execute(self.db())
        .await?;
        sqlx::query("DELETE FROM branch_labels WHERE branch_id = $1")
            .bind(b.id.as_str())
            .execute(self.db())
            .await?;
        self.insert_labels(b).await
    }

    /// `fingerprint` only with [`BranchState::Sleeping`].
    pub async fn set_branch_state(
        &mut self,
        id: BranchId,
        state: BranchState,
        fingerprint: Option<&str>,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE branches SET state = $2, fingerprint = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(state_text(state))
            .bind(fingerprint)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Where its data comes from, as far as it is known by now; also for another seed after a reset.
    pub async fn set_origin(
        &mut self,
        id: BranchId,
        seed: Seed,
        origin: Option<&Origin>,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE branches SET seed = $2, origin = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(seed.as_str())
            .bind(json(origin)?)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Gives it another size. That is a change of the branch.
    pub async fn set_branch_size(
        &mut self,
        id: BranchId,
        size: Option<Size>,
        resize: &Resize,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE branches SET size = $2, resized = $3, updated_at = $4 WHERE id = $1")
            .bind(id.as_str())
            .bind(size.map(Size::as_str))
            .bind(json(Some(resize))?)
            .bind(micros(resize.at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Its engine runs with the size that it was given last, or will when it wakes.
    pub async fn complete_resize(&mut self, id: BranchId, now: Timestamp) -> StoreResult<()> {
        let row = sqlx::query("SELECT resized FROM branches WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        let resize: Option<Resize> = row.map_or(Ok(None), |r| opt_json(&r, "resized"))?;
        let Some(mut resize) = resize.filter(|r| r.completed_at.is_none()) else {
            return Ok(());
        };
        resize.completed_at = Some(now);
        sqlx::query("UPDATE branches SET resized = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(json(Some(&resize))?)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Switched by somebody, `now`: that is a change of the branch. `None`: its engine knows.
    pub async fn set_safe_migrations(
        &mut self,
        id: BranchId,
        state: SafeMigrations,
        now: Option<Timestamp>,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE branches SET safe_migrations = $2, updated_at = COALESCE($3, updated_at) WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(opt_micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn set_quota_state(&mut self, id: BranchId, state: QuotaState) -> StoreResult<()> {
        sqlx::query("UPDATE branches SET quota_state = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(quota_text(state))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Its archived history ends: what it does without a binlog is in none.
    pub async fn set_branch_production(
        &mut self,
        id: BranchId,
        production: bool,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE branches SET production = $2, updated_at = $3, fingerprint = NULL, \
             state = CASE WHEN state = 'sleeping' THEN 'ready' ELSE state END WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(production)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        self.end_histories(id, now).await
    }

    /// Gives a branch another volume and instance. Its archived history ends.
    pub async fn move_branch(
        &mut self,
        id: BranchId,
        volume: VolumeId,
        instance: InstanceId,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE branches SET volume_id = $2, instance_id = $3, state = 'ready', fingerprint = NULL, \
             updated_at = $4, schema_updated_at = $4 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(volume.as_str())
        .bind(instance.as_str())
        .bind(micros(now))
        .execute(self.db())
        .await?;
        self.end_histories(id, now).await
    }

    pub async fn set_schema_updated(&mut self, id: BranchId, now: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE branches SET schema_updated_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Hides the branch and frees its name.
    pub async fn mark_branch_deleting(&mut self, id: BranchId, now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE branches SET deleting = TRUE, live_name = NULL, updated_at = $2 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Removes the row; its passwords, imports and labels go with it. Children stay, without a parent.
    pub async fn delete_branch(&mut self, id: BranchId) -> StoreResult<()> {
        for sql in [
            "DELETE FROM passwords WHERE branch_id = $1",
            "DELETE FROM imports WHERE branch_id = $1",
            "DELETE FROM templates WHERE parent_id = $1",
            "DELETE FROM branches WHERE id = $1",
        ] {
            sqlx::query(sql)
                .bind(id.as_str())
                .execute(self.db())
                .await?;
        }
        Ok(())
    }
}
