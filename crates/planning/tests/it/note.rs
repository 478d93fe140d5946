//! Notes: one in each place, changed where it is, and nothing else touched.

use crate::fixture::*;
use offshoot_core::iteration::{Iteration, IterationKind, Scope};
use offshoot_planning::poll::HttpRequest;
use offshoot_planning::{Settings, Tool, note};
use secrecy::SecretString;
use serde_json::{Value, json};

fn iteration(source_id: &str, scope: (&str, &str)) -> Iteration {
    Iteration {
        kind: IterationKind::Sprint,
        number: Some(7),
        scope: Some(Scope {
            kind: scope.0.into(),
            id: scope.1.into(),
            name: None,
        }),
        ..Iteration::sprint(source_id.into(), "Sprint 42".into(), now())
    }
}

fn write(
    settings: &Settings,
    iteration: &Iteration,
    text: &str,
    answer: impl FnMut(&HttpRequest) -> offshoot_planning::poll::HttpResponse,
) -> Ran {
    let token = SecretString::from(TOKEN);
    let poll = note::write(settings, Some(token), iteration, text, now()).unwrap();
    drive(poll, answer)
}

fn body(request: &HttpRequest) -> Value {
    serde_json::from_str(request.body.as_deref().unwrap()).unwrap()
}

/// A tool with one text: reads it and takes another for it.
fn keeps(
    text: &mut Value,
    pointer: &str,
    request: &HttpRequest,
) -> offshoot_planning::poll::HttpResponse {
    if let Some(sent) = &request.body {
        let sent: Value = serde_json::from_str(sent).unwrap();
        if let Some(new) = sent.pointer(pointer) {
            *text = new.clone();
        }
    }
    ok(&json!({"description": text, "goal": text}))
}

#[test]
fn descriptions_have_one_note() {
    let table = [
        (
            Tool::Github,
            iteration("milestone/4317517", ("repository", "acme/shop")),
            "https://api.github.com/repos/acme/shop/milestones/7",
            "PATCH",
            "/description",
        ),
        (
            Tool::Gitlab,
            iteration("milestone/61", ("project", "acme/shop")),
            "https://gitlab.com/api/v4/projects/acme%2Fshop/milestones/61",
            "PUT",
            "/description",
        ),
        (
            Tool::Gitlab,
            iteration("milestone/61", ("group", "acme")),
            "https://gitlab.com/api/v4/groups/acme/milestones/61",
            "PUT",
            "/description",
        ),
        (
            Tool::JiraCloud,
            iteration("sprint/31", ("board", "68")),
            "https://tool.acme.example/rest/agile/1.0/sprint/31",
            "POST",
            "/goal",
        ),
    ];
    for (tool, iteration, url, method, pointer) in table {
        let settings = example(tool);
        let mut text = json!("Ship it.");
        let ran = write(&settings, &iteration, "Branch sprint-42", |r| {
            keeps(&mut text, pointer, r)
        });
        let sent: Vec<_> = ran
            .requests
            .iter()
            .map(|r| (r.method, r.url.as_str()))
            .collect();
        assert_eq!(sent, [("GET", url), (method, url)], "{tool}");
        assert!(ran.end.unwrap().is_empty());
        let written = text.as_str().unwrap().to_owned();
        assert!(
            written.starts_with("Ship it.\n\n") && written.contains("Branch sprint-42"),
            "{written}"
        );
        // The same again is not written again.
        let ran = write(&settings, &iteration, "Branch sprint-42", |r| {
            keeps(&mut text, pointer, r)
        });
        assert_eq!(ran.requests.len(), 1, "{tool}");
        write(&settings, &iteration, "asleep", |r| {
            keeps(&mut text, pointer, r)
        });
        assert_eq!(
            text.as_str().unwrap(),
            written.replace("Branch sprint-42", "asleep")
        );
        write(&settings, &iteration, "", |r| keeps(&mut text, pointer, r));
        assert_eq!(text, json!("Ship it."), "{tool}");
        // Where there was nothing.
        text = Value::Null;
        write(&settings, &iteration, "x", |r| keeps(&mut text, pointer, r));
        assert!(text.as_str().unwrap().contains('x'), "{tool}");
    }
}

