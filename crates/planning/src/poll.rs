//! Asking a planning tool's API for all that it has: a state machine that says what to send, and is told
//! what came back.
//!
//! ```text
//! loop { match poll.next() {
//!     Ask(request)  => poll.answer(send(request), now)   or, without an answer, poll.unanswered(reason)
//!     Wait(time)    => sleep(time)
//!     Found(seen)   => keep them
//!     Done(covered) => what is covered and was not found is gone; the end
//!     Failed(why)   => the end; nothing is known to be gone
//! } }
//! ```
//!
//! Requests carry their token in a header. Redirects are not to be followed: they are answers, and refused.

mod answer;
mod value;

pub use answer::limited;
pub(crate) use value::{Ask, Page, Problem, Reply, all_of, observed, open_of};
pub use value::{Failure, HttpRequest, HttpResponse, Step, What};

use crate::settings::Settings;
use jiff::Timestamp;
use offshoot_core::iteration::Covered;
use secrecy::{ExposeSecret, SecretString};
use std::collections::VecDeque;
use std::time::Duration;

/// Most questions of one poll. A tool that has more than that is listed in part, and nothing counts as gone.
pub const MOST_REQUESTS: u32 = 200;
/// How often a question is asked that finds no answer.
pub const ATTEMPTS: u32 = 5;
/// The longest that a tool may let one poll wait; a longer wait ends it.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// No answer of a tool is larger: a page has 100 entries.
pub const ANSWER_LIMIT: usize = 8 << 20;

/// One poll.
#[derive(Debug)]
pub struct Poll {
    settings: Settings,
    token: Option<SecretString>,
    /// What the tool said was true at this moment at least.
    started_at: Timestamp,
    /// Questions not asked yet; the first is under way while `asked`.
    questions: VecDeque<Ask>,
    asked: bool,
    attempts: u32,
    requests: u32,
    /// What comes before the next question.
    steps: VecDeque<Step>,
    covered: Vec<Covered>,
    failure: Option<Failure>,
}

impl Poll {
    /// `token`: what [`crate::tool::Description::token`] asks for. `now` is the moment at which all that is
    /// found counts as seen.
    pub fn new(
        settings: &Settings,
        token: Option<SecretString>,
        what: &What,
        now: Timestamp,
    ) -> Self {
        let questions = settings.tool().adapter().ask(settings, what);
        Self::of(settings, token, questions, now)
    }

    /// One that asks these questions, and what their answers lead to.
    pub(crate) fn of(
        settings: &Settings,
        token: Option<SecretString>,
        questions: Vec<Ask>,
        now: Timestamp,
    ) -> Self {
        let tool = settings.tool();
        let questions: VecDeque<_> = questions.into();
        let needed = tool.description().token.as_ref();
        let failure = match (needed, &token) {
            _ if questions.is_empty() => {
                let title = tool.description().title;
                Some(Failure::permanent(format!(
                    "{title} is not polled with these settings"
                )))
            }
            (Some(needed), None) if needed.required => Some(Failure::permanent(
                "the integration has no token to ask the tool's API with",
            )),
            _ => None,
        };
        Self {
            settings: settings.clone(),
            token,
            started_at: now,
            questions,
            asked: false,
            attempts: 0,
            requests: 0,
            steps: VecDeque::new(),
            covered: Vec::new(),
            failure,
        }
    }

    /// When it began: `at` of [`Covered::absent`].
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// What to do next. `Done` and `Failed` are for good.
    #[expect(clippy::should_implement_trait, reason = "it never ends by itself")]
    pub fn next(&mut self) -> Step {
        if let Some(step) = self.steps.pop_front() {
            return step;
        }
        if let Some(failure) = &self.failure {
            return Step::Failed(failure.clone());
        }
        let Some(ask) = self.questions.front() else {
            return Step::Done(std::mem::take(&mut self.covered));
        };
        if self.requests >= MOST_REQUESTS {
            return self.fail(Failure::permanent(format!(
                "the tool has more than {MOST_REQUESTS} pages; narrow the integration's settings"
            )));
        }
        self.requests += 1;
        self.asked = true;
        let token = self.token.as_ref().map(ExposeSecret::expose_secret);
        Step::Ask(ask.request(&self.settings, token))
    }

    fn fail(&mut self, failure: Failure) -> Step {
        self.failure = Some(failure.clone());
        self.questions.clear();
        Step::Failed(failure)
    }
}
