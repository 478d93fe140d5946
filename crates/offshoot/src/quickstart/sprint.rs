//! The part of the story that nobody has to do anything for: a planning tool announces a sprint, and its
//! database is there. The tool is played by this program; everything else is what any tool would meet.

use super::steps::Steps;
use super::{DATABASE, ORG, connect_to};
use anyhow::{Context, Result, bail, ensure};
use hmac::{Hmac, KeyInit, Mac};
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    AutomationRule, CreateAutomation, CreateIntegration, IterationBranch, RevealedCredential,
    UpdateIntegration,
};
use offshoot_client::{Client, Error, PageOf, WhichIterations};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{Duration, Instant};

/// Integration and automation, which stay.
const NAME: &str = "quickstart";
/// For a copy of the data and the start of an engine on a slow disk, with room to spare.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// Plays a planning tool.
struct Tool<'a> {
    client: &'a Client,
    http: reqwest::Client,
    /// Of this server, without a path.
    base: String,
    integration: String,
    secret: String,
}

/// A sprint from its plan to its end. `base`: where this server is reached from here.
pub(super) async fn run(client: &Client, base: &str, steps: &mut Steps) -> Result<()> {
    let label = "connect a planning tool, and write a rule for its sprints";
    let tool = steps.step(label, Tool::connect(client, base)).await?;
    let number = tool.known().await? + 1;
    let name = format!("Planned sprint {number}");
    let made = steps
        .step(
            "let the tool announce a sprint by a signed event: a branch with data",
            async {
                tool.send(number, &name, "planned").await?;
                tool.until(&name, "made").await
            },
        )
        .await?;
    steps
        .step(
            "open the link of its credential, which opens once, and connect",
            async {
                let link = made.credentials.iter().find_map(|c| c.link.as_deref());
                let revealed = tool
                    .open(link.context("the credential has a link")?)
                    .await?;
                let mut session = connect_to(
                    &revealed.host,
                    u16::try_from(revealed.port)?,
                    &revealed.username,
                    Some(&revealed.plain_text),
                    &revealed.schema,
                )
                .await?;
                let rows: Option<u64> = session
                    .query_first("SELECT COUNT(*) FROM customers")
                    .await?;
                ensure!(rows > Some(0), "the sprint's branch starts with data");
                Ok(session.disconnect().await?)
            },
        )
        .await?;
    steps
        .step("let the sprint end: its branch goes to sleep", async {
            tool.send(number, &name, "ended").await?;
            tool.until(&name, "ended").await.map(drop)
        })
        .await
}

impl<'a> Tool<'a> {
    /// The integration with a secret that is known here, and its rule; both may be there already.
    async fn connect(client: &'a Client, base: &str) -> Result<Self> {
        let settings = json!({"mapping": {
            "fields": {"id": "/id", "name": "/name", "number": "/id", "state": "/state"},
            "signature": {"scheme": "hmac-sha256-hex", "header": "X-Signature"},
        }});
        let body = CreateIntegration {
            name: Some(NAME.to_owned()),
            tool: Some("generic".to_owned()),
            settings: settings.as_object().cloned(),
            ..CreateIntegration::default()
        };
        let made = match client.create_integration(ORG, &body).await {
            Err(error) if taken(&error) => {
                let known = client.show_integration(ORG, NAME).await?;
                let change = UpdateIntegration {
                    draw_secret: Some(true),
                    remove_secrets: Some(known.secrets.into_iter().map(|s| s.id).collect()),
                    ..UpdateIntegration::default()
                };
                client.update_integration(ORG, NAME, &change).await?
            }
            other => other?,
        };
        let rule: AutomationRule = serde_json::from_value(json!({
            "integration": NAME,
            "branch": {"name": "{{ iteration.name | slug }}", "seed": "live"},
            "credentials": {"team": {"role": "admin"}},
            "on": {"ended": "sleep"},
        }))?;
        let body = CreateAutomation {
            name: NAME.to_owned(),
            rule,
            enabled: None,
            tokens: std::collections::BTreeMap::new(),
        };
        match client.create_automation(ORG, DATABASE, &body).await {
            Err(error) if taken(&error) => {}
            other => drop(other?),
        }
        Ok(Self {
            client,
            http: reqwest::Client::builder().no_proxy().build()?,
            base: base.to_owned(),
            integration: made.id,
            secret: made.plain_text.context("a secret was drawn")?,
        })
    }

    /// Sprints that it has announced.
    async fn known(&self) -> Result<u64> {
        let listed = self
            .client
            .list_iterations(ORG, &which(), PageOf::default())
            .await?;
        Ok(listed.total_count.unwrap_or_default())
    }

    async fn send(&self, id: u64, name: &str, state: &str) -> Result<()> {
        let body = json!({"id": id, "name": name, "state": state}).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .context("any key length fits HMAC")?;
        mac.update(body.as_bytes());
        let tag = mac.finalize().into_bytes();
        let tag: String = tag.iter().map(|b| format!("{b:02x}")).collect();
        let answer = self
            .http
            .post(format!("{}/v1/inbound/{}", self.base, self.integration))
            .header("X-Signature", tag)
            .body(body)
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "the event was answered with {}",
            answer.status()
        );
        Ok(())
    }

    /// Waits for what becomes of a sprint's branch.
    async fn until(&self, name: &str, state: &str) -> Result<IterationBranch> {
        let end = Instant::now() + PATIENCE;
        loop {
            let listed = self
                .client
                .list_iterations(ORG, &which(), PageOf::default())
                .await?;
            let found = listed.data.iter().find(|i| i.name == name);
            let made = found.and_then(|i| i.branches.first());
            match made {
                Some(made) if made.state == state => return Ok(made.clone()),
                Some(made) if made.state == "failed" => {
                    bail!("{}", made.reason.clone().unwrap_or_default())
                }
                _ if Instant::now() > end => bail!("it did not come to that: {made:?}"),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn open(&self, link: &str) -> Result<RevealedCredential> {
        // The link says where others reach the server.
        let (_, path) = link.split_once("/v1/").context("a link has a path")?;
        let answer = self
            .http
            .post(format!("{}/v1/{path}", self.base))
            .send()
            .await?;
        let text = answer.error_for_status()?.bytes().await?;
        let revealed: Value = serde_json::from_slice(&text)?;
        Ok(serde_json::from_value(revealed)?)
    }
}

fn which() -> WhichIterations {
    WhichIterations {
        integration: Some(NAME.to_owned()),
        state: None,
    }
}

/// It is there from an earlier run.
fn taken(error: &Error) -> bool {
    matches!(error, Error::Refused(refused) if refused.status.as_u16() == 409)
}