#[test]
fn a_cycle_has_one_note() {
    let cycle = iteration("cycle/33b0", ("team", "t"));
    let mut text = json!("Ship it.");
    let mut linear = |note: &str| {
        write(&example(Tool::Linear), &cycle, note, |request| {
            let asked = body(request);
            assert_eq!(asked["variables"]["id"], "33b0");
            match asked["variables"].pointer("/input/description") {
                Some(new) => {
                    text = new.clone();
                    ok(&json!({"data": {"cycleUpdate": {"success": true}}}))
                }
                None => ok(&json!({"data": {"cycle": {"description": text}}})),
            }
        })
        .requests
        .len()
    };
    assert_eq!([linear("a"), linear("a"), linear("b")], [2, 1, 2]);
    assert_eq!(text, json!("Ship it.\n\nOffshoot: b"));
}

/// Comments of a pull or merge request: 100 of others on the first page.
fn comments(kept: &mut Vec<Value>, request: &HttpRequest) -> offshoot_planning::poll::HttpResponse {
    match request.method {
        "GET" if query(request, "page").as_deref() == Some("1") => {
            let others = (0..100).map(|n| json!({"id": n, "body": "looks good"}));
            ok(&others.collect::<Vec<_>>().into())
        }
        "GET" => ok(&kept.clone().into()),
        "POST" => {
            kept.push(merged(json!({"id": 500}), body(request)));
            ok(&json!({"id": 500}))
        }
        "PATCH" | "PUT" => {
            assert!(request.url.ends_with("/500"), "{}", request.url);
            kept[0] = merged(json!({"id": 500}), body(request));
            ok(&json!({"id": 500}))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_pull_request_has_one_comment() {
    let table = [
        (
            Tool::Github,
            iteration("pull_request/27", ("repository", "acme/shop")),
        ),
        (
            Tool::Gitlab,
            iteration("merge_request/99", ("project", "acme/shop")),
        ),
    ];
    for (tool, iteration) in table {
        let settings = example(tool);
        let mut kept = Vec::new();
        let mut run = |text: &str| write(&settings, &iteration, text, |r| comments(&mut kept, r));
        let methods = |ran: Ran| ran.requests.iter().map(|r| r.method).collect::<Vec<_>>();
        // Nothing to take away.
        assert_eq!(methods(run("")), ["GET", "GET"], "{tool}");
        assert_eq!(methods(run("Branch pr-7")), ["GET", "GET", "POST"]);
        assert_eq!(methods(run("Branch pr-7")), ["GET", "GET"]);
        assert_eq!(
            methods(run("asleep"))[2..],
            [if tool == Tool::Github { "PATCH" } else { "PUT" }]
        );
        assert_eq!(kept.len(), 1);
        assert!(kept[0]["body"].as_str().unwrap().contains("asleep"));
    }
}

#[test]
fn a_comment_whose_answer_was_lost_is_not_made_twice() {
    let pull = iteration("pull_request/27", ("repository", "acme/shop"));
    let ran = write(
        &example(Tool::Github),
        &pull,
        "x",
        |request| match request.method {
            "GET" => ok(&nothing()),
            _ => reply(502, &[], &Value::Null),
        },
    );
    assert_eq!((ran.requests.len(), ran.waits.len()), (2, 0));
    assert!(!ran.failure().permanent);
    // Told to wait, it was not made.
    let mut told = false;
    let ran = write(
        &example(Tool::Github),
        &pull,
        "x",
        |request| match request.method {
            "GET" => ok(&nothing()),
            _ if std::mem::replace(&mut told, true) => ok(&json!({"id": 1})),
            _ => reply(429, &[("retry-after", "2")], &Value::Null),
        },
    );
    assert_eq!((ran.requests.len(), ran.waits.len()), (3, 1));
    ran.end.unwrap();
}

#[test]
fn some_have_no_place_for_a_note() {
    for (tool, source_id) in [
        (Tool::Github, "iteration/cfc1"),
        (Tool::Trello, "list/1"),
        (Tool::Generic, "iteration/1"),
    ] {
        let iteration = iteration(source_id, ("project", "acme/5"));
        assert!(
            note::write(&example(tool), None, &iteration, "x", now()).is_none(),
            "{tool}"
        );
    }
    let milestone = iteration("milestone/1", ("repository", "acme/shop"));
    let ran = write(
        &example(Tool::Github),
        &milestone,
        "x",
        |request| match request.method {
            "GET" => ok(&json!({"description": "a"})),
            _ => reply(
                403,
                &[],
                &json!({"message": "Resource not accessible by personal access token"}),
            ),
        },
    );
    assert!(ran.failure().permanent);
    assert!(
        ran.failure()
            .reason
            .contains("written note of acme/shop: the token may not do this")
    );
}
