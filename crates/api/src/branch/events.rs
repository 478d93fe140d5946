//! The branch's states as they come: an event stream (SSE).
//!
//! Every event holds the whole state, so a client that comes back has missed nothing that still
//! holds. Its id is a digest of its data: with `Last-Event-ID` the stream begins with the first
//! state that differs from what the client has seen.

use crate::access;
use crate::answer::Failure;
use crate::limit::Limits;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use offshoot_api_types::{BranchEvent, WorkflowEvent};
use offshoot_control::branch::{self, Sight, Watch};
use offshoot_control::locate;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A comment keeps proxies from taking the stream for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A stream ends then, and the client comes back: so a token that was deleted does not watch for ever.
const LONGEST: Duration = Duration::from_secs(600);

struct Stage {
    watch: Watch,
    branch: String,
    seen: Option<String>,
    over: bool,
    until: Instant,
    ending: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

/// The branch's states as they come; ends when the branch is gone.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/events", tag = "Branches", operation_id = "watch_branch",
    params(("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that the client has seen")),
    responses((status = 200, description = "Events `branch`, and at last `deleted` or `failed`, each with a BranchEvent as its data", body = BranchEvent, content_type = "text/event-stream"))
)]
pub(crate) async fn events(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Extension(limits): Extension<Limits>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::READ_BRANCH,
    )
    .await?;
    let last = headers.get("last-event-id");
    let stage = Stage {
        watch: branch::watch(control, &at),
        branch: at.branch().id.to_string(),
        seen: last.and_then(|id| id.to_str().ok()).map(str::to_owned),
        over: false,
        until: Instant::now() + LONGEST,
        ending: state.ending.clone(),
        _slot: limits.stream()?,
    };
    let events = futures_util::stream::unfold(stage, next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// `None` ends the stream.
async fn next(mut stage: Stage) -> Option<(Result<Event, Infallible>, Stage)> {
    loop {
        if stage.over {
            return None;
        }
        let sight = tokio::select! {
            () = stage.ending.cancelled() => return None,
            () = tokio::time::sleep_until(stage.until) => return None,
            sight = stage.watch.next() => sight.ok()?,
        };
        stage.over = !matches!(*sight, Sight::There(_));
        let (name, shape) = shape(&stage.branch, &sight);
        let data = serde_json::to_string(&shape).ok()?;
        let id = digest(&data);
        if stage.seen.as_ref() != Some(&id) {
            stage.seen = Some(id.clone());
            let event = Event::default().event(name).id(id).data(data);
            return Some((Ok(event), stage));
        }
    }
}

fn shape(branch: &str, sight: &Sight) -> (&'static str, BranchEvent) {
    let gone = |failure| BranchEvent {
        id: branch.to_owned(),
        name: String::new(),
        state: None,
        ready: false,
        failure,
        workflows: Vec::new(),
    };
    match sight {
        Sight::Gone => ("deleted", gone(None)),
        Sight::Failed(why) => ("failed", gone(Some(why.clone()))),
        Sight::There(there) => (
            "branch",
            BranchEvent {
                id: branch.to_owned(),
                name: there.name.clone(),
                state: Some(there.state.into()),
                ready: there.ready,
                failure: there.failure.clone(),
                workflows: there
                    .workflows
                    .iter()
                    .map(|w| WorkflowEvent {
                        kind: w.kind.clone(),
                        step: w.step.to_owned(),
                        attempts: w.attempts,
                        error: w.error.clone(),
                    })
                    .collect(),
            },
        ),
    }
}

fn digest(data: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(data).into();
    digest[..8].iter().map(|b| format!("{b:02x}")).collect()
}
