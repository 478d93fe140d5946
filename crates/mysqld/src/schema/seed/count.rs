//! What rules would do, without doing it.

use super::super::channel::Channel;
use super::READ_AS;
use crate::admin::AdminError;
use crate::admin::session::{identifier, quote};
use offshoot_schema::seed::{Counted, PlannedRows, SeedPlan, Step, TablePlan};

/// Runs as the branch's admin: a condition may call functions, which get no more rights by it. In a
/// transaction that the engine lets change nothing.
pub(super) async fn count(
    channel: &mut Channel,
    plan: &SeedPlan,
) -> Result<Vec<Counted>, AdminError> {
    channel.query(READ_AS).await?;
    let mut all = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        channel
            .query(format!("USE {}", identifier(&table.table.schema)))
            .await?;
        let counted = match prepared(channel, plan, table).await {
            Ok(()) => counted(channel, table).await,
            Err(error) => Err(error),
        };
        all.push(match counted {
            Err(AdminError::Server { message, .. }) => Counted {
                rows: 0,
                stay: 0,
                refused: Some(message),
            },
            counted => counted?,
        });
        channel.query("ROLLBACK").await?;
    }
    Ok(all)
}

/// The engine takes the statement that removes rows, and takes it for one. Nothing of it is run.
async fn prepared(
    channel: &mut Channel,
    plan: &SeedPlan,
    of: &TablePlan,
) -> Result<(), AdminError> {
    let removes = plan.steps.iter().find_map(|step| match step {
        Step::Remove { table, sql } if *table == of.table => Some(sql),
        _ => None,
    });
    if let Some(sql) = removes {
        channel
            .query(format!("SET @offshoot_seed_rule = {}", quote(sql)))
            .await?;
        channel
            .query("PREPARE offshoot_seed_rule FROM @offshoot_seed_rule")
            .await?;
        channel
            .query("DEALLOCATE PREPARE offshoot_seed_rule")
            .await?;
    }
    Ok(())
}

async fn counted(channel: &mut Channel, of: &TablePlan) -> Result<Counted, AdminError> {
    let stay = match &of.rows {
        PlannedRows::Keep => "COUNT(*)".to_owned(),
        PlannedRows::Empty => "0".to_owned(),
        PlannedRows::Where(condition) => format!("COUNT(CASE WHEN ({condition}) THEN 1 END)"),
    };
    let sql = format!("SELECT COUNT(*), {stay} FROM {}", of.table.quoted());
    channel.query("START TRANSACTION READ ONLY").await?;
    let rows = channel.query(sql).await?;
    let number = |at| rows.first().and_then(|row| row.text(at).parse().ok());
    Ok(Counted {
        rows: number(0).unwrap_or(0),
        stay: number(1).unwrap_or(0),
        refused: None,
    })
}
