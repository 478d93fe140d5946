//! A sprint is planned, or ends, through the crash harness.

use crate::planning::{connect, event, known, send};
use crate::setup::{App, ENGINE, settings};
use async_trait::async_trait;
use offshoot_control::caller::Caller;
use offshoot_control::locate;
use offshoot_core::automation::BindingState;
use offshoot_core::handover::HandoverState;
use offshoot_testkit::crash::{Outcome, Scenario, survives};
use offshoot_testkit::fake::{TestClock, World};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Planned,
    Ended,
}

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
        if self.what == What::Planned {
            rule["credentials"] = json!({
                "file": {"deliver": {"file": {}}},
                "hook": {"deliver": {"webhook": {"url": "https://ci.example.com/x"}}},
            });
        }
        connect(app, rule).await;
        app.control.settle(1).await;
        if self.what == What::Ended {
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

#[tokio::test]
async fn a_sprint_that_is_planned() {
    survives(&Sprint::new(What::Planned)).await;
}

#[tokio::test]
async fn a_sprint_that_ends() {
    survives(&Sprint::new(What::Ended)).await;
}
