//! Databases.

use crate::state::ApiState;
use offshoot_api_types::database::DatabaseState;
use offshoot_api_types::{Database, Region};
use offshoot_control::database::DatabaseView;
use offshoot_core::branch::BranchState;

pub(crate) fn database(state: &ApiState, view: DatabaseView) -> Database {
    database_at(&state.public_url, &state.region, view)
}

/// `public_url`: what addresses begin with.
pub(crate) fn database_at(public_url: &str, region: &Region, view: DatabaseView) -> Database {
    let database = view.database;
    let url = format!(
        "{public_url}/v1/organizations/{}/databases/{}",
        view.organization, database.name
    );
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Database {
        id: database.id.to_string(),
        branches_url: format!("{url}/branches"),
        html_url: url.clone(),
        url,
        branches_count: count(view.branches),
        open_schema_recommendations_count: 0,
        development_branches_count: count(view.development_branches),
        production_branches_count: count(view.production_branches),
        issues_count: 0,
        multiple_admins_required_for_deletion: false,
        ready: view.ready,
        at_backup_restore_branches_limit: false,
        at_development_branch_usage_limit: false,
        region: region.clone(),
        name: database.name.to_string(),
        state: database_state(view.state),
        sharded: false,
        default_branch_shard_count: 0,
        default_branch_read_only_regions_count: 0,
        default_branch_table_count: 0,
        default_branch: view.default_branch,
        require_approval_for_deploy: false,
        deletion_protected: database.deletion_protected,
        resizing: false,
        resize_queued: false,
        config_changing: false,
        config_change_queued: false,
        allow_data_branching: database.allow_data_branching,
        foreign_keys_enabled: true,
        automatic_migrations: None,
        restrict_branch_region: false,
        insights_raw_queries: false,
        plan: "self_hosted".into(),
        insights_enabled: false,
        production_branch_web_console: false,
        migration_table_name: None,
        migration_framework: None,
        created_at: database.created_at,
        updated_at: database.updated_at,
        schema_last_updated_at: None,
        kind: "mysql".into(),
        schema_name: database.schema_name,
        engine: database.engine.to_string(),
        require_seed_rules: database.require_seed_rules,
        password: None,
    }
}

fn database_state(state: BranchState) -> DatabaseState {
    match state {
        BranchState::Pending => DatabaseState::Pending,
        BranchState::Awakening => DatabaseState::Awakening,
        BranchState::Ready => DatabaseState::Ready,
        BranchState::SleepInProgress => DatabaseState::SleepInProgress,
        BranchState::Sleeping => DatabaseState::Sleeping,
    }
}
