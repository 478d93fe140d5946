//! Readiness: an engine is ready when it has answered a real query of ours, and when the accounts
//! that had to be made are exactly those that are there.

use super::{Inner, Running, launch, seal};
use crate::admin::accounts;
use crate::admin::session::{AdminError, Session};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::{Address, Endpoint};
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use std::time::Duration;

/// How long an engine may take to answer. Crash recovery of a large redo log is what takes long.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(300);
/// Between two looks for the socket.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// Error lines of the log that go into the cause of a failed start.
const ERROR_LINES: usize = 5;
const ACCESS_DENIED: u16 = 1045;

/// Waits until the engine answers. On failure it may still run.
pub(super) async fn ready(
    inner: &Inner,
    running: &Running,
    endpoint: &Endpoint,
    accounts_made: bool,
) -> PortResult<Session> {
    let data = inner.dirs.locate(running.record.volume)?.path.join("data");
    let mut ended = running.ended.clone();
    let answer = async {
        let mut session = connect(endpoint).await?;
        session.execute("SELECT 1").await?;
        let wrong = match accounts_made {
            true => accounts::verify(&mut session, endpoint.engine.kind).await?,
            false => None,
        };
        if wrong.is_none() && endpoint.engine.kind == EngineKind::Mariadb {
            seal::close(endpoint.engine.kind, &data).map_err(AdminError::Sealing)?;
            session.execute(seal::REOPEN).await?;
        }
        Ok::<_, AdminError>((session, wrong))
    };
    let cause = tokio::select! {
        answer = answer => match answer {
            Ok((session, None)) => {
                remove_init_file(running);
                return Ok(session);
            }
            Ok((_, Some(wrong))) => format!("accounts were not made as they should be: {wrong}"),
            Err(error) => error.to_string(),
        },
        reason = ended.wait_for(Option::is_some) => match reason {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "it is not watched".to_owned(),
        },
        () = tokio::time::sleep(START_TIMEOUT) => {
            format!("it did not answer within {} s", START_TIMEOUT.as_secs())
        }
    };
    let id = running.record.id;
    let lines = inner.logs.errors(id, ERROR_LINES, running.log_from);
    let said = last_word(&lines);
    let text = std::iter::once(cause).chain(lines).collect::<Vec<_>>();
    let text = text.join("\n");
    let full = text.contains("No space left") || text.contains("OS errno 28");
    Err(PortError::retry(
        Refusal::unavailable(format!("engine {} did not start", endpoint.engine))
            .code(if full {
                code::DISK_FULL
            } else {
                code::ENGINE_START
            })
            .hint(match said {
                _ if full => "make room in the pool".to_owned(),
                Some(said) => format!("its log says: {said}"),
                None => "the server's log has the cause".to_owned(),
            })
            .cause(text),
    ))
}

/// What an engine said last before it gave up, without time, thread and the word that it gives up.
fn last_word(lines: &[String]) -> Option<String> {
    /// Characters of it that are repeated.
    const SHOWN: usize = 300;
    let words = |line: &String| {
        let (_, rest) = line.split_once("[ERROR]").unwrap_or(("", line));
        let rest = rest.trim();
        (!rest.is_empty() && !rest.ends_with("Aborting"))
            .then(|| rest.chars().take(SHOWN).collect())
    };
    lines.iter().rev().find_map(words)
}

/// Waits for the socket, then for the engine behind it. Only an answer ends it.
async fn connect(endpoint: &Endpoint) -> Result<Session, AdminError> {
    let Address::Unix(socket) = &endpoint.address;
    loop {
        // One system call a millisecond: connecting is tried when there is something to connect to.
        if rustix::fs::stat(socket).is_ok() {
            match Session::open(endpoint).await {
                Ok(session) => return Ok(session),
                Err(error) if error.code() == Some(ACCESS_DENIED) => return Err(error),
                Err(_) => {}
            }
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn remove_init_file(running: &Running) {
    let path = launch::init_file(&running.record.directory);
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(instance.id = %running.record.id, %error, "init file cannot be removed");
    }
}
