//! Makes a branch from another one.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{
    Authenticated, Creating, IdempotencyKey, Prefer, Segments, moment, number, role, seconds,
};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{Branch, CreateBranch, CreateBranchPassword};
use offshoot_control::branch::{NewBranch, SeedRequest};
use offshoot_control::caller::Caller;
use offshoot_control::database::NewDatabase;
use offshoot_control::password::NewPassword;
use offshoot_control::{RestorePoint, branch, database, locate};
use offshoot_core::name::{BranchName, DatabaseName};
use offshoot_core::password::Role;
use offshoot_core::{Kind, Refusal, size};
use std::time::Duration;

/// Makes a branch from another one, with its schema and without its rows.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches", tag = "Branches", operation_id = "create_branch",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it is ready, at the latest after N seconds (300 at most)")),
    request_body = CreateBranch,
    responses((status = 201, description = "The branch, `pending` or `ready`; with its password when one was asked for", body = Branch))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    prefer: Prefer,
    Creating { body, key }: Creating<CreateBranch>,
) -> Result<(StatusCode, Json<Branch>), Failure> {
    let control = &state.control;
    let needs = access::CREATE_BRANCH;
    let at = match locate::database(control, &caller, &org, &database, needs).await {
        Err(missing)
            if missing.kind == Kind::NotFound && body.create_database_if_missing == Some(true) =>
        {
            return first(&state, &caller, (&org, &database), prefer, body, key).await;
        }
        found => found?,
    };
    let new = parse(body, false)?;
    let once = key.once(control, &caller).await?;
    let created = branch::create(control, &at, new, &once).await?;
    let mut view = created.branch;
    if prefer.until_ready(control, view.branch.id).await? {
        let id = view.branch.id.to_string();
        let needs = access::CREATE_BRANCH;
        let at = locate::branch(control, &caller, &org, &database, &id, needs).await?;
        view = branch::show(control, &at).await?;
    }
    let schema = &at.database().schema_name;
    let mut shape = answer::branch(&state, view);
    shape.password = created
        .password
        .map(|p| answer::password(&state, schema, p));
    Ok((StatusCode::CREATED, Json(shape)))
}

/// The branch makes its database, as its production branch.
async fn first(
    state: &ApiState,
    caller: &Caller,
    (org, name): (&str, &str),
    prefer: Prefer,
    body: CreateBranch,
    key: IdempotencyKey,
) -> Result<(StatusCode, Json<Branch>), Failure> {
    let control = &state.control;
    let at = locate::organization(control, caller, org, access::CREATE_DATABASE).await?;
    let new = parse(body, true)?;
    if new.parent.is_some() {
        return Err(Refusal::not_found("the parent branch").into());
    }
    let once = key.once(control, caller).await?;
    let new = NewDatabase {
        name: DatabaseName::parse_new(name)?,
        engine: None,
        default_branch: Some(new.name),
        deletion_protected: new.deletion_protected,
        size: new.size,
        password: new.password,
    };
    let created = database::create(control, &at, new, &once).await?;
    let mut view = created.branch;
    let database = &created.database.database;
    if prefer.until_ready(control, view.branch.id).await? {
        let id = (database.id.to_string(), view.branch.id.to_string());
        let at = locate::branch(control, caller, org, &id.0, &id.1, &[]).await?;
        view = branch::show(control, &at).await?;
    }
    let mut shape = answer::branch(state, view);
    let password = created.password;
    shape.password = password.map(|p| answer::password(state, &database.schema_name, p));
    Ok((StatusCode::CREATED, Json(shape)))
}

