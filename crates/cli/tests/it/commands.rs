//! Commands against canned answers: what is asked, what is printed, how they exit.

use crate::canned::Canned;
use clap::Parser;
use offshoot_cli::{Cli, Local, Terminal, run};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

const TOKEN: &str = "pscale_tkn_test";
const BRANCHES: &str = "/v1/organizations/default/databases/shop/branches";

pub(crate) struct Ended {
    pub(crate) code: String,
    pub(crate) out: String,
    pub(crate) err: String,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

async fn offshoot(url: &str, arguments: &[&str], local: &Local) -> Ended {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let config = empty.path().to_str().unwrap();
    let mut all = vec!["offshoot", "--api-url", url, "--client-config", config];
    all.extend(arguments);
    let cli = Cli::try_parse_from(all).unwrap();
    let (out, err) = (Written::default(), Written::default());
    let now = "2026-11-23T12:00:00Z".parse().unwrap();
    let terminal = Terminal::files(Box::new(out.clone()), Box::new(err.clone()), now);
    let code = run(cli.globals, cli.command, local, terminal).await;
    Ended {
        code: format!("{code:?}"),
        out: out.text(),
        err: err.text(),
    }
}

pub(crate) async fn with_token(url: &str, arguments: &[&str]) -> Ended {
    let mut all = vec![
        "--service-token-id",
        "abcdefghijkl",
        "--service-token",
        TOKEN,
    ];
    all.extend(arguments);
    offshoot(url, &all, &Local::default()).await
}

pub(crate) fn exited(code: u8) -> String {
    format!("{:?}", ExitCode::from(code))
}

fn region() -> Value {
    json!({"id": "localregion1", "provider": "Self-hosted", "enabled": true,
        "public_ip_addresses": [], "display_name": "This machine", "location": "This machine",
        "slug": "local", "current_default": true, "mysql_supported": true,
        "postgresql_supported": false})
}

fn branch(name: &str, state: &str) -> Value {
    json!({"id": "br0123456789", "name": name, "created_at": "2026-11-23T11:58:00Z",
        "updated_at": "2026-11-23T11:59:00Z", "deleted_at": null,
        "restore_checklist_completed_at": null, "schema_last_updated_at": null, "kind": "mysql",
        "mysql_address": "127.0.0.1", "mysql_edge_address": "127.0.0.1", "state": state,
        "direct_vtgate": false, "vtgate_size": "vg.g1.pico", "vtgate_name": null,
        "vtgate_count": 1, "vtgate_autoscaling": false, "vtgate_max_count": null,
        "vtgate_target_cpu_utilization": null, "cluster_name": "PS_DEV", "cluster_iops": null,
        "ready": state == "ready", "schema_ready": true, "metal": false, "production": false,
        "safe_migrations": false, "deletion_protected": false, "sharded": false, "shard_count": 1,
        "keyspace_count": 1, "stale_schema": false, "actor": null, "restored_from_branch": null,
        "private_edge_connectivity": false, "has_replicas": false,
        "has_read_only_replicas": false, "html_url": "", "url": "", "region": region(),
        "parent_branch": "main", "vtgate_options": {}, "seed": "schema", "engine": "mysql-9.7.4",
        "labels": {"team": "a"}, "expires_at": "2026-12-07T12:00:00Z",
        "sleep_after_seconds": null, "connection": {"host": "127.0.0.1", "port": 7306},
        "failure": null})
}

fn database(name: &str) -> Value {
    json!({"id": format!("db-{name}"), "url": "", "branches_url": "", "branches_count": 1,
        "open_schema_recommendations_count": 0, "development_branches_count": 0,
        "production_branches_count": 1, "issues_count": 0,
        "multiple_admins_required_for_deletion": false, "ready": true,
        "at_backup_restore_branches_limit": false, "at_development_branch_usage_limit": false,
        "region": region(), "html_url": "", "name": name, "state": "ready", "sharded": false,
        "default_branch_shard_count": 1, "default_branch_read_only_regions_count": 0,
        "default_branch_table_count": 0, "default_branch": "main",
        "require_approval_for_deploy": false, "deletion_protected": false, "resizing": false,
        "resize_queued": false, "config_changing": false, "config_change_queued": false,
        "allow_data_branching": false, "foreign_keys_enabled": true, "automatic_migrations": null,
        "restrict_branch_region": false, "insights_raw_queries": false, "plan": "self-hosted",
        "insights_enabled": false, "production_branch_web_console": false,
        "migration_table_name": null, "migration_framework": null,
        "created_at": "2026-11-23T11:58:00Z", "updated_at": "2026-11-23T11:59:00Z",
        "schema_last_updated_at": null, "kind": "mysql", "schema_name": name,
        "engine": "mysql-9.7.4"})
}

fn password() -> Value {
    json!({"id": "pw0123456789", "name": "sprint-42", "role": "admin", "cidrs": null,
        "created_at": "2026-11-23T11:58:00Z", "deleted_at": null, "expires_at": null,
        "last_used_at": null, "expired": false, "direct_vtgate": false,
        "direct_vtgate_addresses": [], "ttl_seconds": null, "access_host_url": "127.0.0.1",
        "access_host_regional_url": "127.0.0.1", "access_host_regional_urls": ["127.0.0.1"],
        "actor": null, "region": null, "username": "u7c2hq", "plain_text": "ofs_pw_a+b",
        "replica": false, "renewable": false,
        "database_branch": {"name": "sprint-42", "id": "br0123456789", "production": false,
            "mysql_edge_address": "127.0.0.1", "private_edge_connectivity": false},
        "connection": {"host": "127.0.0.1", "port": 7306, "username": "u7c2hq", "database": "shop"},
        "last_refused_at": null, "last_refused_reason": null})
}

pub(crate) fn page(data: Value) -> String {
    json!({"type": "list", "current_page": 1, "per_page": 100, "next_page": null,
        "next_page_url": null, "prev_page": null, "prev_page_url": null, "total_count": 2,
        "total_pages": 1, "data": data})
    .to_string()
}

#[tokio::test]
async fn a_created_branch_is_printed_with_what_to_paste() {
    let mut created = branch("sprint-42", "ready");
    created["password"] = password();
    let what = format!("POST {BRANCHES}");
    let server = Canned::start(&[(&what, 201, created.to_string())]).await;
    let line = [
        "branch",
        "create",
        "shop",
        "sprint-42",
        "--from",
        "main",
        "--wait",
        "--ttl",
        "14d",
    ];
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.err.as_str()), (exited(0), ""));
    insta::assert_snapshot!("branch_created", ended.out);
    let asked = server.asked().remove(0);
    assert!(asked.contains("prefer: wait=300"), "{asked}");
    assert!(
        asked.contains(&format!("authorization: abcdefghijkl:{TOKEN}")),
        "{asked}"
    );
    let body: Value = serde_json::from_str(asked.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"name": "sprint-42", "parent_branch": "main", "ttl": 1_209_600, "password": {}})
    );
}

