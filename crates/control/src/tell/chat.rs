//! Chats are told each piece of news once; where a message can be changed, it is.

use super::story::Story;
use super::{About, digest};
use crate::Control;
use crate::fail::Fail;
use crate::integration::settings_of;
use jiff::Timestamp;
use offshoot_core::telling::Told;
use offshoot_planning::Tool;
use offshoot_planning::chat::{self, ANSWER_LIMIT};
use offshoot_planning::message::Message;
use offshoot_planning::poll::Failure;
use offshoot_store::telling::Announcement;
use secrecy::SecretString;

impl Control {
    /// Tells one chat what is new to it. When to try again, where that failed.
    pub(super) async fn tell_chat(
        &self,
        about: &About,
        story: &Story,
        name: &str,
    ) -> Result<Option<Timestamp>, Fail> {
        let now = self.now();
        let mut session = self.0.store.read().await?;
        let known = session.announcements(about.binding.id).await?;
        let known = known.into_iter().find(|a| a.chat == name);
        let mut known = known.unwrap_or_else(|| Announcement {
            chat: name.to_owned(),
            ..Announcement::default()
        });
        if known.retry_at.is_some_and(|at| at > now) {
            return Ok(known.retry_at);
        }
        let found = session
            .integration_named(about.database.organization_id, name)
            .await?;
        let place = match found {
            Some(found) => {
                let secrets = session.integration_secrets(found.id).await?;
                place(&found, secrets.token)
            }
            None => Err(Failure {
                reason: format!("there is no integration \"{name}\" any more"),
                permanent: true,
                retry_after: None,
            }),
        };
        drop(session);
        let edits = place.as_ref().is_ok_and(|(tool, _)| chat::edits(*tool));
        let news = Told {
            news: story.stands.news,
            branch: story.branch.clone(),
            renewed: story.renewed,
        };
        let message = story.message(known.told.as_ref().filter(|_| !edits));
        let written = digest(&message);
        let due = match edits && known.message.is_some() {
            true => known.digest.as_ref() != Some(&written),
            false => news.follows(known.told.as_ref()),
        };
        if !due {
            if known.failure.take().is_some() {
                known.attempts = 0;
                self.put_announcement(about, &known).await?;
            }
            return Ok(None);
        }
        let said = match place {
            Ok((tool, webhook)) => {
                let earlier = known.message.as_deref().filter(|_| edits);
                self.say(tool, &webhook, &message, earlier).await
            }
            Err(failure) => Err(failure),
        };
        match said {
            Ok(id) => {
                known.message = id.or(known.message).filter(|_| edits);
                known.told = Some(news);
                known.digest = Some(written);
                known.told_at = Some(now);
                known.attempts = 0;
                known.retry_at = None;
                known.failure = None;
            }
            Err(failure) => {
                known.attempts = known.attempts.saturating_add(1);
                known.retry_at = self.telling_failed(&failure, known.attempts);
                tracing::warn!(binding.id = %about.binding.id, chat = name, %failure, "a chat was not told; it is tried again");
                known.failure = Some(failure.reason);
            }
        }
        self.put_announcement(about, &known).await?;
        Ok(known.retry_at)
    }

    /// The id of the message, where the chat says one.
    async fn say(
        &self,
        tool: Tool,
        webhook: &SecretString,
        message: &Message,
        earlier: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let request = chat::request(tool, webhook, message, earlier)?;
        let response = self.ask(request, ANSWER_LIMIT).await?;
        match chat::answered(tool, &response, earlier.is_some()) {
            chat::Told::Said(id) => Ok(id),
            chat::Told::Failed(failure) => Err(failure),
            // Somebody deleted the message: it is said anew.
            chat::Told::Vanished => {
                let request = chat::request(tool, webhook, message, None)?;
                let response = self.ask(request, ANSWER_LIMIT).await?;
                match chat::answered(tool, &response, false) {
                    chat::Told::Said(id) => Ok(id),
                    chat::Told::Failed(failure) => Err(failure),
                    chat::Told::Vanished => Ok(None),
                }
            }
        }
    }

    async fn put_announcement(&self, about: &About, known: &Announcement) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        tx.put_announcement(about.binding.id, known).await?;
        tx.commit().await?;
        self.changed();
        Ok(())
    }
}

/// The chat, and the address of its webhook.
fn place(
    integration: &offshoot_core::integration::Integration,
    webhook: Option<SecretString>,
) -> Result<(Tool, SecretString), Failure> {
    let permanent = |reason: String| Failure {
        reason,
        permanent: true,
        retry_after: None,
    };
    if !integration.enabled {
        return Err(permanent(format!(
            "integration \"{}\" is switched off",
            integration.name
        )));
    }
    let settings = settings_of(integration).map_err(|e| permanent(e.to_string()))?;
    match (chat::is_chat(settings.tool()), webhook) {
        (true, Some(webhook)) => Ok((settings.tool(), webhook)),
        (true, None) => Err(permanent(format!(
            "integration \"{}\" has no address of a webhook",
            integration.name
        ))),
        (false, _) => Err(permanent(format!(
            "integration \"{}\" is no chat",
            integration.name
        ))),
    }
}
