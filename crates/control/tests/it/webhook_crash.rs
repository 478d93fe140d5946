//! Events through the crash harness: killed between the commit and the request they are sent by the next
//! process; killed between the request and the note of it they are sent twice under one id.

use crate::setup::{App, ENGINE, settings};
use crate::webhooks::{listen, sent};
use async_trait::async_trait;
use offshoot_control::branch;
use offshoot_control::caller::Caller;
use offshoot_control::locate;
use offshoot_control::once::Once;
use offshoot_testkit::crash::{Outcome, Scenario, survives};
use offshoot_testkit::fake::{Sent, TestClock, World};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Told {
    /// The caller of the first process is used in the next ones too.
    roots: Mutex<Vec<(PathBuf, Caller)>>,
}

/// The ids under which each event was sent.
fn told(sent: &[Sent]) -> BTreeMap<String, BTreeSet<String>> {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sent in sent {
        let event = sent.header("x-offshoot-event").unwrap().to_owned();
        let id = sent.header("x-offshoot-delivery").unwrap().to_owned();
        told.entry(event).or_default().insert(id);
    }
    told
}

#[async_trait]
impl Scenario for Told {
    type App = App;

    fn world(&self) -> World {
        let world = World::new(ENGINE);
        world.answers(&[(200, "")]);
        world
    }

    async fn open(&self, world: &World, dir: &Path) -> App {
        let clock = Arc::new(TestClock::default());
        // A later process has a later clock.
        clock.advance(Duration::from_secs(world.calls() * 100));
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
        listen(app, &["branch.created", "branch.ready", "branch.failed"]).await;
        app.settle().await;
    }

    async fn act(&self, app: &App, _: &World) -> Result<(), String> {
        let new = crate::setup::new_branch("two", None);
        let at = app.database().await;
        let made = branch::create(&app.control, &at, new, &Once::unnamed()).await;
        made.map(drop).map_err(|e| e.to_string())
    }

    async fn settle(&self, app: &App) {
        app.settle().await;
        // What was put off for longer.
        if !app.store.faults().dead() {
            app.clock.advance(Duration::from_secs(3_700));
            app.settle().await;
        }
    }

    async fn check(&self, app: &App, _: &World, outcome: Outcome) -> Result<(), String> {
        app.whole().await?;
        let all = sent(app);
        let told = told(&all);
        if let Some((event, ids)) = told.iter().find(|(_, ids)| ids.len() != 1) {
            return Err(format!("{event} under {ids:?}"));
        }
        for sent in &all {
            let id = sent.header("x-offshoot-delivery");
            let others = all.iter().filter(|s| s.header("x-offshoot-delivery") == id);
            if others.clone().any(|s| s.body != sent.body) || others.count() > 2 {
                return Err(format!("{all:#?}"));
            }
        }
        let (control, caller) = (&app.control, app.caller());
        let there = locate::branch(control, caller, "default", "shop", "two", &[]).await;
        let names: Vec<&str> = told.keys().map(String::as_str).collect();
        let expected: &[&str] = match (there.is_ok(), outcome.fatal) {
            (true, _) => &["branch.created", "branch.ready"],
            (false, true) if outcome.acknowledged => &["branch.created", "branch.failed"],
            (false, _) if !outcome.acknowledged && names.is_empty() => &[],
            (false, _) => return Err(format!("{outcome:?} {names:?}")),
        };
        match names == expected {
            true => Ok(()),
            false => Err(format!("{names:?}, not {expected:?}")),
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
async fn events_of_a_branch() {
    survives(&Told::default()).await;
}