#[tokio::test]
async fn a_branch_that_is_not_ready_in_time_is_printed_and_fails() {
    let what = format!("POST {BRANCHES}");
    let answer = branch("s", "pending").to_string();
    let server = Canned::start(&[(&what, 201, answer)]).await;
    let ended = with_token(&server.url, &["branch", "create", "shop", "s", "--wait"]).await;
    assert_eq!(ended.code, exited(2));
    assert!(ended.out.contains("is being made"), "{}", ended.out);
    assert!(ended.err.contains("not ready yet"), "{}", ended.err);
}

fn backup(state: &str) -> Value {
    let good = state == "success";
    json!({"id": "bk0123456789", "name": "nightly", "state": state, "size": 1_288_490_188_i64,
        "created_at": "2026-11-23T11:58:00Z", "updated_at": "2026-11-23T11:59:00Z",
        "started_at": "2026-11-23T11:58:01Z", "expires_at": "2026-11-25T11:58:00Z",
        "completed_at": null, "deleted_at": null, "protected": false, "actor": null,
        "branch": "main", "production": true, "engine": "mysql-9.7.4",
        "examined": good.then(|| json!({"tables": 12, "rows": 34_567, "digest": "ab12"})),
        "position": good.then(|| json!({"gtid_set": "uuid:1-9", "file": "binlog.1", "offset": 7})),
        "copied": {"method": "frozen", "pause_ms": 23, "at": "2026-11-23T11:58:01Z"},
        "failure": (state == "failed").then_some("table shop.t is damaged")})
}

