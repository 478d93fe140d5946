//! The note with an iteration in its planning tool: one for all that was made of it, written when it says
//! something else than before.

use super::{about, digest, worth_a_note};
use crate::Control;
use crate::fail::Fail;
use crate::integration::settings_of;
use offshoot_core::id::IterationId;
use offshoot_core::iteration::IterationState;
use offshoot_core::telling::standing;
use offshoot_planning::message::Message;
use offshoot_planning::note;
use offshoot_planning::poll::{ANSWER_LIMIT, Failure, Poll, Step};
use offshoot_store::iteration::KnownIteration;
use offshoot_store::telling::Note;

impl Control {
    pub(super) async fn keep_note(&self, id: IterationId) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let (known, before) = (session.iteration(id).await?, session.note(id).await?);
        drop(session);
        let (Some(known), Some(before)) = (known, before) else {
            return Ok(());
        };
        let seen = before.check_at;
        let mut after = Note {
            check_at: None,
            ..before.clone()
        };
        // What the tool does not have any more has no place for a note.
        if known.record.state != IterationState::Deleted {
            let message = self.note_text(&known, before.digest.is_some()).await?;
            let written = (!message.lines.is_empty()).then(|| digest(&message));
            if written == before.digest {
                after.failure = None;
                after.attempts = 0;
            } else {
                match self.write_note(&known, &message).await? {
                    Ok(()) => {
                        after = Note {
                            digest: written,
                            written_at: Some(self.now()),
                            ..Note::default()
                        };
                    }
                    Err(failure) => {
                        after.attempts = before.attempts.saturating_add(1);
                        after.check_at = self.telling_failed(&failure, after.attempts);
                        tracing::warn!(iteration.id = %id, %failure, "a note was not written; it is tried again");
                        after.failure = Some(failure.reason);
                    }
                }
            }
        }
        let mut tx = self.0.store.write().await?;
        tx.put_note(id, seen, &after).await?;
        tx.commit().await?;
        self.changed();
        Ok(())
    }

    /// What there is to say of all that was made of an iteration by rules that write notes.
    async fn note_text(&self, known: &KnownIteration, written: bool) -> Result<Message, Fail> {
        let mut session = self.0.store.read().await?;
        let mut message = Message::default();
        for detail in session.bindings_of_iteration(known.id).await? {
            let Some(about) = about(&mut session, detail.binding.id).await? else {
                continue;
            };
            let stands = standing(&about.automation.rule, &about.binding, self.now());
            let Some(stands) = stands.filter(|s| worth_a_note(s.news, written)) else {
                continue;
            };
            if !about.automation.rule.tell.note {
                continue;
            }
            let story = self.story(&mut session, &about, stands).await?;
            if !message.lines.is_empty() {
                message.lines.push(Vec::new());
            }
            message.lines.extend(story.message(None).lines);
        }
        Ok(message)
    }

    async fn write_note(
        &self,
        known: &KnownIteration,
        message: &Message,
    ) -> Result<Result<(), Failure>, Fail> {
        let permanent = |reason: String| Failure {
            reason,
            permanent: true,
            retry_after: None,
        };
        let mut session = self.0.store.read().await?;
        let Some(integration) = session.integration(known.integration_id).await? else {
            return Ok(Ok(()));
        };
        let token = session.integration_secrets(integration.id).await?.token;
        drop(session);
        let settings = match settings_of(&integration) {
            Ok(settings) => settings,
            Err(refusal) => return Ok(Err(permanent(refusal.to_string()))),
        };
        let text = message.markdown(note::LONGEST);
        let iteration = &known.record.iteration;
        let poll = note::write(&settings, token, iteration, &text, self.now());
        Ok(match poll {
            Some(poll) => self.ask_all(poll).await,
            None => Err(permanent(format!(
                "{} has no place for a note to this",
                settings.tool().description().title
            ))),
        })
    }

    /// Asks what is to be asked. Where the tool wants to be left alone, all of it is asked again later.
    async fn ask_all(&self, mut poll: Poll) -> Result<(), Failure> {
        loop {
            match poll.next() {
                Step::Ask(request) => match self.ask(request, ANSWER_LIMIT).await {
                    Ok(response) => poll.answer(&response, self.now()),
                    Err(failure) => return Err(failure),
                },
                Step::Wait(pause) => {
                    return Err(Failure {
                        reason: "the tool is not well, or wants to be left alone".to_owned(),
                        permanent: false,
                        retry_after: Some(pause),
                    });
                }
                Step::Found(_) => {}
                Step::Done(_) => return Ok(()),
                Step::Failed(failure) => return Err(failure),
            }
        }
    }
}
