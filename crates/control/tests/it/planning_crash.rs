//! A sprint is planned, or ends, through the crash harness.

use crate::planning::{connect, event, known, send};
use crate::setup::{App, ENGINE, settings};
use async_trait::async_trait;
use offshoot_control::caller::Caller;
use offshoot_control::iteration::{self, IterationFilter};
use offshoot_control::page::Page;
use offshoot_control::password::{self, PasswordFilter};
use offshoot_control::{handover, locate};
use offshoot_core::automation::BindingState;
use offshoot_core::handover::HandoverState;
use offshoot_core::refusal::Refusal;
use offshoot_testkit::crash::{Outcome, Scenario, survives};
use offshoot_testkit::fake::{TestClock, World};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Planned,
    Ended,
    /// The time of its credentials is nearly over.
    Rotated,
    /// A credential is asked for again.
    Resent,
}

/// After so long the credentials of a sprint have successors.
const LATE: Duration = Duration::from_secs(9 * 86_400);

struct Sprint {
    what: What,
    /// The caller of the first process is used in the next ones too.
    roots: Mutex<Vec<(PathBuf, Caller)>>,
}

impl Sprint {
    fn new(what: What) -> Self {
        Self {
            what,
            roots: Mutex::default(),
        }
    }
}

#[async_trait]
impl Scenario for Sprint {
    type App = App;

    fn world(&self) -> World {
        let world = World::new(ENGINE);
        world.answers(&[(200, "")]);
        world
    }

    async fn open(&self, world: &World, dir: &Path) -> App {
        let clock = Arc::new(TestClock::default());
        // A later process has a later clock.
        clock.advance(std::time::Duration::from_secs(world.calls() * 100));
        let mut app = App::open(world, dir, clock, settings()).await;
        let mut roots = self.roots.lock().unwrap();
        match &app.root {
            Some(root) => roots.push((dir.to_owned(), root.clone())),
            None => {
                if self.what == What::Rotated {
                    app.clock.advance(LATE);
                }
                let known = roots.iter().find(|(path, _)| path == dir);
                app.root = known.map(|(_, caller)| caller.clone());
            }
        }
        app
    }

    async fn prepare(&self, app: &App, _: &World) {
        app.shop().await;
        app.create("one", None).await;
        app.settle().await;
        let mut rule = json!({
            "branch": {"name": "{{ iteration.name | slug }}"},
            "on": {"ended": "delete"},
        });
        if self.what != What::Ended {
            rule["credentials"] = json!({
                "file": {"ttl": "10d", "deliver": {"file": {}}},
                "hook": {"ttl": "10d", "deliver": {"webhook": {"url": "https://ci.example.com/x"}}},
            });
        }
        connect(app, rule).await;
        app.control.settle(1).await;
        if self.what != What::Planned {
            send(app, &event(1, "Sprint 1", "planned", 1))
                .await
                .unwrap();
            app.settle().await;
        }
    }

    async fn act(&self, app: &App, _: &World) -> Result<(), String> {
        let event = match self.what {
            What::Planned => event(1, "Sprint 1", "planned", 1),
            What::Ended => event(1, "Sprint 1", "ended", 2_000_000),
            What::Rotated => {
                app.clock.advance(LATE);
                return Ok(());
            }
            What::Resent => return resent(app).await.map_err(|e| e.to_string()),
        };
        send(app, &event).await.map(drop).map_err(|e| e.to_string())
    }

    async fn settle(&self, app: &App) {
        app.settle().await;
        // What was put off for longer.
        if !app.store.faults().dead() {
            app.clock.advance(std::time::Duration::from_secs(3_700));
            app.settle().await;
        }
    }

