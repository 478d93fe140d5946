//! What all receivers with an API have in common: asked with a token, their refusals in words that help.

use super::format::{Named, Revealed};
use crate::Control;
use crate::planning::answered;
use offshoot_core::automation::SecretValues;
use offshoot_core::port::{OutboundRequest, PortError};
use offshoot_planning::poll::limited;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// What is read of an answer.
const ANSWER: usize = 64 << 10;
/// What is told of a receiver's own words, in characters.
const WORDS: usize = 200;

/// Why a credential did not arrive.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) reason: String,
    /// The receiver wants to be left alone for so long.
    pub(super) wait: Option<Duration>,
}

impl Undelivered {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            wait: None,
        }
    }

    /// Without what a receiver may have repeated of a secret.
    pub(super) fn without(mut self, secrets: &[&SecretString]) -> Self {
        for secret in secrets {
            let text = secret.expose_secret();
            // A shorter one could be any word.
            if text.len() >= 8 {
                self.reason = self.reason.replace(text, "…");
            }
        }
        self
    }
}

impl From<PortError> for Undelivered {
    fn from(error: PortError) -> Self {
        Self::new(error.to_string())
    }
}

/// A receiver's API.
pub(super) struct Api<'a> {
    pub(super) control: &'a Control,
    /// As people know it.
    pub(super) name: &'static str,
    /// The beginning of its addresses.
    pub(super) base: String,
    /// With its token.
    pub(super) headers: Vec<(&'static str, SecretString)>,
    /// How another token is given to it.
    pub(super) renew: String,
}

/// What it answered; neither that it is busy, nor that it is not well.
pub(super) struct Answer {
    pub(super) status: u16,
    /// `Null` where it is no JSON.
    pub(super) body: Value,
}

impl Api<'_> {
    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .push((name, SecretString::from(value.to_owned())));
        self
    }

    /// `path` begins with a slash, and is escaped.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Undelivered> {
        let headers = self.headers.iter();
        let mut headers: Vec<_> = headers.map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        let plain = |name: &str, value: &str| (name.to_owned(), SecretString::from(value));
        headers.push(plain("user-agent", "offshoot"));
        if body.is_some() {
            headers.push(plain("content-type", "application/json"));
        }
        let request = OutboundRequest {
            method,
            url: format!("{}{path}", self.base),
            headers,
            body: body.map(|b| SecretString::from(b.to_string())),
            limit: ANSWER,
        };
        let sent = self.control.0.ports.outbound.send(request).await;
        let response = sent.map_err(|error| {
            Undelivered::new(format!("{} cannot be reached: {error}", self.name))
        })?;
        let response = answered(response);
        let status = response.status;
        if let Some(wait) = limited(&response, self.control.now()) {
            return Err(Undelivered {
                reason: format!(
                    "{} wants to be left alone for a while ({status})",
                    self.name
                ),
                wait,
            });
        }
        let answer = Answer {
            status,
            body: serde_json::from_slice(&response.body).unwrap_or_default(),
        };
        match status {
            300..=399 => Err(Undelivered::new(format!(
                "{} redirects ({status}), which is not followed: is its address right?",
                self.name
            ))),
            408 | 500..=599 => Err(Undelivered::new(format!(
                "{} is not well{}",
                self.name,
                answer.said()
            ))),
            401 => Err(Undelivered::new(format!(
                "{} refuses the token{}: it is wrong, has expired or was revoked; give another: {}",
                self.name,
                answer.said(),
                self.renew
            ))),
            _ => Ok(answer),
        }
    }
}

impl Answer {
    pub(super) fn good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Status, and the receiver's own words where it has some, in brackets.
    pub(super) fn said(&self) -> String {
        match words(&self.body) {
            Some(words) => format!(" ({}: {words})", self.status),
            None => format!(" ({})", self.status),
        }
    }

    pub(super) fn has(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }
}

/// What APIs put their words into, in one line.
fn words(body: &Value) -> Option<String> {
    let names = ["message", "error_description", "error", "errors"];
    let found = names.iter().find_map(|name| body.get(name))?;
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Array(all) if all.is_empty() => return None,
        Value::Array(all) => {
            let texts: Vec<_> = all.iter().filter_map(Value::as_str).collect();
            texts.join("; ")
        }
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    let short: String = line.chars().take(WORDS).collect();
    (!short.is_empty()).then_some(short)
}

/// Values under the names that they get.
pub(super) fn named(
    revealed: &Revealed,
    which: SecretValues,
    prefix: &str,
) -> Vec<(String, Named)> {
    let values = revealed.values(which).into_iter();
    values
        .map(|value| (format!("{prefix}_{}", value.part), value))
        .collect()
}

/// One part of a path, or a value of a query, as addresses have it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_words_of_a_receiver_are_found() {
        for (body, said) in [
            (
                json!({"message": "Bad credentials", "status": "401"}),
                " (401: Bad credentials)",
            ),
            (
                json!({"message": {"value": ["is invalid"]}}),
                r#" (401: {"value":["is invalid"]})"#,
            ),
            (
                json!({"error": "invalid_token", "error_description": "Token is expired."}),
                " (401: Token is expired.)",
            ),
            (
                json!({"errors": ["permission denied"]}),
                " (401: permission denied)",
            ),
            (json!({"errors": []}), " (401)"),
            (json!({"message": "a\n\u{7}b"}), " (401: a b)"),
            (Value::Null, " (401)"),
        ] {
            let answer = Answer { status: 401, body };
            assert_eq!(answer.said(), said);
        }
        let long = words(&json!({"message": "x".repeat(1_000)})).unwrap();
        assert_eq!(long.len(), WORDS);
    }

    #[test]
    fn a_secret_that_is_repeated_is_not_told() {
        let secret = SecretString::from("ofs_pw_s");
        let told = Undelivered::new("value ofs_pw_s is bad").without(&[&secret]);
        assert_eq!(told.reason, "value … is bad");
    }

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(escaped("acme/web shop"), "acme%2Fweb%20shop");
        assert_eq!(escaped("review/*é"), "review%2F%2A%C3%A9");
        assert_eq!(escaped("A-b_c.d~1"), "A-b_c.d~1");
    }
}
