//! What every poll does with answers that are no answers. The tool is GitHub, the script tells what happens.

use crate::fixture::*;
use jiff::Timestamp;
use offshoot_planning::chat::is_chat;
use offshoot_planning::poll::{ATTEMPTS, HttpResponse, MOST_REQUESTS, Poll, Step, What};
use offshoot_planning::{Settings, Tool};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;

fn shop() -> Settings {
    settings(
        Tool::Github,
        json!({"repositories": ["acme/shop"], "watch": "milestones"}),
    )
}

/// Answers in this order, then an empty list.
fn script(
    mut answers: Vec<HttpResponse>,
) -> impl FnMut(&offshoot_planning::poll::HttpRequest) -> HttpResponse {
    answers.reverse();
    move |_| answers.pop().unwrap_or_else(|| ok(&nothing()))
}

fn seconds(ran: &Ran) -> Vec<u64> {
    ran.waits.iter().map(Duration::as_secs).collect()
}

#[test]
fn a_poll_waits_as_it_is_told() {
    let reset = (now() + jiff::SignedDuration::from_secs(90))
        .as_second()
        .to_string();
    let table = vec![
        (429, vec![("Retry-After", "7")], 7),
        (429, vec![("retry-after", "0")], 1),
        (
            429,
            vec![("Retry-After", "Tue, 10 Mar 2026 12:00:30 GMT")],
            30,
        ),
        (429, vec![("x-ratelimit-reset", &reset)], 91),
        (429, vec![], 60),
        (
            403,
            vec![
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", &reset),
            ],
            91,
        ),
        (403, vec![("retry-after", "5")], 5),
        (503, vec![("retry-after", "5")], 5),
        (502, vec![], 2),
        (500, vec![("x-ratelimit-reset", &reset)], 2),
        (408, vec![], 2),
    ];
    for (status, headers, expected) in table {
        let ran = run(&shop(), script(vec![reply(status, &headers, &json!({}))]));
        assert_eq!(seconds(&ran), [expected], "{status} {headers:?}");
        assert_eq!(ran.end.unwrap().len(), 1);
        assert_eq!(ran.requests.len(), 2);
    }
}

#[test]
fn a_poll_gives_up_after_some_time_and_may_be_tried_again() {
    let ran = run(&shop(), |_| reply(503, &[], &Value::Null));
    assert_eq!(seconds(&ran), [2, 4, 8, 16]);
    assert_eq!(ran.requests.len(), ATTEMPTS as usize);
    assert_eq!(
        ran.failure().reason,
        "GitHub, asked for milestones of acme/shop: it answers 503"
    );
    assert!(!ran.failure().permanent);
    // Told to wait for an hour it does not stay.
    let ran = run(&shop(), |_| {
        reply(429, &[("retry-after", "3600")], &Value::Null)
    });
    assert_eq!(ran.waits.len(), 0);
    assert_eq!(ran.failure().retry_after, Some(Duration::from_secs(3600)));
    assert!(!ran.failure().permanent);
}

#[test]
fn what_is_refused_is_refused_for_good() {
    for (status, reason) in [
        (401, "the token is refused (401)"),
        (403, "the token may not do this (403)"),
        (404, "there is no such thing (404)"),
        (302, "it redirects (302), which is not followed"),
        (422, "it answers 422"),
    ] {
        let location = [("location", "http://169.254.169.254/latest")];
        let ran = run(&shop(), |_| reply(status, &location, &json!({})));
        assert!(ran.failure().reason.contains(reason), "{}", ran.failure());
        assert!(ran.failure().permanent);
        assert_eq!((ran.requests.len(), ran.waits.len()), (1, 0));
    }
}

#[test]
fn a_listing_that_breaks_off_says_nothing_of_what_is_missing() {
    let page = |n: i64| {
        let entry = |id| json!({"id": id, "state": "open", "updated_at": "2026-03-01T00:00:00Z"});
        ok(&(n..n + 100).map(entry).collect::<Vec<_>>().into())
    };
    let refused = reply(401, &[], &json!({"message": "Bad credentials"}));
    let ran = run(&shop(), script(vec![page(0), page(100), refused]));
    assert_eq!(ran.found.len(), 200);
    assert!(ran.failure().permanent);

    let ran = run(&shop(), |request| {
        page(query(request, "page").unwrap().parse::<i64>().unwrap() * 100)
    });
    assert_eq!(ran.requests.len(), MOST_REQUESTS as usize);
    assert!(ran.failure().reason.contains("more than 200 pages"));
}

