//! Whatever is no link is sent as soon as its branch is ready, until it has arrived.

use super::format::{Revealed, place};
use super::manifest::manifest;
use super::receiver::{Api, Undelivered, named};
use super::token::{Source, source};
use super::{check_prefix, github, gitlab, names, vault};
use crate::Control;
use crate::automation::filter;
use crate::automation::name::file_name;
use crate::fail::Fail;
use crate::reconcile::report;
use futures_util::StreamExt;
use metrics::counter;
use offshoot_core::automation::{Automation, Deliver};
use offshoot_core::branch::Branch;
use offshoot_core::database::Database;
use offshoot_core::handover::Handover;
use offshoot_core::refusal::Refusal;
use offshoot_store::Session;
use offshoot_store::iteration::KnownIteration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// Sent at once; a receiver that does not answer holds up no more than one of them.
const AT_ONCE: usize = 8;
/// After a try that failed: doubles up to an hour. It is tried as long as the branch is there.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3_600);
/// A receiver that wants to be left alone is left alone for no longer.
const PATIENCE: Duration = Duration::from_secs(86_400);

impl Control {
    /// Sends what may be sent, and forgets what nobody may have any more.
    pub(crate) async fn keep_handovers(&self) {
        if let Err(fail) = self.expire_handovers().await {
            report("handovers", &fail);
        }
        let due = match self.0.store.read().await {
            Ok(mut session) => session.handovers_to_send(self.now()).await,
            Err(error) => Err(error),
        };
        let due = match due {
            Ok(due) => due,
            Err(error) => return report("handovers", &Fail::from(error)),
        };
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |handover| async move {
                if let Err(fail) = self.hand_over(&handover).await {
                    report("handover", &fail);
                }
            })
            .await;
    }

    async fn expire_handovers(&self) -> Result<(), Fail> {
        let due = self
            .0
            .store
            .read()
            .await?
            .handovers_to_expire(self.now())
            .await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        for handover in due {
            tx.handover_expired(handover.id).await?;
            self.tell_handover(&mut tx, &handover, "credential.expired")
                .await?;
            tracing::info!(handover.id = %handover.id, "a credential did not arrive in its time");
        }
        Ok(tx.commit().await?)
    }

    async fn hand_over(&self, handover: &Handover) -> Result<(), Fail> {
        let Some(parcel) = self.parcel(handover).await? else {
            return Ok(());
        };
        let sent = self.send(&parcel).await;
        let sent = sent.map_err(|failed| {
            let token = parcel.access.as_ref().ok().and_then(Option::as_ref);
            let mut secrets = vec![&parcel.revealed.secret];
            secrets.extend(token.map(|access| &access.token));
            failed.without(&secrets)
        });
        if sent.is_err() {
            counter!("offshoot_handovers_failed_total").increment(1);
        }
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        match sent {
            Ok(()) => {
                tx.handover_delivered(handover.id, now).await?;
                self.tell_handover(&mut tx, handover, "credential.delivered")
                    .await?;
            }
            Err(failed) => {
                let pause = PAUSE.saturating_mul(1 << handover.attempts.min(16));
                let wait = failed.wait.unwrap_or_default().min(PATIENCE);
                let at = now.checked_add(pause.min(LONGEST).max(wait)).unwrap_or(now);
                tracing::warn!(handover.id = %handover.id, error = %failed.reason, "a credential did not arrive; it is sent again");
                tx.handover_failed(handover.id, &failed.reason, at).await?;
                if handover.attempts == 0 {
                    self.tell_handover(&mut tx, handover, "credential.failed")
                        .await?;
                }
            }
        }
        tx.commit().await?;
        self.changed();
        Ok(())
    }

    /// Everything that it takes to send it; `None`: it is gone meanwhile.
    async fn parcel(&self, handover: &Handover) -> Result<Option<Parcel>, Fail> {
        let mut session = self.0.store.read().await?;
        let secret = session.handover_secret(handover.id).await?;
        let place = place(&mut session, handover).await?;
        let binding = session.binding(handover.binding_id).await?;
        let (Some(secret), Some((password, branch, database)), Some(binding)) =
            (secret, place, binding)
        else {
            return Ok(None);
        };
        let automation = session.automation(binding.automation_id).await?;
        let iteration = session.iteration(binding.iteration_id).await?;
        let (Some(automation), Some(iteration)) = (automation, iteration) else {
            return Ok(None);
        };
        let mut handover = handover.clone();
        // As the rule says by now: what was wrong in it is corrected. What was no link does not become one.
        let rule = automation.rule.credentials.get(&handover.credential);
        let today = rule.map(|rule| &rule.deliver);
        let today = today.filter(|d| **d != handover.deliver && !matches!(d, Deliver::Link(_)));
        if let Some(deliver) = today.cloned() {
            let mut tx = self.0.store.write().await?;
            tx.redirect_handover(handover.id, &deliver).await?;
            tx.commit().await?;
            handover.deliver = deliver;
        }
        let access = self
            .access(&mut session, &automation, &database, &handover)
            .await?;
        let signing = session.webhook_secret(automation.id).await?;
        let mut variables = filter::variables(&iteration.record);
        let names = variables_of(&database, &branch, &handover.credential);
        if let (Value::Object(all), Value::Object(names)) = (&mut variables, names) {
            all.extend(names);
        }
        Ok(Some(Parcel {
            revealed: self.revealed(password, &branch, &database, secret),
            handover,
            automation,
            iteration,
            signing,
            variables,
            access,
        }))
    }

    /// The token that it is delivered with, and where to; `None`: none is needed.
    async fn access(
        &self,
        session: &mut Session,
        automation: &Automation,
        database: &Database,
        handover: &Handover,
    ) -> Result<Result<Option<Access>, Refusal>, Fail> {
        let Some(address) = handover.deliver.token_goes_to() else {
            return Ok(Ok(None));
        };
        let (id, credential) = (automation.id, &handover.credential);
        let own = session.receiver_token(id, credential, address).await?;
        let Some(integration) = session.integration(automation.integration_id).await? else {
            return Ok(Err(Refusal::not_found("the integration")));
        };
        let source = match source(&handover.deliver, own.is_some(), &integration) {
            Ok(source) => source,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (token, address, renew) = match source {
            None => return Ok(Ok(None)),
            Some(Source::Own(address)) => (
                own,
                address,
                format!(
                    "offshoot automation update {} {} --token-file {credential}=FILE",
                    database.name, automation.name
                ),
            ),
            Some(Source::Integration(address)) => (
                session.integration_secrets(integration.id).await?.token,
                address,
                format!(
                    "offshoot integration update {} --token-file FILE",
                    integration.name
                ),
            ),
        };
        Ok(token
            .map(|token| {
                Some(Access {
                    token,
                    address,
                    renew,
                })
            })
            .ok_or_else(|| Refusal::unprocessable("the token is gone")))
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), Undelivered> {
        let (revealed, variables) = (&parcel.revealed, &parcel.variables);
        let id = parcel.handover.id;
        match &parcel.handover.deliver {
            Deliver::Link(_) => Ok(()),
            Deliver::File(file) => {
                let name = file_name(&file.name, variables).map_err(Undelivered::new)?;
                let content = revealed.written(file.format, &file.prefix);
                Ok(self.0.ports.credential_files.write(&name, &content).await?)
            }
            Deliver::Kubernetes(secret) => {
                let file = file_name(&secret.file, variables).map_err(Undelivered::new)?;
                let name = names::object(&secret.name, variables).map_err(Undelivered::new)?;
                let prefix = names::prefix(&secret.prefix, variables).map_err(Undelivered::new)?;
                let values = named(revealed, secret.format, &prefix);
                let content = manifest(&name, secret.namespace.as_deref(), id, &values);
                Ok(self.0.ports.credential_files.write(&file, &content).await?)
            }
            Deliver::Webhook(webhook) => {
                let about = (&parcel.automation, &parcel.iteration);
                let signing = parcel.signing.clone();
                self.post(webhook, &parcel.handover, revealed, about, signing)
                    .await
            }
            Deliver::GithubActions(to) => {
                let prefix = names::prefix(&to.prefix, variables).map_err(Undelivered::new)?;
                check_prefix(&prefix).map_err(Undelivered::new)?;
                let environment = to.environment.as_deref();
                let environment = environment.map(|e| names::environment(e, variables));
                let environment = environment.transpose().map_err(Undelivered::new)?;
                let values = named(revealed, to.format, &prefix);
                let values: Vec<_> = values.iter().map(|(n, v)| (n.clone(), &v.text)).collect();
                let place = github::Place {
                    repository: &to.repository,
                    environment: environment.as_deref(),
                };
                let api = parcel.api(self, "GitHub", "", ("authorization", "Bearer "))?;
                let api = api.with("accept", "application/vnd.github+json");
                let api = api.with("x-github-api-version", "2022-11-28");
                github::deliver(&api, &place, &values).await
            }
            Deliver::GitlabCi(to) => {
                let prefix = names::prefix(&to.prefix, variables).map_err(Undelivered::new)?;
                let scope = names::environment(&to.environment_scope, variables)
                    .map_err(Undelivered::new)?;
                let place = gitlab::Place {
                    project: &to.project,
                    scope: &scope,
                    protected: to.protected,
                    masked: to.masked,
                };
                let api = parcel.api(self, "GitLab", "/api/v4", ("private-token", ""))?;
                let values = named(revealed, to.format, &prefix);
                gitlab::deliver(&api, &place, &values).await
            }
            Deliver::Vault(to) => {
                let path = names::path(&to.path, variables).map_err(Undelivered::new)?;
                let place = vault::Place {
                    mount: &to.mount,
                    path: &path,
                };
                let values = revealed.values(to.format).into_iter().map(|value| {
                    let text = value.text.expose_secret().to_owned();
                    (value.part.to_ascii_lowercase(), Value::from(text))
                });
                let api = parcel.api(self, "Vault", "", ("x-vault-token", ""))?;
                let mut api = api.with("x-vault-request", "true");
                if let Some(namespace) = &to.namespace {
                    api = api.with("x-vault-namespace", namespace);
                }
                vault::deliver(&api, &place, id, values.collect()).await
            }
        }
    }
}

