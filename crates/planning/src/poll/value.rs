//! What a poll asks, is told, and says.

use crate::json::Json;
use crate::settings::Settings;
use jiff::Timestamp;
use offshoot_core::iteration::{Covered, Iteration, IterationState, Observation};
use secrecy::SecretString;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// What a poll is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Everything,
    /// One thing, by the id that an event named: `list/901`.
    One(String),
}

/// A request to be sent as it stands.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT` or `PATCH`
    pub method: &'static str,
    pub url: String,
    /// The token is among them, so none prints.
    pub headers: Vec<(&'static str, SecretString)>,
    /// JSON.
    pub body: Option<String>,
}

/// What came back, up to [`super::ANSWER_LIMIT`] bytes of it.
#[derive(Clone)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Step {
    Ask(HttpRequest),
    Wait(Duration),
    Found(Vec<Observation>),
    /// All was asked. What is covered and was not found is not there.
    Done(Vec<Covered>),
    Failed(Failure),
}

/// Why a poll ended early. What it found before is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people; without secrets.
    pub reason: String,
    /// Asking again does not help until somebody changes something: a token that is refused, a board that is
    /// not there.
    pub permanent: bool,
    /// The tool wants to be left alone for so long.
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            permanent: true,
            retry_after: None,
        }
    }

    pub(crate) fn passing(reason: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self {
            reason: reason.into(),
            permanent: false,
            retry_after,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// One question of a poll.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// What is asked for, as the tool's file names it: `milestones`.
    pub(crate) name: &'static str,
    /// Of which repository, board, project.
    pub(crate) scope: String,
    /// What an earlier answer said that this one is read with.
    pub(crate) mark: String,
    /// Which page, from 1.
    pub(crate) page: u32,
    /// All pages are looked through once more.
    second: bool,
    pub(crate) url: Url,
    pub(crate) method: &'static str,
    pub(crate) body: Option<Value>,
    /// Asked once: whether it was done is not known where no answer came, and is not to be done twice.
    pub(crate) once: bool,
    pub(crate) missing: Missing,
}

/// What it means when the tool answers that there is no such thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The settings name something that is not there, or that the token may not see.
    Fails,
    /// It is read by the tool's file, as [`Reply::missing`]; also when the thing cannot do what is asked (400).
    Read,
}

impl Ask {
    /// A GET of `base`, with further parts of the path and a query.
    ///
    /// `base` is a setting that was checked to be an address.
    pub(crate) fn get(
        name: &'static str,
        base: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Option<Self> {
        let mut url = Url::parse(base).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Some(Self {
            name,
            scope: String::new(),
            mark: String::new(),
            page: 1,
            second: false,
            url,
            method: "GET",
            body: None,
            once: false,
            missing: Missing::Fails,
        })
    }

    pub(crate) fn post(name: &'static str, url: &str, body: Value) -> Option<Self> {
        Some(Self::get(name, url, &[], &[])?.sends("POST", body))
    }

    pub(crate) fn sends(mut self, method: &'static str, body: Value) -> Self {
        self.method = method;
        self.body = Some(body);
        self
    }

    pub(crate) fn of(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    pub(crate) fn marked(mut self, mark: &str) -> Self {
        mark.clone_into(&mut self.mark);
        self
    }

    /// The same question of GraphQL with another value of a variable.
    pub(crate) fn with_variable(&self, name: &str, value: &str) -> Option<Self> {
        let mut next = self.clone();
        let variables = next.body.as_mut()?.get_mut("variables")?.as_object_mut()?;
        variables.insert(name.to_owned(), Value::from(value));
        Some(next)
    }

    /// That there is no such thing is an answer, too.
    pub(crate) fn or_missing(mut self) -> Self {
        self.missing = Missing::Read;
        self
    }

    /// The same with another value of a parameter of the query.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut next = self.clone();
        let others: Vec<(String, String)> = self
            .url
            .query_pairs()
            .filter(|(n, _)| n != name)
            .map(|(n, v)| (n.into_owned(), v.into_owned()))
            .collect();
        next.url
            .query_pairs_mut()
            .clear()
            .extend_pairs(others)
            .append_pair(name, value);
        next
    }

    /// What a parameter of the query is.
    pub(crate) fn parameter<T: FromStr>(&self, name: &str) -> Option<T> {
        let mut pairs = self.url.query_pairs();
        let (_, value) = pairs.find(|(n, _)| n == name)?;
        value.parse().ok()
    }

    /// What is asked after this page, and whether that was all. Pages that are numbered shift while they
    /// are turned, when something before them goes or moves, and what shifts over their edge is not seen. So
    /// where there are several, all are looked through twice before anything counts as missing.
    pub(crate) fn turn(
        &self,
        parameter: &str,
        first: &str,
        next: &str,
        last: bool,
    ) -> (Vec<Ask>, bool) {
        if last && (self.page == 1 || self.second) {
            return (Vec::new(), true);
        }
        let mut turned = self.with(parameter, if last { first } else { next });
        turned.second = self.second || last;
        turned.page = if last { 1 } else { self.page + 1 };
        (vec![turned], false)
    }

    /// [`Ask::turn`] of a tool that numbers its pages in a parameter `page`.
    pub(crate) fn turn_page(&self, last: bool) -> (Vec<Ask>, bool) {
        self.turn("page", "1", &(self.page + 1).to_string(), last)
    }

    pub(super) fn request(&self, settings: &Settings, token: Option<&str>) -> HttpRequest {
        let adapter = settings.tool().adapter();
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("user-agent", "offshoot".to_owned()),
        ];
        if self.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        for (name, value) in token
            .into_iter()
            .flat_map(|t| adapter.authorize(settings, t))
        {
            headers.retain(|(other, _)| *other != name);
            headers.push((name, value));
        }
        HttpRequest {
            method: self.method,
            url: self.url.to_string(),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, SecretString::from(value)))
                .collect(),
            body: self.body.as_ref().map(Value::to_string),
        }
    }
}

