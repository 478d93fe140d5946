//! Base tables as the catalogue shows them, for the linter.

use super::channel::Channel;
use super::users_only;
use crate::admin::AdminError;
use offshoot_schema::lint::TableFacts;
use std::collections::HashSet;

/// By schema and name.
pub(super) async fn tables(channel: &mut Channel) -> Result<Vec<TableFacts>, AdminError> {
    let users = users_only("TABLE_SCHEMA");
    let keys = channel
        .query(&format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.STATISTICS \
             WHERE NON_UNIQUE = 0 AND {users} \
             GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING SUM(NULLABLE = 'YES') = 0"
        ))
        .await?;
    let identified: HashSet<(String, String)> =
        keys.iter().map(|row| (row.text(0), row.text(1))).collect();
    let rows = channel
        .query(&format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE, SUBSTRING_INDEX(TABLE_COLLATION, '_', 1) \
             FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND {users} ORDER BY 1, 2"
        ))
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (schema, name) = (row.text(0), row.text(1));
            TableFacts {
                identified: identified.contains(&(schema.clone(), name.clone())),
                engine: row.text(2),
                charset: row.text(3),
                schema,
                name,
            }
        })
        .collect())
}