#[tokio::test]
async fn a_backup_is_waited_for_and_told_of() {
    let of = format!("{BRANCHES}/main/backups");
    let (make, look) = (format!("POST {of}"), format!("GET {of}/bk0123456789"));
    let create = ["backup", "create", "shop", "main", "--wait"];
    let server = Canned::start(&[
        (&make, 201, backup("pending").to_string()),
        (&look, 200, backup("success").to_string()),
    ])
    .await;
    let ended = with_token(&server.url, &create).await;
    assert_eq!((ended.code, ended.err.as_str()), (exited(0), ""));
    insta::assert_snapshot!("backup_created", ended.out);
    let ended = with_token(
        &server.url,
        &["backup", "show", "shop", "main", "bk0123456789"],
    )
    .await;
    insta::assert_snapshot!("backup_shown", format!("{}{}", ended.out, ended.err));

    let server = Canned::start(&[
        (&make, 201, backup("running").to_string()),
        (&look, 200, backup("failed").to_string()),
    ])
    .await;
    let ended = with_token(&server.url, &create).await;
    assert_eq!((ended.code, ended.out.as_str()), (exited(2), ""));
    assert!(
        ended.err.contains("table shop.t is damaged"),
        "{}",
        ended.err
    );
    let mut json = vec!["-f", "json"];
    json.extend(create);
    let ended = with_token(&server.url, &json).await;
    assert_eq!(ended.code, exited(2));
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(printed["state"], "failed");
}

fn drill(state: &str) -> Value {
    let good = state == "success";
    let examined = json!({"tables": 12, "rows": 34_567, "digest": "ab12"});
    json!({"id": "dr0123456789", "state": state, "backup_id": "bk0123456789", "backup": "nightly",
        "branch_id": "br0123456789", "branch": "main", "policy_id": null, "actor": null,
        "created_at": "2026-11-23T11:58:00Z", "started_at": "2026-11-23T11:58:01Z",
        "completed_at": (state != "running").then_some("2026-11-23T11:59:00Z"),
        "restore_ms": good.then_some(912), "expected": examined,
        "found": good.then_some(examined.clone()), "differences": [],
        "failure": (state == "failed").then_some("table shop.t is damaged")})
}

#[tokio::test]
async fn a_drill_is_waited_for_and_told_of() {
    const DATABASE: &str = "/v1/organizations/default/databases/shop";
    let make = format!("POST {BRANCHES}/main/backups/bk0123456789/drills");
    let look = format!("GET {DATABASE}/drills/dr0123456789");
    let all = format!("GET {DATABASE}/drills");
    let line = ["backup", "drill", "shop", "main", "bk0123456789", "--wait"];
    let list = page(json!([drill("failed"), drill("success")]));
    let server = Canned::start(&[
        (&make, 201, drill("running").to_string()),
        (&look, 200, drill("success").to_string()),
        (&all, 200, list),
    ])
    .await;
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.err.as_str()), (exited(0), ""));
    assert!(
        ended
            .out
            .contains("restored in 912 ms and is what was backed up: 12 tables with 34567 rows"),
        "{}",
        ended.out
    );
    let filtered = [
        "backup",
        "drills",
        "shop",
        "--state",
        "failed",
        "--backup",
        "bk0123456789",
    ];
    let ended = with_token(&server.url, &filtered).await;
    insta::assert_snapshot!("drills", ended.out);
    let asked = server.asked().last().unwrap().clone();
    assert!(
        asked.contains("backup=bk0123456789") && asked.contains("state=failed"),
        "{asked}"
    );

    for (state, said) in [
        ("failed", "failed: table shop.t is damaged"),
        ("error", "was not carried out"),
    ] {
        let server = Canned::start(&[
            (&make, 201, drill("running").to_string()),
            (&look, 200, drill(state).to_string()),
        ])
        .await;
        let ended = with_token(&server.url, &line).await;
        assert_eq!((ended.code, ended.out.as_str()), (exited(2), ""));
        assert!(ended.err.contains(said), "{}", ended.err);
        let mut json = vec!["-f", "json"];
        json.extend(line);
        let ended = with_token(&server.url, &json).await;
        assert_eq!(ended.code, exited(2));
        let printed: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(printed["state"], state);
    }
}

