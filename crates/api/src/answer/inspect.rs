//! What an engine tells of itself.

use jiff::Timestamp;
use offshoot_api_types::{
    ConnectionInstance, ConnectionRow, Connections, Infrastructure, Killed, LintError, Pod,
    Process, ProcessList, Region, Topology,
};
use offshoot_control::branch::BranchView;
use offshoot_control::lint::{Finding, Rule};
use offshoot_control::locate::LocatedBranch;
use offshoot_core::branch::BranchState;
use offshoot_core::instance::EngineSession;
use std::time::Duration;

/// What clients that know of shards are told.
const SHARD: &str = "-";

pub(crate) fn finding(finding: Finding) -> LintError {
    let table = finding.table;
    let only = |rule, text: &str| match finding.rule == rule {
        true => text.to_owned(),
        false => String::new(),
    };
    LintError {
        lint_error: finding.rule.as_str().into(),
        subject_type: "table".into(),
        charset_name: only(Rule::Charset, &table.charset),
        engine_name: only(Rule::StorageEngine, &table.engine),
        keyspace_name: table.schema,
        table_name: table.name,
        error_description: finding.description,
        ..LintError::default()
    }
}

pub(crate) fn processes(at: &LocatedBranch, sessions: Vec<EngineSession>) -> ProcessList {
    ProcessList {
        keyspace: at.database().schema_name.clone(),
        shard: SHARD.into(),
        tablet: at.branch().id.to_string(),
        processes: sessions
            .into_iter()
            .map(|s| Process {
                id: signed(s.id),
                user: s.user,
                host: s.host,
                db: s.schema.unwrap_or_default(),
                command: s.command,
                time: signed(s.seconds),
                state: s.state.unwrap_or_default(),
                info: s.statement.unwrap_or_default(),
            })
            .collect(),
    }
}

pub(crate) fn killed(at: &LocatedBranch, id: u64, kind: &str) -> Killed {
    Killed {
        success: true,
        keyspace: at.database().schema_name.clone(),
        shard: SHARD.into(),
        tablet: at.branch().id.to_string(),
        id: signed(id),
        kind: kind.to_owned(),
    }
}

pub(crate) fn connections(
    at: &LocatedBranch,
    now: Timestamp,
    sessions: Vec<EngineSession>,
) -> Connections {
    let tablet = at.branch().id.to_string();
    Connections {
        database_kind: "mysql".into(),
        captured_at: now,
        topology: Topology {
            keyspace: at.database().schema_name.clone(),
            shard: SHARD.into(),
            tablet: tablet.clone(),
        },
        instances: vec![ConnectionInstance {
            id: tablet.clone(),
            role: "primary".into(),
            error: None,
        }],
        data: sessions
            .into_iter()
            .map(|s| {
                let idle = s.command == "Sleep";
                let since = now.checked_sub(Duration::from_secs(s.seconds)).ok();
                ConnectionRow {
                    pid: signed(s.id),
                    instance: tablet.clone(),
                    datname: s.schema.unwrap_or_default(),
                    usename: s.user,
                    application_name: String::new(),
                    client_addr: s.host,
                    state: if idle { "idle" } else { "active" }.into(),
                    wait_event_type: String::new(),
                    wait_event: s.state.unwrap_or_default(),
                    backend_type: s.command,
                    xact_start: s.transaction.as_ref().map(|t| t.since),
                    query_start: since.filter(|_| !idle),
                    connection_id: Some(s.id.to_string()),
                    transaction_id: s.transaction.as_ref().map(|t| t.id.to_string()),
                    query_id: (!idle).then(|| s.id.to_string()),
                    duration_ms: signed(s.seconds.saturating_mul(1000)),
                    blocked_by: Vec::new(),
                    query_text: s.statement.unwrap_or_default(),
                }
            })
            .collect(),
    }
}

pub(crate) fn infrastructure(region: &Region, schema: &str, view: BranchView) -> Infrastructure {
    let branch = view.branch;
    let status = match branch.state {
        _ if view.failure.is_some() => "Failed",
        BranchState::Ready => "Running",
        BranchState::Sleeping | BranchState::SleepInProgress => "Sleeping",
        BranchState::Pending | BranchState::Awakening => "Pending",
    };
    Infrastructure {
        kind: "OffshootInfrastructure".into(),
        ready: view.ready,
        pods: vec![Pod {
            name: branch.instance.to_string(),
            status: status.into(),
            component: branch.engine.to_string(),
            ready: if view.ready { "1/1" } else { "0/1" }.into(),
            restart_count: 0,
            created_at: Some(branch.created_at),
            cell: region.slug.clone(),
            size: offshoot_core::size::shown(branch.size, branch.production).into(),
            keyspace: Some(schema.to_owned()),
            shard: Some(SHARD.into()),
            tablet_type: Some("primary".into()),
        }],
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