#[test]
fn what_shifts_over_the_edge_of_a_page_is_found() {
    let entry = |id: i64| json!({"id": id, "state": "open", "updated_at": "2026-03-01T00:00:00Z"});
    let mut there: Vec<i64> = (0..150).collect();
    let ran = run(&shop(), |request| {
        let page = query(request, "page").unwrap().parse::<usize>().unwrap() - 1;
        let shown: Vec<_> = there.iter().skip(page * 100).take(100).copied().collect();
        // The first goes once it was shown, and the hundred and first is on no page that is to come.
        there.retain(|id| *id != 0);
        ok(&shown.into_iter().map(entry).collect::<Vec<_>>().into())
    });
    assert_eq!(ran.found.len(), 150);
    assert_eq!(ran.requests.len(), 4);
    assert_eq!(ran.covered(), ["milestone/* of acme/shop: deleted"]);
}

#[test]
fn answers_that_are_not_the_tools_are_asked_for_again() {
    let mut page = reply(200, &[], &Value::Null);
    page.body = b"<html>Welcome to the airport</html>".to_vec();
    let empty = HttpResponse {
        body: Vec::new(),
        ..page.clone()
    };
    let table = [
        page,
        empty,
        ok(&json!({"message": "hello"})),
        ok(&json!([{"title": "x"}])),
    ];
    let ran = run(&shop(), script(table.to_vec()));
    assert_eq!(seconds(&ran), [2, 4, 8, 16]);
    assert_eq!(ran.end.unwrap().len(), 1);
}

#[test]
fn no_answer_is_a_reason_to_wait() {
    let token = SecretString::from(TOKEN);
    let mut poll = Poll::new(&shop(), Some(token), &What::Everything, now());
    for _ in 1..ATTEMPTS {
        assert!(matches!(poll.next(), Step::Ask(_)));
        poll.unanswered("connection refused");
        assert!(matches!(poll.next(), Step::Wait(_)));
    }
    assert!(matches!(poll.next(), Step::Ask(_)));
    poll.unanswered("connection refused");
    for _ in 0..2 {
        match poll.next() {
            Step::Failed(why) => assert!(why.reason.ends_with(": connection refused")),
            other => panic!("{other:?}"),
        }
    }
    // An answer that nobody asked for changes nothing.
    poll.answer(&ok(&nothing()), Timestamp::MAX);
    assert!(matches!(poll.next(), Step::Failed(_)));
}

#[test]
fn every_tool_is_asked_in_the_same_way() {
    // A chat is told; there is nothing to ask it for.
    let asked = Tool::ALL.iter().filter(|tool| !is_chat(**tool));
    for tool in asked.filter(|tool| tool.description().token.is_some()) {
        let settings = example(*tool);
        let ran = run(&settings, |_| {
            reply(401, &[], &json!({"message": "Bad credentials"}))
        });
        assert!(ran.failure().permanent, "{tool}");
        assert!(
            ran.failure().reason.contains("the token is refused (401)"),
            "{tool}"
        );
        let title = tool.description().title;
        assert!(
            ran.failure()
                .reason
                .starts_with(&format!("{title}, asked for ")),
            "{tool}"
        );
        let ran = run(&settings, |_| {
            reply(429, &[("retry-after", "9")], &json!({}))
        });
        assert_eq!(seconds(&ran), [9, 9, 9, 9], "{tool}");
        assert!(!ran.failure().permanent, "{tool}");
        let ran = run(&settings, |_| reply(503, &[], &json!({})));
        assert_eq!(seconds(&ran), [2, 4, 8, 16], "{tool}");
        let ran = run(&settings, |_| ok(&json!("hello")));
        assert_eq!(ran.requests.len(), ATTEMPTS as usize, "{tool}");
        assert!(!ran.failure().permanent, "{tool}");
    }
}

#[test]
fn a_token_that_is_needed_is_asked_for() {
    for tool in Tool::ALL {
        let needed = tool
            .description()
            .token
            .as_ref()
            .is_some_and(|token| token.required);
        let mut poll = Poll::new(&example(*tool), None, &What::Everything, now());
        match poll.next() {
            Step::Failed(why) => assert!(needed || *tool == Tool::Generic, "{tool}: {why}"),
            Step::Ask(_) => assert!(!needed, "{tool}"),
            other => panic!("{tool}: {other:?}"),
        }
    }
}

#[test]
fn the_generic_tool_is_not_polled() {
    let mapping = json!({"mapping": {"fields": {"id": "/id", "name": "/name"}}});
    let generic = settings(Tool::Generic, mapping);
    let ran = run(&generic, |_| unreachable!("nothing is asked"));
    assert!(ran.failure().permanent);
}
