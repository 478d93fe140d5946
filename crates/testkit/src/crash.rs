//! The crash harness. Whatever a scenario does is done again and again on a fresh world: every step
//! twice; with each port call failing, for a while and for good; with the process dying after each
//! effect and after each commit. Each time the world is brought to rest by a new process, and the
//! scenario checks that what was acknowledged is there, and that nothing is left over.

use crate::fake::{Fault, World};
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;

/// Something to be broken in every way.
#[async_trait]
pub trait Scenario: Sync {
    /// A process on the world and on the database below the directory.
    type App: Send + Sync;

    fn world(&self) -> World;

    /// Starts a process.
    async fn open(&self, world: &World, dir: &Path) -> Self::App;

    /// What is there before anything breaks.
    async fn prepare(&self, app: &Self::App, world: &World);

    /// The operation. `Ok`: it was acknowledged.
    async fn act(&self, app: &Self::App, world: &World) -> Result<(), String>;

    /// Runs the process until it is quiet or dead; time passes as it needs.
    async fn settle(&self, app: &Self::App);

    /// What must hold at rest.
    async fn check(&self, app: &Self::App, world: &World, outcome: Outcome) -> Result<(), String>;

    /// Ends the process's connections.
    async fn close(&self, app: Self::App);

    fn commits(&self, app: &Self::App) -> u64;

    /// The process dies right after that many more commits.
    fn kill_after(&self, app: &Self::App, commits: u32);

    /// Ends the process's life when called.
    fn killer(&self, app: &Self::App) -> Arc<dyn Fn() + Send + Sync>;

    fn dead(&self, app: &Self::App) -> bool;

    /// Every step is done twice from now on.
    fn double(&self, app: &Self::App);
}

/// What the scenario's check may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The operation was acknowledged.
    pub acknowledged: bool,
    /// Something failed for good: an undone operation is as right as a finished one.
    pub fatal: bool,
}

#[derive(Clone, Copy, Debug)]
enum Breakage {
    None,
    Twice,
    Transient(u64),
    Fatal(u64),
    Death(u64),
    Commit(u32),
}

/// Runs a scenario with every breakage. Panics with the breakage and what it led to.
pub async fn survives<S: Scenario>(scenario: &S) {
    let (calls, commits) = run(scenario, Breakage::None).await;
    assert!(commits > 0, "the scenario commits nothing");
    run(scenario, Breakage::Twice).await;
    for n in 1..=calls {
        run(scenario, Breakage::Transient(n)).await;
        run(scenario, Breakage::Fatal(n)).await;
        run(scenario, Breakage::Death(n)).await;
    }
    for n in 1..=u32::try_from(commits).unwrap_or(u32::MAX) {
        run(scenario, Breakage::Commit(n)).await;
    }
}

/// One run. Returns the port calls and commits between the operation's beginning and rest.
async fn run<S: Scenario>(scenario: &S, breakage: Breakage) -> (u64, u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let world = scenario.world();
    let app = scenario.open(&world, dir.path()).await;
    scenario.prepare(&app, &world).await;
    let (calls, commits) = (world.calls(), scenario.commits(&app));
    match breakage {
        Breakage::None => {}
        Breakage::Twice => scenario.double(&app),
        Breakage::Transient(n) => world.fail(n, Fault::Transient),
        Breakage::Fatal(n) => world.fail(n, Fault::Fatal),
        Breakage::Death(n) => world.fail(n, Fault::Death(scenario.killer(&app))),
        Breakage::Commit(n) => scenario.kill_after(&app, n),
    }
    let acted = scenario.act(&app, &world).await;
    scenario.settle(&app).await;
    let counts = (world.calls() - calls, scenario.commits(&app) - commits);
    world.mend();
    let app = if scenario.dead(&app) {
        scenario.close(app).await;
        let next = scenario.open(&world, dir.path()).await;
        scenario.settle(&next).await;
        next
    } else {
        app
    };
    let outcome = Outcome {
        acknowledged: acted.is_ok(),
        fatal: matches!(breakage, Breakage::Fatal(_)),
    };
    let checked = scenario.check(&app, &world, outcome).await;
    let violations = world.violations();
    let call = match breakage {
        Breakage::Transient(n) | Breakage::Fatal(n) | Breakage::Death(n) => world.call(calls + n),
        _ => "",
    };
    assert!(
        checked.is_ok() && violations.is_empty(),
        "{breakage:?} {call}: {outcome:?} {acted:?}: {checked:?}, violations {violations:?}"
    );
    scenario.close(app).await;
    counts
}
