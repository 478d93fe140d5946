//! Organizations.

use crate::error::StoreResult;
use crate::row::corrupt;
use crate::row::{count, micros, parsed, text, time};
use crate::session::{Session, Tx};
use offshoot_core::id::OrganizationId;
use offshoot_core::name::OrganizationName;
use offshoot_core::organization::Organization;
use sqlx::sqlite::SqliteRow;

fn from_row(row: &SqliteRow) -> StoreResult<Organization> {
    Ok(Organization {
        id: parsed(row, "id")?,
        name: OrganizationName::parse(&text(row, "name")?).map_err(|_| corrupt("name"))?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    /// By id or name.
    pub async fn organization(&mut self, name_or_id: &str) -> StoreResult<Option<Organization>> {
        sqlx::query("SELECT * FROM organizations WHERE id = $1 OR name = $1")
            .bind(name_or_id)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Number of databases that can be seen.
    pub async fn database_count(&mut self, id: OrganizationId) -> StoreResult<u64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM databases WHERE organization_id = $1 AND deleting = FALSE",
        )
        .bind(id.as_str())
        .fetch_one(self.db())
        .await?;
        count(&row, "n")
    }
}

impl Tx {
    pub async fn insert_organization(&mut self, o: &Organization) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(o.id.as_str())
        .bind(o.name.as_str())
        .bind(micros(o.created_at))
        .bind(micros(o.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }
}