#[tokio::test]
async fn a_backup_becomes_a_branch() {
    let what = format!("POST {BRANCHES}");
    let mut made = branch("restored", "ready");
    made["seed"] = json!("backup");
    made["origin"] = json!({"branch_id": "br0123456789", "backup_id": "bk0123456789",
        "restore_point": null, "copied": null, "position": null});
    let server = Canned::start(&[(&what, 201, made.to_string())]).await;
    let body = |asked: &str| -> Value {
        serde_json::from_str(asked.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    let line = ["backup", "restore", "shop", "restored", "bk0123456789"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(0), "{}", ended.err);
    assert!(
        ended.out.contains("data of backup bk0123456789"),
        "{}",
        ended.out
    );
    for (flags, field, value) in [
        (
            ["--restore", "bk0123456789"].as_slice(),
            "backup_id",
            "bk0123456789",
        ),
        (&["--seed-data"], "seed_data", "last_successful_backup"),
        (&["--live"], "seed", "live"),
    ] {
        let mut line = vec!["branch", "create", "shop", "restored"];
        line.extend(flags);
        with_token(&server.url, &line).await;
        let asked = body(server.asked().last().unwrap());
        assert_eq!(asked, json!({"name": "restored", field: value}));
    }
    assert_eq!(
        body(&server.asked()[0]),
        json!({"name": "restored", "backup_id": "bk0123456789"})
    );
}

/// A backup whose copy is in this state.
fn copied(state: &str) -> Value {
    let mut made = backup("success");
    made["off_site"] = json!({"state": state, "store": "s3://copies/team", "key": "40fe4548091a3391",
        "exported_at": null, "bytes": 1_288_490_188_i64, "stored": 331_350_016,
        "failure": (state == "failed").then_some("the store does not answer"), "retry_at": null});
    made
}

#[tokio::test]
async fn a_copy_is_waited_for_and_told_of() {
    let of = format!("{BRANCHES}/main/backups/bk0123456789");
    let (export, look) = (format!("POST {of}/export"), format!("GET {of}"));
    let line = ["backup", "export", "shop", "main", "bk0123456789", "--wait"];
    let server = Canned::start(&[
        (&export, 200, copied("pending").to_string()),
        (&look, 200, copied("exported").to_string()),
    ])
    .await;
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.err.as_str()), (exited(0), ""));
    assert_eq!(
        ended.out,
        "Backup nightly (bk0123456789) is in s3://copies/team: 1.1 GiB, for which 316.0 MiB were sent.\n"
    );
    let server = Canned::start(&[
        (&export, 200, copied("running").to_string()),
        (&look, 200, copied("failed").to_string()),
    ])
    .await;
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.out.as_str()), (exited(2), ""));
    assert!(ended.err.contains("does not answer"), "{}", ended.err);
}

#[tokio::test]
async fn a_copy_becomes_a_backup() {
    let copies = "/v1/organizations/default/off-site-backups";
    let found = json!({"type": "list", "store": "s3://copies/team", "key": "40fe4548091a3391",
        "data": [{"id": "cp0123456789", "name": "nightly", "organization": "default",
            "database": "shop", "branch": "main", "production": true, "engine": "mysql-9.7.4",
            "bytes": 1_288_490_188_i64, "size": 1_288_490_188_i64,
            "created_at": "2026-11-23T11:58:00Z", "verified_at": "2026-11-23T11:59:00Z",
            "examined": {"tables": 12, "rows": 34_567, "digest": "ab12"}, "position": null,
            "here": false}],
        "unreadable": ["KEY/backups/ab is damaged"], "other_keys": ["9f00000000000000"]});
    let mut made = backup("success");
    made["imported_from"] = json!("cp0123456789");
    let (list, import) = (
        format!("GET {copies}"),
        format!("POST {copies}/cp0123456789/import"),
    );
    let server = Canned::start(&[
        (&list, 200, found.to_string()),
        (&import, 201, made.to_string()),
    ])
    .await;
    for line in [
        ["backup", "import"].as_slice(),
        &["backup", "archive", "list"],
    ] {
        let ended = with_token(&server.url, line).await;
        assert_eq!(ended.code, exited(0), "{}", ended.err);
        assert!(ended.out.contains("cp0123456789"), "{}", ended.out);
        let said = &ended.err;
        assert!(said.contains("backups/ab is damaged"), "{said}");
        assert!(said.contains("9f00000000000000"), "{said}");
    }
    let line = [
        "backup",
        "import",
        "cp0123456789",
        "--database",
        "rescue",
        "--wait",
    ];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(0), "{}", ended.err);
    let next = "offshoot branch create rescue <name> --restore bk0123456789 --wait";
    assert!(ended.out.contains(next), "{}", ended.out);
    let asked = server.asked();
    let body = asked.last().unwrap().split("\r\n\r\n").nth(1).unwrap();
    assert_eq!(body, r#"{"database":"rescue"}"#);
}

