//! Telling a chat: the request that an incoming webhook of Slack, Microsoft Teams, Mattermost or Discord
//! takes, and what its answer means. The webhook's address is the secret.
//!
//! Discord's messages can be changed, so there is one of each binding. The others cannot, so each piece of
//! news is a message of its own.

use crate::message::{Markup, Message};
use crate::poll::{Failure, HttpRequest, HttpResponse};
use crate::tool::Tool;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// Longest text, in characters. Discord takes 2,000, the others more than people read.
const LONGEST: usize = 1_900;
/// Answers are a word, or a message of Discord's.
pub const ANSWER_LIMIT: usize = 64 << 10;
/// Where a chat wants to be left alone and does not say how long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A longer wait than that is no wait but a refusal.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Whether the tool is a chat.
pub fn is_chat(tool: Tool) -> bool {
    matches!(
        tool,
        Tool::Slack | Tool::Teams | Tool::Mattermost | Tool::Discord
    )
}

/// Whether what stands there can be changed.
pub fn edits(tool: Tool) -> bool {
    tool == Tool::Discord
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It stands there, under this id where the chat says one.
    Said(Option<String>),
    /// The message that was to be changed is not there: it is to be said anew.
    Vanished,
    Failed(Failure),
}

/// The request that says `message`; in the place of an earlier one where that is named, and the chat can.
///
/// # Errors
/// The webhook's address is none. The sentence does not have it.
pub fn request(
    tool: Tool,
    webhook: &SecretString,
    message: &Message,
    earlier: Option<&str>,
) -> Result<HttpRequest, Failure> {
    let mut url = address(webhook).map_err(Failure::permanent)?;
    let mut method = "POST";
    let body = match tool {
        Tool::Slack => json!({
            "text": message.written(Markup::Slack, LONGEST),
            "unfurl_links": false,
            "unfurl_media": false,
        }),
        Tool::Teams => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": message.card(LONGEST),
            }],
        }),
        Tool::Discord => {
            match earlier {
                Some(id) => {
                    method = "PATCH";
                    if let Ok(mut path) = url.path_segments_mut() {
                        path.pop_if_empty().extend(["messages", id]);
                    }
                }
                None => {
                    url.query_pairs_mut().append_pair("wait", "true");
                }
            }
            json!({
                "content": message.written(Markup::Chat, LONGEST),
                "allowed_mentions": {"parse": []},
                // Links are opened by people.
                "flags": 4,
            })
        }
        _ => json!({"text": message.written(Markup::Chat, LONGEST)}),
    };
    Ok(HttpRequest {
        method,
        url: url.into(),
        headers: vec![(
            "content-type",
            SecretString::from("application/json".to_owned()),
        )],
        body: Some(body.to_string()),
    })
}

/// Whether a secret is the address of an incoming webhook.
///
/// # Errors
/// A sentence that says what it is to be, without it.
pub fn check_address(webhook: &SecretString) -> Result<(), &'static str> {
    address(webhook).map(drop)
}

fn address(webhook: &SecretString) -> Result<Url, &'static str> {
    const WRONG: &str =
        "the token of an integration with a chat is the address of its incoming webhook, https://…";
    let url = Url::parse(webhook.expose_secret().trim()).map_err(|_| WRONG)?;
    match url.scheme() {
        "https" | "http" if url.has_host() => Ok(url),
        _ => Err(WRONG),
    }
}

/// What the answer means. `edited`: a message was to be changed.
pub fn answered(tool: Tool, response: &HttpResponse, edited: bool) -> Told {
    let title = tool.description().title;
    let failed = |what: String| format!("{title}: {what}");
    match response.status {
        200..=299 => Told::Said(message_id(tool, response)),
        404 if edited && !unknown_webhook(response) => Told::Vanished,
        429 => Told::Failed(Failure::passing(
            failed("it says that there are too many requests".to_owned()),
            Some(retry_after(response)),
        )),
        300..=399 => Told::Failed(Failure::permanent(failed(format!(
            "it redirects ({}), which is not followed: is the address right?",
            response.status
        )))),
        401 | 403 | 404 | 410 => Told::Failed(Failure::permanent(failed(format!(
            "it refuses ({}): the webhook was removed or its channel closed; make another and give it to the integration (--token-file)",
            response.status
        )))),
        status => Told::Failed(Failure::passing(
            failed(format!("it answers {status}")),
            None,
        )),
    }
}

fn message_id(tool: Tool, response: &HttpResponse) -> Option<String> {
    if !edits(tool) {
        return None;
    }
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    let id = body.get("id")?.as_str()?;
    let fits = !id.is_empty() && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| id.to_owned())
}

