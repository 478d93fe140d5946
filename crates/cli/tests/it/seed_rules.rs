//! `branch seed-rules` against canned answers.

use crate::canned::Canned;
use crate::commands::{exited, page, with_token};
use serde_json::{Value, json};

const RULES: &str = "/v1/organizations/default/databases/shop/seed-rules";
const TESTS: &str = "/v1/organizations/default/databases/shop/branches/main/seed-rules/tests";

const FILE: &str = "\
tables:
  sessions: empty
  users:
    where: country <> 'XX'
    columns: {email: fake_email, note: null}
";

fn document() -> Value {
    json!({"tables": {"sessions": "empty",
        "users": {"where": "country <> 'XX'", "columns": {"email": "fake_email", "note": "null"}}}})
}

fn rules(version: i64) -> String {
    json!({"version": version, "rules": document(), "required": true,
        "actor": {"id": "a", "display_name": "ops", "avatar_url": ""},
        "created_at": "2026-11-23T11:58:00Z"})
    .to_string()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn body(asked: &str) -> Value {
    serde_json::from_str(asked.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[tokio::test]
async fn rules_are_set_from_a_file_and_printed_as_one() {
    let (put, get) = (format!("PUT {RULES}"), format!("GET {RULES}"));
    let server = Canned::start(&[(&put, 200, rules(2)), (&get, 200, rules(2))]).await;
    let source = file(FILE);
    let path = source.path().to_str().unwrap();
    let line = ["branch", "seed-rules", "set", "shop", "--file", path];
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.err.as_str()), (exited(0), ""));
    assert_eq!(
        ended.out,
        "Version 2 of the seed rules of database shop holds for branches to come.\n"
    );
    assert_eq!(body(&server.asked()[0]), json!({"rules": document()}));

    let ended = with_token(&server.url, &["branch", "seed-rules", "show", "shop"]).await;
    assert_eq!(ended.code, exited(0));
    insta::assert_snapshot!("seed_rules_shown", format!("{}{}", ended.out, ended.err));
    // What is printed can be set.
    let printed = file(&ended.out);
    let path = printed.path().to_str().unwrap();
    let line = ["branch", "seed-rules", "set", "shop", "--file", path];
    with_token(&server.url, &line).await;
    assert_eq!(body(&server.asked()[2]), json!({"rules": document()}));
    let line = ["-f", "csv", "branch", "seed-rules", "show", "shop"];
    let ended = with_token(&server.url, &line).await;
    assert!(ended.out.contains("2,2,true,ops"), "{}", ended.out);
}

#[tokio::test]
async fn a_file_that_is_no_document_is_refused_with_its_place_before_anything_is_asked() {
    let server = Canned::start(&[]).await;
    for (text, part) in [
        ("tables:\n  users: none\n", "line 2"),
        ("tables:\n  users:\n    columns: {email: fake}\n", "line 3"),
        (
            "tables:\n  users: keep\n  orders:\n    where: \"1; 2\"\n",
            "line 4",
        ),
        ("table: {}\n", "tables"),
    ] {
        let source = file(text);
        let path = source.path().to_str().unwrap();
        let line = ["branch", "seed-rules", "set", "shop", "--file", path];
        let ended = with_token(&server.url, &line).await;
        assert_eq!(ended.code, exited(2), "{text}");
        assert!(ended.err.contains(part), "{text}: {}", ended.err);
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn versions_are_listed_and_rules_removed() {
    let versions = json!([
        {"version": 2, "removed": true, "tables": 0, "actor": null, "created_at": "2026-11-23T11:58:00Z"},
        {"version": 1, "removed": false, "tables": 3, "actor": null, "created_at": "2026-11-23T11:57:00Z"}]);
    let (get, delete) = (format!("GET {RULES}/versions"), format!("DELETE {RULES}"));
    let server = Canned::start(&[(&get, 200, page(versions)), (&delete, 204, String::new())]).await;
    let line = ["branch", "seed-rules", "versions", "shop"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(0));
    insta::assert_snapshot!("seed_rules_versions", ended.out);
    let line = ["branch", "seed-rules", "remove", "shop"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(1), "not without a word");
    let line = ["branch", "seed-rules", "remove", "shop", "--force"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(0));
    assert!(ended.out.contains("no seed rules any more"));
}

fn test(state: &str) -> String {
    let passed = state == "passed";
    json!({"id": "srt0123456789", "branch": "main", "version": (passed).then_some(2), "state": state,
        "tables": if passed { json!([
            {"table": "shop.items", "rows": null, "kept": null, "removed": 4, "masked": 0, "columns": []},
            {"table": "shop.sessions", "rows": 7, "kept": 0, "removed": 7, "masked": 0, "columns": []},
            {"table": "shop.users", "rows": 9, "kept": 8, "removed": 1, "masked": 8,
                "columns": [{"name": "email", "mask": "fake_email"}, {"name": "note", "mask": "null"}]}])
        } else { json!([]) },
        "problems": if state == "failed" { json!([
            {"at": "tables.users.columns.emial", "message": "table shop.users has no column \"emial\""},
            {"at": "", "message": "table shop.orders: the engine refuses where x"}])
        } else { json!([]) },
        "failure": (state == "failed").then_some("the rules do not fit what the branch holds"),
        "actor": null, "created_at": "2026-11-23T11:58:00Z", "completed_at": null})
    .to_string()
}

#[tokio::test]
async fn a_test_tells_what_became_of_each_table_or_what_is_wrong() {
    let (begin, look) = (
        format!("POST {TESTS}"),
        format!("GET {TESTS}/srt0123456789"),
    );
    let server =
        Canned::start(&[(&begin, 201, test("running")), (&look, 200, test("passed"))]).await;
    let line = ["branch", "seed-rules", "test", "shop", "main"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(0));
    insta::assert_snapshot!("seed_rules_tested", format!("{}{}", ended.out, ended.err));
    assert_eq!(body(&server.asked()[0]), json!({}));

    let server =
        Canned::start(&[(&begin, 201, test("running")), (&look, 200, test("failed"))]).await;
    let source = file(FILE);
    let path = source.path().to_str().unwrap();
    let line = [
        "branch",
        "seed-rules",
        "test",
        "shop",
        "main",
        "--file",
        path,
    ];
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(2));
    insta::assert_snapshot!("seed_rules_failed", ended.err);
    assert_eq!(body(&server.asked()[0]), json!({"rules": document()}));
    let mut line = vec!["-f", "json"];
    line.extend(["branch", "seed-rules", "test", "shop", "main"]);
    let ended = with_token(&server.url, &line).await;
    assert_eq!(ended.code, exited(2));
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(told["state"], "failed");
}