    async fn check(&self, app: &App, world: &World, outcome: Outcome) -> Result<(), String> {
        app.whole().await?;
        let known = known(app).await;
        let bindings: Vec<_> = known.iter().flat_map(|i| &i.bindings).collect();
        let there = locate::branch(
            &app.control,
            app.caller(),
            "default",
            "shop",
            "sprint-1",
            &[],
        );
        let there = there.await.is_ok();
        let state = bindings.first().map(|b| b.detail.binding.state);
        match self.what {
            What::Planned => {
                if !outcome.acknowledged && known.is_empty() {
                    return Ok(());
                }
                if bindings.len() != 1 || state != Some(BindingState::Made) || !there {
                    return Err(format!("{there} {known:#?}"));
                }
                let handovers = &bindings[0].handovers;
                let arrived = handovers
                    .iter()
                    .filter(|h| h.handover.state == HandoverState::Delivered);
                if arrived.count() != 2 || handovers.len() != 2 {
                    return Err(format!("{handovers:#?}"));
                }
                // Twice at most in clear, under one id.
                let sent = world.sent();
                let ids: std::collections::BTreeSet<_> =
                    sent.iter().filter_map(|s| s.header("webhook-id")).collect();
                match (world.credential_files().len(), ids.len()) {
                    (1, 1) => Ok(()),
                    // A branch that failed for good is made again, with credentials of its own.
                    (1, 2) if outcome.fatal => Ok(()),
                    other => Err(format!("{other:?} {sent:#?}")),
                }
            }
            What::Ended => match (outcome.acknowledged, state, there) {
                (_, Some(BindingState::Deleted), false) => Ok(()),
                (false, Some(BindingState::Made), true) => Ok(()),
                other => Err(format!("{other:?} {bindings:#?}")),
            },
            What::Rotated | What::Resent => {
                let mut all: Vec<_> = bindings[0].handovers.iter().map(|h| &h.handover).collect();
                if let Some(left) = all.iter().find(|h| h.state != HandoverState::Delivered) {
                    return Err(format!("not delivered: {left:#?}"));
                }
                all.sort_by(|a, b| {
                    (&a.credential, a.generation).cmp(&(&b.credential, b.generation))
                });
                let made: Vec<_> = all.iter().map(|h| (&*h.credential, h.generation)).collect();
                let (before, both) = (
                    [("file", 1), ("hook", 1)],
                    [("file", 1), ("file", 2), ("hook", 1), ("hook", 2)],
                );
                let again = [("file", 1), ("hook", 1), ("hook", 2)];
                match (self.what, outcome.acknowledged, &made[..]) {
                    (What::Rotated, _, made) if made == both => {}
                    (What::Resent, _, made) if made == again => {}
                    (What::Resent, false, made) if made == before => {}
                    other => return Err(format!("{other:?}")),
                }
                // As many passwords as were delivered.
                let mut session = app.store.read().await.map_err(|e| e.to_string())?;
                for handover in &all {
                    let id = handover.password_id;
                    let branch = bindings[0].detail.binding.branch_id;
                    let found = session.password(branch, id.as_str()).await.unwrap();
                    found.ok_or_else(|| format!("no password: {handover:#?}"))?;
                }
                let at = app.at("sprint-1").await;
                let filter = PasswordFilter::default();
                let listed = password::list(&app.control, &at, &filter, Page::default()).await;
                let total = listed.map_err(|e| e.to_string())?.total;
                match total == all.len() as u64 {
                    true => Ok(()),
                    false => Err(format!("{total} passwords of {}", all.len())),
                }
            }
        }
    }

    async fn close(&self, app: App) {
        app.store.close().await;
    }

    fn commits(&self, app: &App) -> u64 {
        app.store.faults().commits()
    }

    fn kill_after(&self, app: &App, commits: u32) {
        app.store.faults().kill_after(commits);
    }

    fn killer(&self, app: &App) -> Arc<dyn Fn() + Send + Sync> {
        let store = app.store.clone();
        Arc::new(move || store.faults().kill())
    }

    fn dead(&self, app: &App) -> bool {
        app.store.faults().dead()
    }

    fn double(&self, app: &App) {
        app.control.double_steps();
    }
}

async fn resent(app: &App) -> Result<(), Refusal> {
    let at = locate::organization(&app.control, app.caller(), "default", &[]).await?;
    let filter = IterationFilter::default();
    let all = iteration::list(&app.control, &at, &filter, Page::default()).await?;
    let one = &all.items[0];
    let mut handovers = one.bindings[0].handovers.iter();
    let hook = handovers.find(|h| h.handover.credential == "hook").unwrap();
    let (iteration, id) = (one.known.id.to_string(), hook.handover.id.to_string());
    handover::resend(&app.control, &at, &iteration, &id)
        .await
        .map(drop)
}

#[tokio::test]
async fn credentials_whose_time_is_nearly_over() {
    survives(&Sprint::new(What::Rotated)).await;
}

#[tokio::test]
async fn a_credential_that_is_asked_for_again() {
    survives(&Sprint::new(What::Resent)).await;
}

#[tokio::test]
async fn a_sprint_that_is_planned() {
    survives(&Sprint::new(What::Planned)).await;
}

#[tokio::test]
async fn a_sprint_that_ends() {
    survives(&Sprint::new(What::Ended)).await;
}
