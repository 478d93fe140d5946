//! Sessions that run what is queued.

use super::How;
use super::problem::Problem;
use super::queue::{Batch, queue};
use super::reader;
use super::report::Watch;
use super::session::{Error, Session};
use super::source::{Dump, Script};
use crate::failure::Failure;
use crate::tunnel::Tunnel;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Rows are committed after so many bytes: few flushes, and a rollback that stays short.
const COMMIT_EVERY: usize = 16 << 20;
/// Where the engine does not say how long a statement may be.
const LONGEST: usize = 64 << 20;

/// Loads the whole dump, or up to the first problem.
pub(crate) async fn load(
    tunnel: &Tunnel,
    dump: &Dump,
    how: &How,
    watch: &Arc<Watch>,
) -> Result<(), Failure> {
    for group in &dump.groups {
        let todo: VecDeque<Script> = group.iter().cloned().collect();
        let sessions = how.sessions.min(todo.len());
        let todo = Arc::new(Mutex::new(todo));
        let mut tasks = JoinSet::new();
        for _ in 0..sessions {
            let session = Session::open(tunnel).await?;
            let (how, watch, todo) = (how.clone(), Arc::clone(watch), Arc::clone(&todo));
            tasks.spawn(async move { work(session, &how, &watch, &todo).await });
        }
        while let Some(ended) = tasks.join_next().await {
            // The others end when the set is dropped.
            ended.map_err(|error| Failure::Local(error.to_string()))??;
        }
    }
    Ok(())
}

/// One session takes scripts until there are none.
async fn work(
    mut session: Session,
    how: &How,
    watch: &Arc<Watch>,
    todo: &Mutex<VecDeque<Script>>,
) -> Result<(), Failure> {
    let asked = session.say(b"SELECT @@max_allowed_packet").await;
    let limit = asked.ok().flatten().and_then(|n| String::from_utf8(n).ok());
    let limit = limit.and_then(|n| n.parse().ok()).unwrap_or(LONGEST);
    say(&mut session, "SET autocommit = 0").await?;
    loop {
        let next = todo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some(script) = next else { break };
        if let Some(first) = script.first {
            say(&mut session, first).await?;
        }
        let (sender, batches) = queue();
        let (how, seen) = (how.clone(), Arc::clone(watch));
        // Its own thread, not one of the runtime's: it may wait for standard input for ever.
        std::thread::spawn(move || reader::read(&script, &how, limit, &seen, sender));
        let ran = run(&mut session, batches, watch).await;
        if ran.is_err() {
            // What was loaded until then counts, if it is kept; a broken session has nothing to say.
            let _ = session.say(b"COMMIT").await;
        }
        ran?;
    }
    say(&mut session, "COMMIT").await?;
    session.close().await;
    Ok(())
}

async fn run(
    session: &mut Session,
    mut batches: mpsc::Receiver<Batch>,
    watch: &Watch,
) -> Result<(), Failure> {
    let mut open = 0;
    while let Some(batch) = batches.recv().await {
        for order in &batch.orders {
            if let Err(error) = session.say(&order.text).await {
                let mut problem = Problem::new(error.to_string());
                if let Error::Server(error) = error {
                    problem.number = Some(error.code);
                }
                return Err(problem.at(&order.at, &order.text).into());
            }
            watch.done(order.text.len());
            open += order.text.len();
        }
        if open >= COMMIT_EVERY {
            say(session, "COMMIT").await?;
            open = 0;
        }
        if let Some(problem) = batch.problem {
            return Err(problem.into());
        }
    }
    Ok(())
}

async fn say(session: &mut Session, text: &str) -> Result<(), Failure> {
    match session.say(text.as_bytes()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(format!("{text}: {error}")).into()),
    }
}
