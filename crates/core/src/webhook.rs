//! Webhooks: who is told over HTTP what happens to a database, and how a delivery to them goes on.
//! Event names and the shape of webhooks are PlanetScale's; events of our own follow them.

use crate::id::{DatabaseId, EventId, WebhookDeliveryId, WebhookId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Most webhooks of one database. Source: PlanetScale's limit.
pub const MAX_PER_DATABASE: u64 = 5;
/// Tries of one delivery, the first included: about eight hours.
pub const TRIES: u32 = 16;
/// Failures in a row after which a webhook is switched off: about a day and a half.
pub const FAILURES: u32 = 45;

/// Pause of a delivery after its first failure, doubling up to [`LONGEST`].
const DELIVERY_PAUSE: Duration = Duration::from_secs(10);
/// Pause of the whole webhook, half as long: one event that a receiver cannot take does not hold up the
/// others for long, and a receiver that is away is not asked for each of them.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3_600);

macro_rules! events {
    ($($name:literal $sent:literal $what:literal;)+) => {
        /// Every event that a webhook may ask for: name, whether it ever happens here, and when.
        pub const EVENTS: &[(&str, bool, &str)] = &[$(($name, $sent, $what)),+];
    };
}

events! {
    "branch.ready" true "a branch was made, or reset, and takes connections";
    "branch.sleeping" true "a branch has gone to sleep";
    "branch.created" true "somebody, or a rule, asked for a branch";
    "branch.failed" true "a branch could not be made";
    "branch.reset" true "a branch starts again from its parent";
    "branch.promoted" true "a branch became a production branch";
    "branch.demoted" true "a production branch became a development branch";
    "branch.deleted" true "a branch is being deleted";
    "cluster.storage" true "a branch nears its disk quota, or is over it";
    "backup.created" true "a backup is begun";
    "backup.succeeded" true "a backup is made and verified";
    "backup.failed" true "a backup could not be made";
    "backup.deleted" true "a backup was deleted, or its time was over";
    "drill.succeeded" true "a backup was restored for proof, and is what it was";
    "drill.failed" true "a backup was restored for proof, and is not what it was";
    "iteration.planned" true "a sprint, or pull request, that a rule of the database means is known";
    "iteration.started" true "it began";
    "iteration.renamed" true "it has another name";
    "iteration.rescheduled" true "its dates moved";
    "iteration.ended" true "it is over";
    "iteration.reopened" true "it goes on after it was over";
    "iteration.deleted" true "its tool does not have it any more";
    "automation.created" true "a rule was made";
    "automation.updated" true "a rule was changed";
    "automation.deleted" true "a rule was deleted";
    "automation.branch_made" true "the branch of an iteration is ready";
    "automation.branch_ended" true "what a rule says for the end of an iteration was done";
    "automation.branch_held" true "the branch of an iteration is to be deleted, and something speaks against it";
    "automation.branch_deleted" true "a rule deleted the branch of an iteration";
    "automation.branch_gone" true "somebody deleted the branch of an iteration";
    "automation.branch_failed" true "the branch of an iteration could not be made; it is tried again";
    "credential.delivered" true "a credential has arrived, or its link was opened";
    "credential.failed" true "a credential did not arrive; it is sent again";
    "credential.expired" true "nobody fetched a credential in its time";
    "webhook.test" true "somebody asked for a test";
    "branch.anomaly" false "";
    "branch.out_of_memory" false "";
    "branch.primary_promoted" false "";
    "branch.schema_recommendation" false "";
    "branch.start_maintenance" false "";
    "database.access_request" false "";
    "deploy_request.closed" false "";
    "deploy_request.errored" false "";
    "deploy_request.in_progress" false "";
    "deploy_request.opened" false "";
    "deploy_request.pending_cutover" false "";
    "deploy_request.queued" false "";
    "deploy_request.reverted" false "";
    "deploy_request.schema_applied" false "";
    "keyspace.storage" false "";
}

/// One of [`EVENTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(&'static str);

impl EventName {
    pub const TEST: EventName = EventName("webhook.test");
    pub const READY: EventName = EventName("branch.ready");
    pub const SLEEPING: EventName = EventName("branch.sleeping");

    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// All that happen here: what a webhook gets that does not say what it wants.
    pub fn all_sent() -> Vec<EventName> {
        let sent = EVENTS.iter().filter(|(_, sent, _)| *sent);
        sent.map(|(name, ..)| EventName(name)).collect()
    }

    /// The event that an action of the audit log is; `None` = none.
    pub fn of_action(action: &str) -> Option<EventName> {
        match action {
            "branch.quota_neared" | "branch.quota_exceeded" => Some(EventName("cluster.storage")),
            // These are sent when they are true, not when somebody asked for them.
            "branch.ready" | "branch.sleeping" | "webhook.test" => None,
            other => other.parse().ok().filter(|name: &EventName| name.sent()),
        }
    }

    fn sent(self) -> bool {
        EVENTS
            .iter()
            .any(|(name, sent, _)| *name == self.0 && *sent)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no event {0:?}; there are {all}", all = all())]
pub struct UnknownEvent(pub String);

fn all() -> String {
    let names: Vec<_> = EventName::all_sent().iter().map(|n| n.0).collect();
    names.join(", ")
}

impl FromStr for EventName {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let found = EVENTS.iter().find(|(name, ..)| *name == text);
        found
            .map(|(name, ..)| EventName(name))
            .ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

impl Serialize for EventName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for EventName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Someone who is told what happens to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub database_id: DatabaseId,
    /// `https://…`, or `http://…` where the configuration allows the address.
    pub url: String,
    pub enabled: bool,
    pub events: Vec<EventName>,
    /// Why it was switched off by itself.
    pub disabled_reason: Option<String>,
    /// In a row.
    pub failures: u32,
    /// Nothing but tests is sent before.
    pub retry_at: Option<Timestamp>,
    pub last: Option<LastSent>,
    /// Display name of who made it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The last try of any delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSent {
    pub at: Timestamp,
    pub success: bool,
    /// `200`, or why there was no good answer.
    pub result: String,
}

/// Something that happened to a database, in the commit that made it happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The delivery to each webhook has an id made of this and the webhook's.
    pub id: EventId,
    pub event: EventName,
    pub database_id: DatabaseId,
    /// What it happened to: `Branch`, `Backup`, `Drill`, `Iteration`, `Automation`, `Webhook`.
    pub subject_type: &'static str,
    pub subject_id: String,
    /// Its name then.
    pub subject: String,
    pub at: Timestamp,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendState {
    /// It is sent, or sent again.
    Pending,
    /// The receiver took it (2xx).
    Delivered,
    /// It was given up after [`TRIES`].
    Failed,
}

impl SendState {
    pub const ALL: [SendState; 3] = [SendState::Pending, SendState::Delivered, SendState::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            SendState::Pending => "pending",
            SendState::Delivered => "delivered",
            SendState::Failed => "failed",
        }
    }
}

impl fmt::Display for SendState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a delivery is pending, delivered or failed")]
pub struct InvalidSendState;

impl FromStr for SendState {
    type Err = InvalidSendState;

    fn from_str(text: &str) -> Result<Self, InvalidSendState> {
        let mut all = Self::ALL.into_iter();
        all.find(|s| s.as_str() == text).ok_or(InvalidSendState)
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Receivers know it, too: the same event comes twice under the same id.
    pub id: WebhookDeliveryId,
    pub webhook_id: WebhookId,
    pub event: EventName,
    pub subject_type: String,
    pub subject_id: String,
    pub subject: String,
    /// What is sent, from the first try on.
    pub body: Option<String>,
    pub state: SendState,
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    /// Of the last try: HTTP status, and how long it took.
    pub status: Option<u16>,
    pub took: Option<Duration>,
    /// Why the last try failed.
    pub failure: Option<String>,
    pub tried_at: Option<Timestamp>,
    pub happened_at: Timestamp,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub at: Timestamp,
    pub took: Duration,
    /// `None` = no answer.
    pub status: Option<u16>,
    /// `None` = it was taken.
    pub failure: Option<String>,
}

/// How a delivery and its webhook go on after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterTry {
    pub state: SendState,
    pub attempts: u32,
    /// Of the delivery.
    pub retry_at: Option<Timestamp>,
    /// Of the webhook, in a row.
    pub failures: u32,
    /// Of the webhook.
    pub pause_until: Option<Timestamp>,
    /// The webhook is switched off, for this reason.
    pub disable: Option<String>,
}

/// A test is tried once, and its failure counts for nothing; its success ends a pause.
pub fn plan_after_try(webhook: &Webhook, delivery: &WebhookDelivery, tried: &Tried) -> AfterTry {
    let attempts = delivery.attempts.saturating_add(1);
    let Some(failure) = &tried.failure else {
        return AfterTry {
            state: SendState::Delivered,
            attempts,
            retry_at: None,
            failures: 0,
            pause_until: None,
            disable: None,
        };
    };
    if delivery.event == EventName::TEST {
        return AfterTry {
            state: SendState::Failed,
            attempts,
            retry_at: None,
            failures: webhook.failures,
            pause_until: webhook.retry_at,
            disable: None,
        };
    }
    let failures = webhook.failures.saturating_add(1);
    let later = |first: Duration, n: u32| tried.at.checked_add(doubled(first, n)).ok();
    let over = attempts >= TRIES;
    AfterTry {
        state: match over {
            true => SendState::Failed,
            false => SendState::Pending,
        },
        attempts,
        retry_at: later(DELIVERY_PAUSE, attempts).filter(|_| !over),
        failures,
        pause_until: later(PAUSE, failures),
        disable: (failures >= FAILURES).then(|| {
            format!(
                "{failures} tries in a row failed, the last at {}: {failure}",
                tried.at
            )
        }),
    }
}

/// `first` after the first failure, twice as long after each further one.
fn doubled(first: Duration, failures: u32) -> Duration {
    let times = 1u32 << failures.saturating_sub(1).min(16);
    first.saturating_mul(times).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn webhook(failures: u32) -> Webhook {
        Webhook {
            id: "aaaaaaaaaaaa".parse().unwrap(),
            database_id: "bbbbbbbbbbbb".parse().unwrap(),
            url: "https://hooks.example.com/x".to_owned(),
            enabled: true,
            events: EventName::all_sent(),
            disabled_reason: None,
            failures,
            retry_at: Some(at(7)),
            last: None,
            actor: "me".to_owned(),
            created_at: at(1),
            updated_at: at(1),
        }
    }

    fn delivery(event: EventName, attempts: u32) -> WebhookDelivery {
        WebhookDelivery {
            id: "cccccccccccc".parse().unwrap(),
            webhook_id: "aaaaaaaaaaaa".parse().unwrap(),
            event,
            subject_type: "Branch".to_owned(),
            subject_id: "dddddddddddd".to_owned(),
            subject: "one".to_owned(),
            body: None,
            state: SendState::Pending,
            attempts,
            retry_at: None,
            status: None,
            took: None,
            failure: None,
            tried_at: None,
            happened_at: at(1),
        }
    }

    fn tried(failure: Option<&str>) -> Tried {
        Tried {
            at: at(1_000),
            took: Duration::from_millis(3),
            status: Some(500),
            failure: failure.map(str::to_owned),
        }
    }

    #[test]
    fn what_fails_is_tried_again_later_and_later_and_then_no_more() {
        // (attempts, failures in a row) before; pause of the delivery, of the webhook; state; switched off.
        let table = [
            (0, 0, Some(10), 5, SendState::Pending, false),
            (1, 1, Some(20), 10, SendState::Pending, false),
            (2, 0, Some(40), 5, SendState::Pending, false),
            (9, 9, Some(3_600), 2_560, SendState::Pending, false),
            (TRIES - 2, 30, Some(3_600), 3_600, SendState::Pending, false),
            (TRIES - 1, 30, None, 3_600, SendState::Failed, false),
            (3, FAILURES - 2, Some(80), 3_600, SendState::Pending, false),
            (3, FAILURES - 1, Some(80), 3_600, SendState::Pending, true),
        ];
        for (attempts, failures, own, whole, state, off) in table {
            let delivery = delivery(EventName::READY, attempts);
            let after = plan_after_try(&webhook(failures), &delivery, &tried(Some("status 500")));
            let case = format!("{attempts} {failures}: {after:?}");
            assert_eq!(after.retry_at, own.map(|s| at(1_000 + s)), "{case}");
            assert_eq!(after.pause_until, Some(at(1_000 + whole)), "{case}");
            assert_eq!(
                (after.state, after.attempts),
                (state, attempts + 1),
                "{case}"
            );
            assert_eq!(after.failures, failures + 1, "{case}");
            assert_eq!(after.disable.is_some(), off, "{case}");
            assert!(after.disable.is_none_or(|why| why.contains("status 500")));
        }
    }

    #[test]
    fn what_arrives_ends_all_waiting() {
        for event in [EventName::READY, EventName::TEST] {
            let after = plan_after_try(&webhook(30), &delivery(event, 4), &tried(None));
            assert_eq!(after.state, SendState::Delivered);
            assert_eq!((after.failures, after.pause_until), (0, None));
            assert_eq!((after.attempts, after.disable), (5, None));
        }
    }

    #[test]
    fn a_test_that_fails_counts_for_nothing() {
        let delivery = delivery(EventName::TEST, 0);
        let after = plan_after_try(&webhook(FAILURES - 1), &delivery, &tried(Some("no")));
        assert_eq!((after.state, after.retry_at), (SendState::Failed, None));
        assert_eq!(after.failures, FAILURES - 1);
        assert_eq!((after.pause_until, after.disable), (Some(at(7)), None));
    }

    #[test]
    fn actions_that_are_events_are_known() {
        for (action, event) in [
            ("branch.created", Some("branch.created")),
            ("branch.quota_exceeded", Some("cluster.storage")),
            ("drill.failed", Some("drill.failed")),
            ("drill.aborted", None),
            ("branch.ready", None),
            ("webhook.test", None),
            ("deploy_request.opened", None),
            ("password.created", None),
        ] {
            let found = EventName::of_action(action).map(EventName::as_str);
            assert_eq!(found, event, "{action}");
        }
        let error = "branch.redy".parse::<EventName>().unwrap_err().to_string();
        assert!(
            error.contains("branch.redy") && error.contains("branch.ready"),
            "{error}"
        );
        for name in [EventName::TEST, EventName::READY, EventName::SLEEPING] {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
    }
}