#[tokio::test]
async fn lists_come_in_three_formats() {
    let what = format!("GET {BRANCHES}");
    let data = json!([branch("main", "ready"), branch("sprint-42", "sleeping")]);
    let server = Canned::start(&[(&what, 200, page(data))]).await;
    for format in ["human", "csv"] {
        let ended = with_token(&server.url, &["-f", format, "branch", "list", "shop"]).await;
        assert_eq!(ended.code, exited(0), "{}", ended.err);
        insta::assert_snapshot!(format!("branch_list_{format}"), ended.out);
    }
    let ended = with_token(&server.url, &["-f", "json", "branch", "list", "shop"]).await;
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(printed[1]["name"], "sprint-42");
    assert_eq!(printed[1]["created_at"], "2026-11-23T11:58:00Z");
}

#[tokio::test]
async fn csv_has_the_secret_of_a_new_password() {
    let what = format!("POST {BRANCHES}/sprint-42/passwords");
    let server = Canned::start(&[(&what, 201, password().to_string())]).await;
    let line = ["-f", "csv", "password", "create", "shop", "sprint-42", "x"];
    let ended = with_token(&server.url, &line).await;
    insta::assert_snapshot!("password_created_csv", ended.out);
}

#[tokio::test]
async fn refusals_say_the_reason_and_the_next_step() {
    let body = json!({"code": "unprocessable", "message": "branch \"main\" has descendants",
        "error_code": "OFS-1101", "hint": "pass delete_descendants", "field": null,
        "request_id": "r"});
    let what = format!("DELETE {BRANCHES}/main");
    let server = Canned::start(&[(&what, 422, body.to_string())]).await;
    let line = ["branch", "delete", "shop", "main", "--force"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.out.as_str()), (exited(2), ""));
    insta::assert_snapshot!("refused", ended.err);
    let line = ["-f", "json", "branch", "delete", "shop", "main", "--force"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.err, "");
    insta::assert_snapshot!("refused_json", ended.out);
}

#[tokio::test]
async fn nothing_is_destroyed_without_a_confirmation() {
    let server = Canned::start(&[]).await;
    for line in [
        &["database", "delete", "shop"][..],
        &["branch", "delete", "shop", "s"],
        &["branch", "reset", "shop", "s"],
        &["service-token", "delete", "abcdefghijkl"],
    ] {
        let ended = with_token(&server.url, line).await;
        assert_eq!(ended.code, exited(1), "{line:?}");
        assert!(ended.err.contains("--force"), "{}", ended.err);
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn without_a_server_the_next_step_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = with_token(&url, &["org", "list"]).await;
    assert_eq!(ended.code, exited(2));
    assert!(
        ended.err.contains(&format!("nothing answers at {url}")),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("is `offshoot serve` running"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn the_root_token_is_found_and_never_leaves_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("root-token"),
        "rootrootroot:pscale_tkn_root\n",
    )
    .unwrap();
    let local = Local {
        data_dir: Some(PathBuf::from(dir.path())),
        ..Local::default()
    };
    let server = Canned::start(&[("GET /v1/organizations", 200, page(json!([])))]).await;
    let ended = offshoot(&server.url, &["org", "list"], &local).await;
    assert_eq!(ended.code, exited(0), "{}", ended.err);
    assert!(server.asked()[0].contains("authorization: rootrootroot:pscale_tkn_root"));
    let ended = offshoot("http://192.0.2.1:8306", &["org", "list"], &local).await;
    assert_eq!(ended.code, exited(1));
    assert!(ended.err.contains("no service token"), "{}", ended.err);
}

#[tokio::test]
async fn completions_are_printed_without_a_server() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = offshoot(
            "http://127.0.0.1:1",
            &["completion", shell],
            &Local::default(),
        )
        .await;
        assert_eq!(ended.code, exited(0));
        assert!(ended.out.contains("offshoot"), "{shell}");
    }
}

#[tokio::test]
async fn a_raw_call_prints_the_answer_and_fails_with_it() {
    let server = Canned::start(&[("GET /v1/organizations", 200, page(json!([])))]).await;
    let ended = with_token(&server.url, &["api", "organizations"]).await;
    assert_eq!(ended.code, exited(0));
    assert!(ended.out.contains("\"current_page\": 1"), "{}", ended.out);
    let ended = with_token(&server.url, &["api", "organizations/{org}/x", "-F", "a=1"]).await;
    assert_eq!(ended.code, exited(2));
    assert!(server.asked()[1].starts_with("POST /v1/organizations/default/x"));
}