/// An answer that is to be read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) body: Value,
    /// The tool answered that there is no such thing.
    pub(crate) missing: bool,
}

impl Reply {
    pub(crate) fn json(&self) -> Json<'_> {
        Json::new(&self.body)
    }

    /// The entries of a page, at a place that has to be an array.
    pub(crate) fn entries(&self, pointer: &str) -> Result<Vec<Json<'_>>, Problem> {
        match self.json().at(pointer).value() {
            Some(Value::Array(entries)) => Ok(entries.iter().map(Json::new).collect()),
            _ => {
                let place = if pointer.is_empty() {
                    "the top"
                } else {
                    pointer
                };
                Err(Problem::Broken(format!("it has no list at {place}")))
            }
        }
    }
}

/// What a list's entries say, each read by `read`: `None` where it is none of the integration's.
pub(crate) fn observed<'a>(
    entries: Vec<Json<'a>>,
    at: Timestamp,
    read: impl Fn(Json<'a>) -> Result<Option<Iteration>, String>,
) -> Result<Vec<Observation>, Problem> {
    let mut found = Vec::new();
    for entry in entries {
        let iteration =
            read(entry).map_err(|lacks| Problem::Broken(format!("an entry {lacks}")))?;
        found.extend(iteration.map(|mut iteration| {
            iteration.seen_at = iteration.updated_at.max(at);
            Observation::Seen(iteration)
        }));
    }
    Ok(found)
}

/// All of a scope were listed.
pub(crate) fn all_of(prefix: &str, scope: &str) -> Covered {
    Covered {
        prefix: prefix.to_owned(),
        scope_id: Some(scope.to_owned()),
        absent: IterationState::Deleted,
    }
}

/// All open ones of a scope were listed.
pub(crate) fn open_of(prefix: &str, scope: &str) -> Covered {
    Covered {
        absent: IterationState::Ended,
        ..all_of(prefix, scope)
    }
}

/// What was read of an answer.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) found: Vec<Observation>,
    /// Asked next, before what was to be asked before.
    pub(crate) next: Vec<Ask>,
    /// What is complete with this page.
    pub(crate) covered: Option<Covered>,
}

/// Why an answer was not read.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It is not what the tool is known to answer. Asked again: it may be a proxy's.
    Broken(String),
    /// The tool refuses, and will again.
    Refused(String),
    /// Too many requests, said in a body.
    Limited,
}