/// `production`: it is to be the first branch of a database.
fn parse(body: CreateBranch, production: bool) -> Result<NewBranch, Refusal> {
    let wanted = seed(
        body.seed.as_deref(),
        body.seed_data.as_deref(),
        body.backup_id.as_deref(),
        body.restore_point.as_deref(),
    )?;
    let size = wanted_size(&body)?.map(|text| size::parse(text, production));
    let size = size.transpose()?.flatten();
    let name = body
        .name
        .ok_or_else(|| Refusal::invalid("name", "a branch needs a name"))?;
    let expires_at = body.expires_at.as_deref();
    let sleep_after = body.sleep_after_seconds;
    let (most, quota) = (body.max_connections, body.disk_quota_bytes);
    Ok(NewBranch {
        name: BranchName::parse(&name)?,
        parent: body.parent_branch,
        seed: wanted,
        password: body.password.map(new_password).transpose()?,
        expires_at: expires_at.map(|t| moment("expires_at", t)).transpose()?,
        ttl: ttl(body.ttl)?,
        labels: body.labels.unwrap_or_default(),
        deletion_protected: body.deletion_protected.unwrap_or(false),
        sleep_after: sleep_after
            .map(|s| seconds("sleep_after_seconds", s))
            .transpose()?,
        event_scheduler: body.event_scheduler.unwrap_or(false),
        size,
        max_connections: most.map(|n| number("max_connections", n)).transpose()?,
        disk_quota: quota.map(|n| number("disk_quota_bytes", n)).transpose()?,
    })
}

/// The size that is asked for: of the branch, or of every keyspace, which is the same here.
fn wanted_size(body: &CreateBranch) -> Result<Option<&str>, Refusal> {
    let of_keyspaces = body.keyspace_cluster_sizes.iter().flatten();
    let named = of_keyspaces.filter_map(|k| k.cluster_size.as_deref());
    let mut all = body.cluster_size.as_deref().into_iter().chain(named);
    let Some(first) = all.next() else {
        return Ok(None);
    };
    let plain = |text: &str| text.to_ascii_uppercase().replace('-', "_");
    match all.all(|other| plain(other) == plain(first)) {
        true => Ok(Some(first)),
        false => Err(Refusal::unprocessable(
            "all keyspaces of a branch have one size: they share one engine",
        )
        .hint("write the same size everywhere, or cluster_size alone")),
    }
}

/// The password that comes with a branch.
pub(crate) fn new_password(body: CreateBranchPassword) -> Result<NewPassword, Refusal> {
    Ok(NewPassword {
        name: body.name.unwrap_or_default(),
        role: role("password.role", body.role.as_deref())?.unwrap_or(Role::Admin),
        ttl: body
            .ttl
            .filter(|s| *s != 0)
            .map(|s| seconds("password.ttl", s))
            .transpose()?,
        cidrs: Vec::new(),
    })
}

/// 0 is what clients send for "never".
fn ttl(value: Option<i64>) -> Result<Option<Duration>, Refusal> {
    value
        .filter(|s| *s != 0)
        .map(|s| seconds("ttl", s))
        .transpose()
}

/// What a branch starts with. PlanetScale's fields and ours say it once: two that disagree are refused.
pub(super) fn seed(
    seed: Option<&str>,
    seed_data: Option<&str>,
    backup_id: Option<&str>,
    restore_point: Option<&str>,
) -> Result<SeedRequest, Refusal> {
    if let Some(point) = restore_point {
        let other = backup_id.or(seed_data).or(seed.filter(|s| *s != point));
        if other.is_some() {
            return Err(Refusal::invalid(
                "restore_point",
                "a branch starts either with a moment in the past or with something else",
            )
            .hint("leave backup_id, seed and seed_data out: the backup is chosen by the moment"));
        }
        return Ok(SeedRequest::PointInTime(RestorePoint::parse(point)));
    }
    let asked = [
        backup_id.map(backup).transpose()?,
        seed_data.map(data).transpose()?,
        seed.map(own).transpose()?,
    ];
    let [backup, data, own] = asked;
    match (backup, data, own) {
        // `seed: backup` beside an id says no more than the id.
        (Some(backup), None, None | Some(SeedRequest::LastBackup)) => Ok(backup),
        (Some(_), ..) => Err(Refusal::invalid(
            "backup_id",
            "a branch starts either with that backup or with something else",
        )
        .hint("leave seed and seed_data out")),
        (None, Some(data), Some(own)) if data != own => Err(Refusal::invalid(
            "seed",
            "seed and seed_data do not mean the same",
        )
        .hint("leave one of them out")),
        (None, data, own) => Ok(data.or(own).unwrap_or_default()),
    }
}