/// Discord's code for a webhook, and not a message, that is not there.
fn unknown_webhook(response: &HttpResponse) -> bool {
    const CODE: i64 = 10_015;
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    body.and_then(|b| b.get("code")?.as_i64()) == Some(CODE)
}

fn retry_after(response: &HttpResponse) -> Duration {
    let seconds = response
        .header("retry-after")
        .and_then(|t| t.parse::<f64>().ok());
    seconds
        .and_then(|s| Duration::try_from_secs_f64(s.ceil()).ok())
        .unwrap_or(PATIENCE)
        .clamp(Duration::from_secs(1), LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::line;

    fn message() -> Message {
        Message {
            lines: vec![line("Branch {} is ready.", &["sprint-1"]), line("Go.", &[])],
        }
    }

    fn body(request: &HttpRequest) -> Value {
        serde_json::from_str(request.body.as_deref().unwrap()).unwrap()
    }

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
        HttpResponse {
            status,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn each_chat_is_told_in_its_way() {
        let secret = SecretString::from("https://chat.example.com/hooks/abc?thread_id=7\n");
        let text = "Branch `sprint-1` is ready.\nGo.";
        for tool in [Tool::Slack, Tool::Mattermost] {
            let sent = request(tool, &secret, &message(), Some("9")).unwrap();
            assert_eq!(
                (sent.method, body(&sent)["text"].as_str()),
                ("POST", Some(text))
            );
            assert_eq!(sent.url, "https://chat.example.com/hooks/abc?thread_id=7");
        }
        let teams = request(Tool::Teams, &secret, &message(), None).unwrap();
        let card = &body(&teams)["attachments"][0];
        assert_eq!(
            card["contentType"],
            "application/vnd.microsoft.card.adaptive"
        );
        assert_eq!(
            card["content"]["body"][0]["text"],
            "Branch `sprint-1` is ready."
        );
        let first = request(Tool::Discord, &secret, &message(), None).unwrap();
        assert_eq!(
            first.url,
            "https://chat.example.com/hooks/abc?thread_id=7&wait=true"
        );
        assert_eq!(body(&first)["content"], text);
        assert_eq!(body(&first)["allowed_mentions"], json!({"parse": []}));
        let second = request(Tool::Discord, &secret, &message(), Some("42")).unwrap();
        assert_eq!(
            (second.method, second.url.as_str()),
            (
                "PATCH",
                "https://chat.example.com/hooks/abc/messages/42?thread_id=7"
            )
        );
    }

    #[test]
    fn an_address_that_is_none_is_not_shown() {
        for bad in ["", "xoxb-secret", "ftp://x/secret", "file:///secret"] {
            let bad = SecretString::from(bad);
            let why = check_address(&bad).unwrap_err();
            assert!(why.contains("https://") && !why.contains("secret"), "{why}");
            let failed = request(Tool::Slack, &bad, &message(), None).unwrap_err();
            assert!(failed.permanent);
        }
    }

    #[test]
    fn answers_are_understood() {
        let said =
            |tool, status, body: &str, edited| answered(tool, &response(status, &[], body), edited);
        assert_eq!(said(Tool::Slack, 200, "ok", false), Told::Said(None));
        assert_eq!(said(Tool::Teams, 202, "", false), Told::Said(None));
        let id = r#"{"id": "1234"}"#;
        assert_eq!(
            said(Tool::Discord, 200, id, false),
            Told::Said(Some("1234".to_owned()))
        );
        for sly in [r#"{"id": "../x"}"#, r#"{"id": 7}"#, "[]", ""] {
            assert_eq!(
                said(Tool::Discord, 200, sly, false),
                Told::Said(None),
                "{sly}"
            );
        }
        assert_eq!(
            said(Tool::Discord, 404, r#"{"code": 10008}"#, true),
            Told::Vanished
        );
        // Status, permanent.
        for (status, body, edited, permanent) in [
            (404, r#"{"code": 10015}"#, true, true),
            (404, "no_service", false, true),
            (403, "invalid_token", false, true),
            (302, "", false, true),
            (500, "", false, false),
            (400, "", false, false),
        ] {
            let Told::Failed(failure) = said(Tool::Discord, status, body, edited) else {
                panic!("{status}");
            };
            assert_eq!(failure.permanent, permanent, "{status}: {failure}");
        }
        for (header, seconds) in [("2.2", 3), ("0", 1), ("soon", 60), ("999999", 3_600)] {
            let limited = response(429, &[("retry-after", header)], "");
            let Told::Failed(failure) = answered(Tool::Discord, &limited, false) else {
                panic!("{header}");
            };
            let wait = failure.retry_after.map(|d| d.as_secs());
            assert_eq!(wait, Some(seconds), "{header}");
        }
    }
}
