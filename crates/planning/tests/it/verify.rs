//! The ways of signing that have a time in them, and what is said of what is not proved.

use crate::fixture::*;
use jiff::{SignedDuration, Timestamp};
use offshoot_planning::inbound::{Request, Unverified, verify};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn generic(scheme: &str) -> Settings {
    let fields = json!({"id": "/id", "name": "/name"});
    settings(
        Tool::Generic,
        json!({"mapping": {"fields": fields, "signature": {"scheme": scheme}}}),
    )
}

fn seconds(n: i64) -> Timestamp {
    now() + SignedDuration::from_secs(n)
}

fn standard(at: Timestamp, sign: impl Fn(&[u8]) -> String) -> Request {
    let body = r#"{"id": 1}"#;
    let time = at.as_second().to_string();
    let signature = sign(format!("msg_1.{time}.{body}").as_bytes());
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &time),
        ("webhook-signature", &signature),
    ];
    request(&headers, body)
}

#[test]
fn standard_webhooks_are_signed_with_their_time() {
    let settings = generic("standard-webhooks");
    let sign = |bytes: &[u8]| format!("v1,{}", base64(&sha256(SECRET, bytes)));
    proves_body(&settings, &standard(now(), sign));
    // Several signatures, of which one is right, and another version.
    let several = |bytes: &[u8]| format!("v1a,eA== v1,eA== {}", sign(bytes));
    proves_body(&settings, &standard(now(), several));
    for (age, expected) in [
        (-299, Ok(())),
        (-301, Err(Unverified::Stale(301))),
        (299, Ok(())),
        (301, Err(Unverified::Early(301))),
    ] {
        let found = verify(
            &settings,
            &secrets(&[SECRET]),
            &standard(seconds(age), sign),
            now(),
        );
        assert_eq!(found, expected, "{age}");
    }
    // The time is signed.
    let mut moved = standard(seconds(-900), sign);
    moved.headers[1].1 = now().as_second().to_string();
    let found = verify(&settings, &secrets(&[SECRET]), &moved, now());
    assert_eq!(found, Err(Unverified::Mismatch("webhook-signature".into())));
}

#[test]
fn a_key_of_standard_webhooks_may_be_coded() {
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let coded = format!("whsec_{}", base64(key.as_bytes()));
    let sign = |bytes: &[u8]| format!("v1,{}", base64(&sha256(key, bytes)));
    let request = standard(now(), sign);
    verify(
        &generic("standard-webhooks"),
        &secrets(&[&coded]),
        &request,
        now(),
    )
    .unwrap();
}

fn token(head: Value, claims: Value) -> Request {
    let value = format!("Bearer {}", jwt(SECRET, &head, &claims));
    request(&[("Authorization", &value)], "{}")
}

#[test]
fn json_web_tokens_are_of_one_method_and_have_a_time() {
    let settings = generic("jwt-hs256");
    let head = json!({"alg": "HS256", "typ": "JWT"});
    let exp = |n: i64| json!({"exp": seconds(n).as_second()});
    let iat = |n: i64| json!({"iat": seconds(n).as_second()});
    proves(&settings, &token(head.clone(), exp(60)));
    let table = [
        (head.clone(), iat(-10), None),
        (head.clone(), exp(-60), None),
        (head.clone(), exp(-301), Some(Unverified::Expired(301))),
        (head.clone(), iat(-301), Some(Unverified::Stale(301))),
        (head.clone(), iat(301), Some(Unverified::Early(301))),
        (
            head,
            json!({}),
            Some(malformed("it has no time (exp or iat)")),
        ),
        (
            json!({"alg": "none"}),
            exp(60),
            Some(malformed("it is signed with another method than HS256")),
        ),
        (
            json!({"alg": "HS512"}),
            exp(60),
            Some(malformed("it is signed with another method than HS256")),
        ),
    ];
    for (head, claims, expected) in table {
        let found = verify(
            &settings,
            &secrets(&[SECRET]),
            &token(head, claims.clone()),
            now(),
        );
        assert_eq!(found.err(), expected, "{claims}");
    }
    for garbage in [
        "",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer é.é.é",
    ] {
        let request = request(&[("authorization", garbage)], "{}");
        let found = verify(&settings, &secrets(&[SECRET]), &request, now());
        assert!(matches!(found, Err(Unverified::Malformed(..))), "{garbage}");
    }
}

fn malformed(why: &'static str) -> Unverified {
    Unverified::Malformed("authorization".into(), why)
}

#[test]
fn reasons_say_the_next_step_and_no_secret() {
    let settings = generic("hmac-sha256-hex");
    let table = [
        (
            vec![],
            "the request has no x-signature; is the webhook in the tool set up with a secret?",
        ),
        (
            vec![("x-signature", "zz")],
            "x-signature is not what this tool sends: it is no signature",
        ),
        (
            vec![("x-signature", "00ff")],
            "x-signature does not match: another secret, or the body was changed on its way",
        ),
    ];
    for (headers, expected) in table {
        let found = verify(
            &settings,
            &secrets(&[SECRET]),
            &request(&headers, "{}"),
            now(),
        );
        assert_eq!(found.unwrap_err().to_string(), expected);
    }
    let found = verify(&settings, &[], &request(&[], "{}"), now());
    assert_eq!(found, Err(Unverified::NoSecret));
}