fn backup(id: &str) -> Result<SeedRequest, Refusal> {
    let id = id.parse().map_err(|_| {
        Refusal::invalid("backup_id", "this is not the id of a backup")
            .hint("list them: offshoot backup list DATABASE BRANCH")
    })?;
    Ok(SeedRequest::Backup(id))
}

fn data(text: &str) -> Result<SeedRequest, Refusal> {
    match text {
        "last_successful_backup" => Ok(SeedRequest::LastBackup),
        "schema" => Ok(SeedRequest::Schema),
        _ => Err(Refusal::invalid("seed_data", "there is no such seed")
            .hint("use last_successful_backup, or leave it out to get the parent's schema")),
    }
}

fn own(text: &str) -> Result<SeedRequest, Refusal> {
    match text {
        "schema" => Ok(SeedRequest::Schema),
        "backup" => Ok(SeedRequest::LastBackup),
        "live" => Ok(SeedRequest::Live),
        // A time, or a GTID set: no word has a digit.
        moment if moment.contains(|c: char| c.is_ascii_digit()) => {
            Ok(SeedRequest::PointInTime(RestorePoint::parse(moment)))
        }
        _ => Err(Refusal::invalid("seed", "there is no such seed")
            .hint("use schema, backup, live or a time such as 2027-01-31T23:59:59Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_refused_by_name() {
        let refused = |text: &str| {
            let body: CreateBranch = serde_json::from_str(text).unwrap();
            parse(body, false).unwrap_err().field
        };
        assert_eq!(refused("{}"), Some("name"));
        assert_eq!(refused(r#"{"name":"a b"}"#), Some("name"));
        assert_eq!(refused(r#"{"name":"a","ttl":-1}"#), Some("ttl"));
        assert_eq!(
            refused(r#"{"name":"a","expires_at":"x"}"#),
            Some("expires_at")
        );
        assert_eq!(
            refused(r#"{"name":"a","backup_id":"x"}"#),
            Some("backup_id")
        );
        assert_eq!(
            refused(r#"{"name":"a","seed_data":"x"}"#),
            Some("seed_data")
        );
        assert_eq!(refused(r#"{"name":"a","seed":"magic"}"#), Some("seed"));
        let role = r#"{"name":"a","password":{"role":"root"}}"#;
        assert_eq!(refused(role), Some("password.role"));
    }

    #[test]
    fn seeds_are_asked_for_in_either_language() {
        let last = || Ok(SeedRequest::LastBackup);
        let id = "abcdefghij09";
        let backup = || Ok(SeedRequest::Backup(id.parse().unwrap()));
        for (own, data, backup_id, expected) in [
            (None, None, None, Ok(SeedRequest::Schema)),
            (Some("schema"), None, None, Ok(SeedRequest::Schema)),
            (Some("live"), None, None, Ok(SeedRequest::Live)),
            (Some("backup"), None, None, last()),
            (None, Some("last_successful_backup"), None, last()),
            (Some("backup"), Some("last_successful_backup"), None, last()),
            (None, None, Some(id), backup()),
            (Some("backup"), None, Some(id), backup()),
            (Some("live"), None, Some(id), Err(Some("backup_id"))),
            (
                Some("live"),
                Some("last_successful_backup"),
                None,
                Err(Some("seed")),
            ),
        ] {
            let found = seed(own, data, backup_id, None).map_err(|r| r.field);
            assert_eq!(found, expected, "{own:?} {data:?} {backup_id:?}");
        }
        let time = "2027-01-31T23:59:59.5Z";
        let moment = |text: &str| Ok(SeedRequest::PointInTime(RestorePoint::parse(text)));
        for (own, data, point, expected) in [
            (None, None, Some(time), moment(time)),
            (Some(time), None, None, moment(time)),
            (Some(time), None, Some(time), moment(time)),
            (Some("0-1-57"), None, None, moment("0-1-57")),
            (Some("live"), None, Some(time), Err(Some("restore_point"))),
            (None, Some("schema"), Some(time), Err(Some("restore_point"))),
        ] {
            let found = seed(own, data, None, point).map_err(|r| r.field);
            assert_eq!(found, expected, "{own:?} {data:?} {point:?}");
        }
        assert_eq!(
            RestorePoint::parse(time),
            RestorePoint::Time(time.parse().unwrap())
        );
    }
}
