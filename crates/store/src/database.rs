//! Databases.

use crate::error::StoreResult;
use crate::row::{corrupt, count, flag, micros, parsed, signed, text, time};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::branch::BranchState;
use offshoot_core::database::Database;
use offshoot_core::id::{BranchId, DatabaseId, OrganizationId};
use offshoot_core::name::DatabaseName;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

/// A database with what lists show.
#[derive(Clone, Debug)]
pub struct DatabaseDetail {
    pub database: Database,
    pub organization: String,
    pub default_branch: String,
    pub default_branch_state: BranchState,
    pub branches: u64,
    pub production_branches: u64,
}

/// Which databases a list holds.
#[derive(Clone, Debug, Default)]
pub struct DatabaseQuery<'a> {
    pub q: Option<&'a str>,
    /// Only these; `None` = all.
    pub ids: Option<&'a [DatabaseId]>,
    pub offset: u64,
    pub limit: u64,
}

const DETAIL: &str = "SELECT d.*, o.name AS organization, b.name AS default_branch, b.state AS default_state, \
     (SELECT COUNT(*) FROM branches x WHERE x.database_id = d.id AND x.deleting = FALSE) AS branches, \
     (SELECT COUNT(*) FROM branches x WHERE x.database_id = d.id AND x.deleting = FALSE AND x.production = TRUE) AS production_branches \
     FROM databases d JOIN organizations o ON o.id = d.organization_id \
     JOIN branches b ON b.id = d.default_branch_id WHERE d.deleting = FALSE";

