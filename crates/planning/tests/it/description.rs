//! What tools say of themselves is whole, and nothing that arrives makes them panic.

use crate::fixture::*;
use offshoot_planning::inbound::{self, Request};
use offshoot_planning::{Settings, Tool};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn tools_describe_themselves() {
    let mut names = BTreeSet::new();
    for tool in Tool::ALL {
        let described = tool.description();
        assert!(names.insert(described.name), "{tool} is there twice");
        assert_eq!(described.name.parse::<Tool>().unwrap(), *tool);
        assert!(described.webhook.is_some() || described.token.is_some());
        let page = format!("../../docs/guide/planning/{}", described.page);
        let page = std::fs::read_to_string(&page).expect(&page);
        for setting in described.settings {
            let named = format!("`{}`", setting.name);
            assert!(page.contains(&named), "the page of {tool} lacks {named}");
            assert!(!setting.purpose.ends_with('.'), "{tool} {}", setting.name);
        }
    }
    let refusal = "jira2".parse::<Tool>().unwrap_err();
    assert!(
        refusal
            .public
            .contains("\"jira2\" is no planning tool; there are ")
    );
}

/// JSON such as tools send, with the names that they use.
fn document() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "milestone",
        "created",
        "deleted",
        "open",
        "closed",
        "started",
        "acme/shop",
        "2026-03-02",
        "2026-13-02T99:00:00Z",
        "1772442000000",
        "-1",
        "",
        "é",
        "9999-12-31",
        "iteration",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "action",
        "milestone",
        "pull_request",
        "repository",
        "full_name",
        "id",
        "number",
        "name",
        "title",
        "state",
        "end",
        "due_on",
        "updated_at",
        "created_at",
        "head",
        "base",
        "repo",
        "ref",
        "changes",
        "field_value",
        "field_type",
        "data",
        "sprint",
        "iteration",
        "object_attributes",
        "type",
        "event",
        "startDate",
        "endDate",
        "timestamp",
        "webhookEvent",
        "startsAt",
        "endsAt",
    ]);
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|pairs| { pairs.into_iter().map(|(n, v)| (n.to_owned(), v)).collect() }),
        ]
    })
}

fn anything(tool: Tool, headers: Vec<(String, String)>, url: String, body: Vec<u8>) {
    let settings = example(tool);
    let request = Request {
        method: "POST".into(),
        url,
        headers,
        body,
    };
    let secrets = secrets(&[SECRET]);
    let _ = inbound::handshake(&settings, &secrets, &request);
    inbound::verify(&settings, &secrets, &request, now()).unwrap_err();
    assert!(inbound::delivery_key(&settings, &request).len() <= 200);
    parse(&settings, &request);
}

fn header_names() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "x-github-event",
        "x-hub-signature-256",
        "authorization",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-signature",
        "content-type",
    ])
    .prop_map(str::to_owned)
}

fn header_values() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "milestone",
        "pull_request",
        "projects_v2_item",
        "sha256=00",
        "Bearer a.b.c",
        "Basic eA==",
        "application/x-www-form-urlencoded",
        "v1,eA==",
    ]);
    prop_oneof![known.prop_map(str::to_owned), ".{0,40}"]
}

proptest! {
    #[test]
    fn nothing_that_arrives_panics(
        headers in prop::collection::vec((header_names(), header_values()), 0..4),
        url in ".{0,60}",
        body in prop::collection::vec(any::<u8>(), 0..200),
        document in document(),
    ) {
        for tool in Tool::ALL {
            anything(*tool, headers.clone(), url.clone(), body.clone());
            anything(*tool, headers.clone(), url.clone(), document.to_string().into_bytes());
        }
    }

    #[test]
    fn no_answer_of_a_tool_panics(
        statuses in prop::collection::vec(prop::sample::select(vec![200, 200, 200, 429, 500, 400, 404]), 1..6),
        documents in prop::collection::vec(document(), 1..6),
    ) {
        for tool in Tool::ALL {
            let mut n = 0;
            run(&example(*tool), |_| {
                n += 1;
                reply(statuses[n % statuses.len()], &[], &documents[n % documents.len()])
            });
        }
    }

    #[test]
    fn no_settings_panic(document in document()) {
        for tool in Tool::ALL {
            let mut given = example(*tool).to_json();
            for (name, value) in document.as_object().into_iter().flatten() {
                given.insert(name.clone(), value.clone());
            }
            let _ = Settings::parse(*tool, &given);
            given.insert("mapping".into(), document.clone());
            let _ = Settings::parse(*tool, &given);
        }
    }
}
