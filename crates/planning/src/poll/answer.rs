//! What an answer means for a poll: read it, wait and ask again, or give up.

use super::value::{Failure, HttpResponse, Missing, Problem, Reply, Step};
use super::{ATTEMPTS, LONGEST_WAIT, Poll};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::time::Duration;

/// Where a tool says that there were too many requests, and not when to come again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Poll {
    /// What the tool answered to the last request.
    pub fn answer(&mut self, response: &HttpResponse, now: Timestamp) {
        if !std::mem::take(&mut self.asked) {
            return;
        }
        match response.status {
            // So Azure DevOps answers, with a page to sign in.
            203 => self.refuse("the token is refused (203): it is wrong, expired or was withdrawn"),
            200..=299 => self.read(response, false),
            400 | 404 | 410 if self.missing_is_read() => self.read(response, true),
            401 => self.refuse("the token is refused (401): it is wrong, expired or was withdrawn"),
            429 => self.limited(retry_after(response, now)),
            403 if limits(response) => self.limited(retry_after(response, now)),
            403 => {
                self.refuse("the token may not do this (403): give it the permissions of the guide")
            }
            404 | 410 => self.refuse(&format!(
                "there is no such thing ({}), or the token may not see it",
                response.status
            )),
            300..=399 => self.refuse(&format!(
                "it redirects ({}), which is not followed: is the address in the settings right?",
                response.status
            )),
            408 | 425 | 500..=599 => {
                let after = response
                    .header("retry-after")
                    .and_then(|_| retry_after(response, now));
                self.again(&format!("it answers {}", response.status), after);
            }
            // GraphQL APIs say so in the body.
            400 => match self.problem_in(response) {
                Some(Problem::Limited) => self.limited(retry_after(response, now)),
                Some(Problem::Refused(why) | Problem::Broken(why)) => self.refuse(&why),
                None => self.refuse("it answers 400"),
            },
            status => self.refuse(&format!("it answers {status}")),
        }
    }

    /// No answer came: the reason, for people.
    pub fn unanswered(&mut self, reason: &str) {
        if std::mem::take(&mut self.asked) {
            self.again(reason, None);
        }
    }

    fn missing_is_read(&self) -> bool {
        let ask = self.questions.front();
        ask.is_some_and(|ask| ask.missing == Missing::Read)
    }

    fn read(&mut self, response: &HttpResponse, missing: bool) {
        let body = match (missing, crate::json::parse(&response.body)) {
            (true, _) => Value::Null,
            (false, _) if response.status == 204 => Value::Null,
            (false, Ok(body)) => body,
            (false, Err(why)) => return self.again(&why, None),
        };
        let Some(ask) = self.questions.front() else {
            return;
        };
        let adapter = self.settings.tool().adapter();
        let reply = Reply { body, missing };
        match adapter.read(&self.settings, ask, &reply, self.started_at) {
            Ok(page) => {
                self.questions.pop_front();
                self.attempts = 0;
                for ask in page.next.into_iter().rev() {
                    self.questions.push_front(ask);
                }
                self.covered.extend(page.covered);
                if !page.found.is_empty() {
                    self.steps.push_back(Step::Found(page.found));
                }
            }
            Err(Problem::Broken(why)) => self.again(&why, None),
            Err(Problem::Refused(why)) => self.refuse(&why),
            Err(Problem::Limited) => self.limited(None),
        }
    }

    /// What the tool's file makes of the body of a refusal.
    fn problem_in(&self, response: &HttpResponse) -> Option<Problem> {
        let ask = self.questions.front()?;
        let body = crate::json::parse(&response.body).ok()?;
        let reply = Reply {
            body,
            missing: false,
        };
        let adapter = self.settings.tool().adapter();
        adapter
            .read(&self.settings, ask, &reply, self.started_at)
            .err()
    }

    fn limited(&mut self, after: Option<Duration>) {
        self.again(
            "it says that there are too many requests",
            Some(after.unwrap_or(PATIENCE)),
        );
    }

    /// Asks the same again, later.
    fn again(&mut self, reason: &str, after: Option<Duration>) {
        // Where it is told to wait, nothing was done.
        if after.is_none() && self.questions.front().is_some_and(|ask| ask.once) {
            let reason = self.about(reason);
            self.fail(Failure::passing(reason, None));
            return;
        }
        self.attempts += 1;
        let pause = Duration::from_secs(1 << self.attempts.min(6));
        let wait = after.unwrap_or(pause).max(Duration::from_secs(1));
        if self.attempts >= ATTEMPTS || wait > LONGEST_WAIT {
            let reason = self.about(reason);
            self.fail(Failure::passing(reason, after));
            return;
        }
        self.steps.push_back(Step::Wait(wait));
    }

    fn refuse(&mut self, reason: &str) {
        let reason = self.about(reason);
        self.fail(Failure::permanent(reason));
    }

    /// The reason with what was asked.
    fn about(&self, reason: &str) -> String {
        let title = self.settings.tool().description().title;
        match self.questions.front() {
            Some(ask) if ask.scope.is_empty() => {
                format!("{title}, asked for {}: {reason}", ask.name)
            }
            Some(ask) => format!("{title}, asked for {} of {}: {reason}", ask.name, ask.scope),
            None => format!("{title}: {reason}"),
        }
    }
}

/// A server has had too many requests: how long it wants to be left alone, `Some(None)` where it does not say.
/// `None`: its answer says nothing of the sort.
pub fn limited(response: &HttpResponse, now: Timestamp) -> Option<Option<Duration>> {
    match response.status {
        429 => Some(retry_after(response, now)),
        403 if limits(response) => Some(retry_after(response, now)),
        500..=599 if response.header("retry-after").is_some() => Some(retry_after(response, now)),
        _ => None,
    }
}

/// A refusal that is a matter of time.
fn limits(response: &HttpResponse) -> bool {
    response.header("retry-after").is_some()
        || response.header("x-ratelimit-remaining") == Some("0")
}

/// How long to wait, as tools say it: seconds or a date in `Retry-After`, else the moment at which the limit
/// is lifted, in seconds, milliseconds or as a date.
fn retry_after(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
    if let Some(text) = response.header("retry-after") {
        if let Ok(seconds) = text.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds.ceil()).ok();
        }
        if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
            return Some(until(date.timestamp()));
        }
    }
    let names = [
        "x-ratelimit-reset",
        "x-ratelimit-requests-reset",
        "ratelimit-reset",
    ];
    let text = names.iter().find_map(|name| response.header(name))?;
    if let Some(seconds) = text
        .parse::<i64>()
        .ok()
        .filter(|s| (0..100_000).contains(s))
    {
        // No moment since 1970, so a number of seconds.
        return Some(until(
            now.checked_add(SignedDuration::from_secs(seconds)).ok()?,
        ));
    }
    match crate::date::Moment::of_text(text, &jiff::tz::TimeZone::UTC)? {
        crate::date::Moment::At(at) => Some(until(at) + Duration::from_secs(1)),
        crate::date::Moment::On(_) => None,
    }
}
