//! A planning tool: signs events of milestones as GitHub does, and sends them.

use crate::server::{ORG, Server};
use anyhow::{Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use offshoot_api_types::CreateIntegration;
use reqwest::Client;
use serde_json::json;
use sha2::Sha256;
use std::time::UNIX_EPOCH;

const SECRET: &str = "what the benchmark's tool signs with";

#[derive(Clone)]
pub(super) struct Tool {
    http: Client,
    url: String,
}

impl Tool {
    /// With an integration of this name.
    pub(super) async fn new(server: &Server, name: &str) -> Result<Self> {
        let settings = json!({"repositories": ["acme/shop"]});
        let body = CreateIntegration {
            name: Some(name.to_owned()),
            tool: Some("github".to_owned()),
            settings: settings.as_object().cloned(),
            secret: Some(SECRET.to_owned()),
            token: None,
            poll_seconds: None,
        };
        let made = server.client.create_integration(ORG, &body).await?;
        Ok(Self {
            http: Client::builder().no_proxy().build()?,
            url: made.url,
        })
    }

    /// Tells that milestone `number` was created; returns when that is acknowledged.
    pub(super) async fn planned(&self, number: u32, title: &str) -> Result<()> {
        let now = Timestamp::UNIX_EPOCH + UNIX_EPOCH.elapsed()?;
        let body = json!({
            "action": "created",
            "milestone": {
                "id": 5_000 + number,
                "number": number,
                "title": title,
                "state": "open",
                "created_at": now,
                "updated_at": now,
                "due_on": null,
                "closed_at": null,
                "html_url": format!("https://github.com/acme/shop/milestone/{number}"),
            },
            "repository": {"full_name": "acme/shop"},
            "sender": {"login": "octocat"},
        })
        .to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(body.as_bytes());
        let tag = mac.finalize().into_bytes();
        let tag: String = tag.iter().map(|b| format!("{b:02x}")).collect();
        let request = self.http.post(&self.url);
        let answer = request
            .header("content-type", "application/json")
            .header("x-github-event", "milestone")
            .header("x-github-delivery", format!("event-{number}"))
            .header("x-hub-signature-256", format!("sha256={tag}"))
            .body(body)
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "event {number}: {}: {}",
            answer.status(),
            answer.text().await?
        );
        Ok(())
    }
}
