//! Telling the team: what was made of an iteration, how to connect, and when it goes; in a note with the
//! iteration, and in chats. Nothing waits for it: what cannot be told is tried again, and shown.

mod chat;
mod note;
mod story;

pub(crate) use story::foreseen;

use crate::Control;
use crate::fail::Fail;
use crate::reconcile::report;
use futures_util::StreamExt;
use jiff::Timestamp;
use metrics::counter;
use offshoot_core::automation::{Automation, Binding};
use offshoot_core::database::Database;
use offshoot_core::id::{BindingId, IterationId};
use offshoot_core::telling::{News, Standing, standing};
use offshoot_planning::message::Message;
use offshoot_planning::poll::{Failure, HttpRequest, HttpResponse};
use offshoot_store::Session;
use offshoot_store::iteration::KnownIteration;
use sha2::{Digest, Sha256};
use std::time::Duration;
use story::Story;

/// What one pass looks at, and how many places are told at once.
const BATCH: u64 = 200;
const AT_ONCE: usize = 4;
/// After a try that failed: doubles up to an hour. Where only people can help: an hour.
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3_600);

/// A binding, and all that it hangs on.
struct About {
    binding: Binding,
    automation: Automation,
    known: KnownIteration,
    database: Database,
}

/// A binding that was looked at for news.
struct Looked {
    id: BindingId,
    /// When it was to be looked at.
    seen: Option<Timestamp>,
    again: Option<Timestamp>,
    /// The iteration whose note may say something else now.
    note: Option<IterationId>,
}

impl Control {
    /// One pass: looks at what may be news, and tells it.
    pub(crate) async fn keep_told(&self) {
        let now = self.now();
        let due = match self.0.store.read().await {
            Ok(mut session) => session.bindings_to_tell(now, BATCH).await,
            Err(error) => Err(error),
        };
        let due = match due {
            Ok(due) => due,
            Err(error) => return report("telling", &Fail::from(error)),
        };
        let looked: Vec<Looked> = futures_util::stream::iter(due)
            .map(|id| async move {
                let looked = self.tell_news(id).await;
                looked.inspect_err(|fail| report("telling", fail)).ok()
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        if let Err(fail) = self.looked_at(&looked).await {
            report("telling", &fail);
        }
        let due = match self.0.store.read().await {
            Ok(mut session) => session.notes_to_write(now, BATCH).await,
            Err(error) => Err(error),
        };
        match due {
            Err(error) => report("notes", &Fail::from(error)),
            Ok(due) => {
                futures_util::stream::iter(due)
                    .for_each_concurrent(AT_ONCE, |id| async move {
                        if let Err(fail) = self.keep_note(id).await {
                            report("note", &fail);
                        }
                    })
                    .await;
            }
        }
    }

    async fn tell_news(&self, id: BindingId) -> Result<Looked, Fail> {
        let mut session = self.0.store.read().await?;
        let mut looked = Looked {
            id,
            seen: session.tell_at(id).await?,
            again: None,
            note: None,
        };
        let Some(about) = about(&mut session, id).await? else {
            return Ok(looked);
        };
        let rule = &about.automation.rule;
        looked.note = rule.tell.note.then_some(about.known.id);
        let Some(stands) = standing(rule, &about.binding, self.now()) else {
            return Ok(looked);
        };
        let story = self.story(&mut session, &about, stands).await?;
        drop(session);
        looked.again = stands.look_at;
        for chat in &rule.tell.chats {
            let retry = self.tell_chat(&about, &story, chat.as_str()).await?;
            looked.again = [looked.again, retry].into_iter().flatten().min();
        }
        Ok(looked)
    }

    /// In one commit for all: killed before it, they are looked at once more.
    async fn looked_at(&self, all: &[Looked]) -> Result<(), Fail> {
        if all.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        for looked in all {
            if let Some(iteration) = looked.note {
                tx.check_note(iteration, self.now()).await?;
            }
            tx.set_tell_at(looked.id, looked.seen, looked.again).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What there is to say of a binding now.
    async fn story(
        &self,
        session: &mut Session,
        about: &About,
        stands: Standing,
    ) -> Result<Story, Fail> {
        let settings = &self.0.settings;
        let branch = session.branch_by_id(about.binding.branch_id).await?;
        let branch = branch.filter(|b| !b.deleting);
        // The newest of each name comes first; of those before it nobody has to be told.
        let mut handovers = session.handovers_of(about.binding.id).await?;
        handovers.dedup_by(|later, first| later.credential == first.credential);
        let mut links = Vec::new();
        for handover in &handovers {
            let token = match about.automation.rule.tell.links {
                true => session.handover_link(handover.id).await?,
                false => None,
            };
            links.push(token);
        }
        Ok(Story::of_binding(
            about, stands, branch, &handovers, &links, settings,
        ))
    }

    /// Sends a request as `planning` writes it.
    async fn ask(&self, request: HttpRequest, limit: usize) -> Result<HttpResponse, Failure> {
        let request = crate::planning::outbound(request, limit);
        match self.0.ports.outbound.send(request).await {
            Ok(response) => Ok(crate::planning::answered(response)),
            Err(error) => Err(Failure {
                reason: error.refusal.to_string(),
                permanent: !error.retry,
                retry_after: None,
            }),
        }
    }

    /// When something that failed so often is tried again.
    fn telling_failed(&self, failure: &Failure, attempts: u32) -> Option<Timestamp> {
        counter!("offshoot_tellings_failed_total").increment(1);
        let doubled = PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        let pause = match failure.permanent {
            true => LONGEST,
            false => doubled.min(LONGEST),
        };
        let pause = failure.retry_after.map_or(pause, |wait| wait.max(pause));
        self.now().checked_add(pause).ok()
    }
}

/// `None`: the binding, or what it hangs on, is gone.
async fn about(session: &mut Session, id: BindingId) -> Result<Option<About>, Fail> {
    let Some(binding) = session.binding(id).await? else {
        return Ok(None);
    };
    let automation = session.automation(binding.automation_id).await?;
    let known = session.iteration(binding.iteration_id).await?;
    let (Some(automation), Some(known)) = (automation, known) else {
        return Ok(None);
    };
    let database = session.database_by_id(automation.database_id).await?;
    Ok(database.filter(|d| !d.deleting).map(|database| About {
        binding,
        automation,
        known,
        database,
    }))
}

/// Tells two messages apart.
fn digest(message: &Message) -> String {
    let digest: [u8; 32] = Sha256::digest(message.plain().as_bytes()).into();
    digest[..12].iter().map(|b| format!("{b:02x}")).collect()
}

/// Nobody hears of a branch for the first time when it is gone.
fn worth_a_note(news: News, written: bool) -> bool {
    written || news != News::Gone
}