#[tokio::test]
async fn what_was_mistyped_is_guessed() {
    let databases = json!([database("shop"), database("billing")]);
    let branches = json!([branch("sprint-42", "ready"), branch("main", "ready")]);
    let server = Canned::start(&[
        (
            "GET /v1/organizations/default/databases",
            200,
            page(databases),
        ),
        (&format!("GET {BRANCHES}"), 200, page(branches)),
    ])
    .await;
    for (line, meant) in [
        (
            &["branch", "show", "shop", "sprint-24"][..],
            "did you mean sprint-42?",
        ),
        (
            &["branch", "delete", "shop", "Sprint-42", "--force"],
            "did you mean sprint-42?",
        ),
        (&["database", "show", "shpo"], "did you mean shop?"),
        (&["branch", "list", "biling"], "did you mean billing?"),
        (
            &["password", "list", "shop", "sprint42"],
            "did you mean sprint-42?",
        ),
    ] {
        let ended = with_token(&server.url, line).await;
        assert_eq!(ended.code, exited(2), "{line:?}");
        assert!(ended.err.contains(meant), "{line:?}: {}", ended.err);
    }
    let line = ["-f", "json", "branch", "show", "shop", "main"];
    let ended = with_token(&server.url, &line).await;
    assert!(!ended.out.contains("did you mean"), "{}", ended.out);
}

#[tokio::test]
async fn destructive_statements_need_a_word_before_anything_is_asked() {
    let server = Canned::start(&[]).await;
    let line = ["-f", "json", "sql", "shop", "main", "--query", "truncate t"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(1));
    let said: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(said["issues"][0]["code"], "DESTRUCTIVE_SQL");
    assert!(server.asked().is_empty());
}

/// A gateway that is not there: the temporary password is deleted all the same.
#[tokio::test]
async fn temporary_passwords_go_when_a_command_fails() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let mut made = password();
    made["connection"]["port"] = json!(port);
    let passwords = format!("{BRANCHES}/main/passwords");
    let server = Canned::start(&[
        (&format!("POST {passwords}"), 201, made.to_string()),
        (
            &format!("DELETE {passwords}/pw0123456789"),
            204,
            String::new(),
        ),
    ])
    .await;
    for line in [
        &["sql", "shop", "main", "--query", "SELECT 1"][..],
        &["connect", "shop", "main", "--port", "0"],
        &[
            "connect",
            "shop",
            "main",
            "--port",
            "0",
            "--execute",
            "true",
        ],
    ] {
        let before = server.asked().len();
        let ended = with_token(&server.url, line).await;
        assert_eq!(ended.code, exited(2), "{line:?}");
        let at = format!("the gateway at 127.0.0.1:{port} does not answer");
        assert!(ended.err.contains(&at), "{line:?}: {}", ended.err);
        let asked = server.asked().split_off(before);
        assert!(asked[0].contains(r#""ttl":300"#), "{asked:?}");
        assert!(asked[1].starts_with("DELETE "), "{asked:?}");
        assert!(!format!("{}{}", ended.out, ended.err).contains("ofs_pw"));
    }
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let ended = offshoot("http://127.0.0.1:1", &["man", path], &Local::default()).await;
    assert_eq!(ended.code, exited(0), "{}", ended.err);
    for page in [
        "offshoot.1",
        "offshoot-connect.1",
        "offshoot-branch-create.1",
    ] {
        let text = std::fs::read_to_string(dir.path().join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    let ended = offshoot("http://127.0.0.1:1", &["man"], &Local::default()).await;
    assert!(ended.out.contains(".TH offshoot 1"), "{}", ended.out);
}

#[tokio::test]
async fn who_one_is_can_be_checked() {
    let server = Canned::start(&[("GET /v1/organizations", 200, page(json!([])))]).await;
    let ended = with_token(&server.url, &["auth", "check"]).await;
    assert_eq!(ended.code, exited(2));
    assert!(
        ended.err.contains("not for organization default"),
        "{}",
        ended.err
    );
    let refused = json!({"code": "unauthorized", "message": "no", "error_code": "OFS-1002",
        "hint": null, "field": null, "request_id": "r"});
    let server = Canned::start(&[("GET /v1/organizations", 401, refused.to_string())]).await;
    let ended = with_token(&server.url, &["-f", "json", "auth", "check"]).await;
    assert_eq!(ended.code, exited(1));
    assert!(ended.out.contains("unauthorized"), "{}", ended.out);
}
