//! Imports.

use offshoot_api_types::{Import, ImportState};
use offshoot_control::import::ImportView;
use offshoot_core::import::ImportState as State;

pub(crate) fn import(view: ImportView) -> Import {
    let import = view.import;
    Import {
        id: import.id.to_string(),
        state: match import.state {
            State::Pending => ImportState::Pending,
            State::Open => ImportState::Open,
            State::Completed => ImportState::Completed,
            State::Reverting => ImportState::Reverting,
            State::Reverted => ImportState::Reverted,
        },
        expires_at: import.expires_at,
        ttl_seconds: i64::try_from(import.ttl.as_secs()).unwrap_or(i64::MAX),
        actor: import.actor,
        created_at: import.created_at,
        updated_at: import.updated_at,
        branch: view.branch,
        branch_id: import.branch_id.to_string(),
    }
}