/// A credential with all that it takes to send it.
struct Parcel {
    handover: Handover,
    revealed: Revealed,
    automation: Automation,
    iteration: KnownIteration,
    /// What webhooks are signed with.
    signing: Option<SecretString>,
    /// What templates know.
    variables: Value,
    access: Result<Option<Access>, Refusal>,
}

/// The way to a receiver's API.
struct Access {
    token: SecretString,
    address: String,
    /// How another token is given.
    renew: String,
}

impl Parcel {
    /// The receiver's API below a path. `header`: where the token is, and what stands before it.
    fn api<'a>(
        &self,
        control: &'a Control,
        name: &'static str,
        below: &str,
        (header, before): (&'static str, &str),
    ) -> Result<Api<'a>, Undelivered> {
        let access = self.access.as_ref();
        let access = access.map_err(|refusal| Undelivered::new(refusal.to_string()))?;
        let access = access
            .as_ref()
            .ok_or_else(|| Undelivered::new("there is no token"))?;
        let token = format!("{before}{}", access.token.expose_secret());
        Ok(Api {
            control,
            name,
            base: format!("{}{below}", access.address),
            headers: vec![(header, SecretString::from(token))],
            renew: access.renew.clone(),
        })
    }
}

fn variables_of(database: &Database, branch: &Branch, credential: &str) -> Value {
    names::variables(database.name.as_str(), branch.name.as_str(), credential)
}