pub(crate) fn from_row(row: &SqliteRow) -> StoreResult<Database> {
    Ok(Database {
        id: parsed(row, "id")?,
        organization_id: parsed(row, "organization_id")?,
        name: DatabaseName::parse(&text(row, "name")?).map_err(|_| corrupt("name"))?,
        schema_name: text(row, "schema_name")?,
        engine: parsed(row, "engine")?,
        default_branch: parsed(row, "default_branch_id")?,
        deletion_protected: flag(row, "deletion_protected")?,
        allow_data_branching: flag(row, "allow_data_branching")?,
        require_seed_rules: flag(row, "require_seed_rules")?,
        deleting: flag(row, "deleting")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn detail(row: &SqliteRow) -> StoreResult<DatabaseDetail> {
    Ok(DatabaseDetail {
        database: from_row(row)?,
        organization: text(row, "organization")?,
        default_branch: text(row, "default_branch")?,
        default_branch_state: crate::branch::state(&text(row, "default_state")?)?,
        branches: count(row, "branches")?,
        production_branches: count(row, "production_branches")?,
    })
}

impl Session {
    /// A visible database, by name or id.
    pub async fn database(
        &mut self,
        organization: OrganizationId,
        name_or_id: &str,
    ) -> StoreResult<Option<Database>> {
        sqlx::query(
            "SELECT * FROM databases WHERE organization_id = $1 AND deleting = FALSE \
             AND (live_name = $2 OR id = $2) ORDER BY CASE WHEN live_name = $2 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(organization.as_str())
        .bind(name_or_id)
        .fetch_optional(self.db())
        .await?
        .map(|r| from_row(&r))
        .transpose()
    }

    /// Any database, one that is being deleted included.
    pub async fn database_by_id(&mut self, id: DatabaseId) -> StoreResult<Option<Database>> {
        sqlx::query("SELECT * FROM databases WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn database_detail(&mut self, id: DatabaseId) -> StoreResult<Option<DatabaseDetail>> {
        QueryBuilder::<Sqlite>::new(DETAIL)
            .push(" AND d.id = ")
            .push_bind(id.as_str().to_owned())
            .build()
            .fetch_optional(self.db())
            .await?
            .map(|r| detail(&r))
            .transpose()
    }

    /// Visible databases by name, with the number of all that match.
    pub async fn databases(
        &mut self,
        organization: OrganizationId,
        query: &DatabaseQuery<'_>,
    ) -> StoreResult<(Vec<DatabaseDetail>, u64)> {
        let mut total = QueryBuilder::<Sqlite>::new(
            "SELECT COUNT(*) AS n FROM databases d WHERE d.deleting = FALSE",
        );
        filter(&mut total, organization, query);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new(DETAIL);
        filter(&mut sql, organization, query);
        sql.push(" ORDER BY d.live_name LIMIT ")
            .push_bind(signed(query.limit))
            .push(" OFFSET ")
            .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        Ok((rows.iter().map(detail).collect::<StoreResult<_>>()?, total))
    }

    /// Branches of a database whose rows are still there, visible or not.
    pub async fn branches_left(&mut self, id: DatabaseId) -> StoreResult<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM branches WHERE database_id = $1")
            .bind(id.as_str())
            .fetch_one(self.db())
            .await?;
        count(&row, "n")
    }
}

fn filter(sql: &mut QueryBuilder<Sqlite>, organization: OrganizationId, query: &DatabaseQuery<'_>) {
    sql.push(" AND d.organization_id = ")
        .push_bind(organization.as_str().to_owned());
    if let Some(q) = query.q {
        sql.push(" AND d.live_name LIKE ")
            .push_bind(crate::row::containing(q))
            .push(" ESCAPE '!'");
    }
    if let Some(ids) = query.ids {
        sql.push(" AND d.id IN (");
        let mut list = sql.separated(", ");
        for id in ids {
            list.push_bind(id.as_str().to_owned());
        }
        sql.push(")");
    }
}

impl Tx {
    pub async fn insert_database(&mut self, d: &Database) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO databases (id, organization_id, name, live_name, schema_name, engine, \
             default_branch_id, deletion_protected, deleting, created_at, updated_at, \
             allow_data_branching, require_seed_rules) \
             VALUES ($1, $2, $3, $3, $4, $5, $6, $7, FALSE, $8, $8, $9, $10)",
        )
        .bind(d.id.as_str())
        .bind(d.organization_id.as_str())
        .bind(d.name.as_str())
        .bind(&d.schema_name)
        .bind(d.engine.to_string())
        .bind(d.default_branch.as_str())
        .bind(d.deletion_protected)
        .bind(micros(d.created_at))
        .bind(d.allow_data_branching)
        .bind(d.require_seed_rules)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes what may change: name, default branch, protection, data branching and its rules.
    pub async fn update_database(&mut self, d: &Database) -> StoreResult<()> {
        sqlx::query(
            "UPDATE databases SET name = $2, live_name = $2, default_branch_id = $3, \
             deletion_protected = $4, updated_at = $5, allow_data_branching = $6, \
             require_seed_rules = $7 WHERE id = $1 AND deleting = FALSE",
        )
        .bind(d.id.as_str())
        .bind(d.name.as_str())
        .bind(d.default_branch.as_str())
        .bind(d.deletion_protected)
        .bind(micros(d.updated_at))
        .bind(d.allow_data_branching)
        .bind(d.require_seed_rules)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Hides the database and frees its name.
    pub async fn mark_database_deleting(
        &mut self,
        id: DatabaseId,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE databases SET deleting = TRUE, live_name = NULL, updated_at = $2 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// With its policies, drills and seed rules.
    pub async fn delete_database(&mut self, id: DatabaseId) -> StoreResult<()> {
        self.delete_drills(id).await?;
        for sql in [
            "DELETE FROM automations WHERE database_id = $1",
            "DELETE FROM backup_policies WHERE database_id = $1",
            "DELETE FROM seed_rules_tests WHERE database_id = $1",
            "DELETE FROM seed_rules WHERE database_id = $1",
            "DELETE FROM databases WHERE id = $1",
        ] {
            sqlx::query(sql)
                .bind(id.as_str())
                .execute(self.db())
                .await?;
        }
        Ok(())
    }

    /// Branches of a database that are not being deleted yet.
    pub async fn branch_ids(&mut self, id: DatabaseId) -> StoreResult<Vec<BranchId>> {
        sqlx::query("SELECT id FROM branches WHERE database_id = $1 AND deleting = FALSE")
            .bind(id.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "id"))
            .collect()
    }
}
