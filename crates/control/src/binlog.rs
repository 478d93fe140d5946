//! The binlog archive of production branches: what is remembered of it, which moments can be had,
//! and how it is read again. What keeps it is `reconcile/binlogs.rs`.

use crate::fail::Fail;
use crate::{Control, lock};
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::backup::{Backup, BackupState};
use offshoot_core::binlog::{History, Range, Segment, Until, Window};
use offshoot_core::branch::Branch;
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::GtidSet;
use offshoot_core::id::{BranchId, HistoryId};
use offshoot_core::plan::{RestoreFacts, plan_restore_point, window};
use offshoot_core::port::{PortError, PortResult, Ranges};
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::{Session, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Of which moments a branch can be had, and how far its archive is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointInTime {
    /// `None`: no backup stands in what is archived yet.
    pub window: Option<Window>,
    /// How old the oldest change is that would be lost with the machine, at most.
    pub lag: Duration,
}

/// A moment, as a request and a workflow name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestorePoint {
    Time(Timestamp),
    /// As the branch's engine writes GTID sets.
    Gtids(String),
}

impl RestorePoint {
    /// An RFC 3339 time, else a GTID set: whether it is one, the branch's engine says.
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(time) => RestorePoint::Time(time),
            Err(_) => RestorePoint::Gtids(text.to_owned()),
        }
    }

    pub(crate) fn until(&self, kind: EngineKind) -> Result<Until, Refusal> {
        match self {
            RestorePoint::Time(time) => Ok(Until::Time(*time)),
            RestorePoint::Gtids(text) => {
                GtidSet::parse(kind, text)
                    .map(Until::Gtids)
                    .map_err(|error| {
                        Refusal::invalid("restore_point", error.to_string())
                            .hint("or write a time: 2027-01-31T23:59:59.5Z")
                    })
            }
        }
    }
}

impl std::fmt::Display for RestorePoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestorePoint::Time(time) => time.fmt(f),
            RestorePoint::Gtids(text) => f.write_str(text),
        }
    }
}

/// What a new branch is to be given beyond its backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replaying {
    pub(crate) history: HistoryId,
    /// Number of the first segment.
    pub(crate) first: u64,
    /// GTID set of the backup.
    pub(crate) from: String,
    pub(crate) until: RestorePoint,
}

/// What is remembered of the archives; nothing that could not be lost.
#[derive(Default)]
pub(crate) struct Archives {
    tails: Mutex<HashMap<BranchId, Arc<tokio::sync::Mutex<Tail>>>>,
    shown: Mutex<HashMap<BranchId, Shown>>,
    pub(crate) trimmed_at: Mutex<Option<Timestamp>>,
}

/// Where the archive of one branch goes on.
#[derive(Default)]
pub(crate) struct Tail {
    pub(crate) history: Option<History>,
    pub(crate) looked_at: Option<Timestamp>,
    /// When it was written down last that the archive is complete.
    pub(crate) saved_at: Option<Timestamp>,
    /// Not to be tried before, after a failure.
    pub(crate) retry_at: Option<Timestamp>,
}

#[derive(Clone, Copy)]
struct Shown {
    window: Option<Window>,
    complete_at: Timestamp,
}

impl Archives {
    pub(crate) fn tail(&self, branch: BranchId) -> Arc<tokio::sync::Mutex<Tail>> {
        lock(&self.tails).entry(branch).or_default().clone()
    }

    pub(crate) fn show(&self, backups: &[Backup], history: &History) {
        let shown = Shown {
            window: window(backups, history),
            complete_at: history.complete_at,
        };
        lock(&self.shown).insert(history.branch, shown);
    }

    /// The same where nothing is shown yet.
    pub(crate) fn show_once(&self, backups: &[Backup], history: &History) {
        if !lock(&self.shown).contains_key(&history.branch) {
            self.show(backups, history);
        }
    }

    /// Forgets all branches but these.
    pub(crate) fn retain(&self, branches: &[BranchId]) {
        lock(&self.tails).retain(|id, _| branches.contains(id));
        lock(&self.shown).retain(|id, _| branches.contains(id));
    }

    pub(crate) fn of(&self, branch: BranchId, now: Timestamp) -> Option<PointInTime> {
        let shown = lock(&self.shown).get(&branch).copied()?;
        Some(PointInTime {
            window: shown.window,
            lag: lag(shown.complete_at, now),
        })
    }

    /// Everything that the branch committed before this time is archived, as far as is known.
    pub(crate) fn complete_at(&self, branch: BranchId) -> Option<Timestamp> {
        lock(&self.shown).get(&branch).map(|s| s.complete_at)
    }

    pub(crate) fn longest_lag(&self, now: Timestamp) -> Duration {
        let shown = lock(&self.shown);
        let lags = shown.values().map(|s| lag(s.complete_at, now));
        lags.max().unwrap_or_default()
    }
}

fn lag(complete_at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(complete_at)).unwrap_or_default()
}

/// SHA-256 in hexadecimal. Takes a moment for many bytes.
pub(crate) fn checksum(content: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        write!(text, "{byte:02x}").expect("writing to a string");
    }
    text
}

/// Segments of one history, one after the other.
pub(crate) struct Archived {
    control: Control,
    segments: VecDeque<Segment>,
}

impl Archived {
    pub(crate) fn new(control: &Control, segments: Vec<Segment>) -> Self {
        Self {
            control: control.clone(),
            segments: segments.into(),
        }
    }
}

#[async_trait]
impl Ranges for Archived {
    async fn next(&mut self) -> PortResult<Option<Range>> {
        let Some(segment) = self.segments.pop_front() else {
            return Ok(None);
        };
        let content = self.control.0.ports.vault.get(&segment.object).await?;
        let object = segment.object.clone();
        let range = tokio::task::spawn_blocking(move || {
            let same = checksum(&content) == segment.checksum;
            Range::decode(&content).ok().filter(|range| {
                same && range.file == segment.file
                    && range.from == segment.from
                    && range.to() == segment.to
            })
        })
        .await
        .map_err(|error| PortError::retry(Refusal::internal(error)))?;
        range.map(Some).ok_or_else(|| damaged(&object))
    }
}

fn damaged(object: &str) -> PortError {
    PortError::fatal(
        Refusal::unprocessable(format!("archived binlog object \"{object}\" is damaged"))
            .code(code::RESTORE_POINT)
            .hint("choose a moment before it, or one that a later backup reaches"),
    )
}

impl Control {
    /// What a branch is given.
    pub(crate) async fn archived(&self, replaying: &Replaying) -> Result<Archived, Fail> {
        let mut session = self.0.store.read().await?;
        let history = session.history(replaying.history).await?.ok_or_else(|| {
            PortError::fatal(Refusal::internal("the history of a restore point is gone"))
        })?;
        let segments = session.segments(&history, replaying.first).await?;
        Ok(Archived::new(self, segments))
    }

    /// From which backup and which part of the archive a branch like the parent at that moment is made.
    pub(crate) async fn plan_point(
        &self,
        session: &mut Session,
        parent: &Branch,
        point: &RestorePoint,
    ) -> Result<(Backup, Replaying), Refusal> {
        let until = point.until(parent.engine.kind)?;
        let backups = session.backups_of_branch(parent.id).await?;
        let mut archive = archive_of(session, parent.id).await?;
        // Written down now and then only.
        if let Some(seen) = self.0.archives.complete_at(parent.id)
            && let Some((history, _)) = archive.last_mut()
            && history.ended_at.is_none()
        {
            history.complete_at = history.complete_at.max(seen);
        }
        let plan = plan_restore_point(&RestoreFacts {
            branch: parent.name.as_str(),
            until: &until,
            now: self.now(),
            backups: &backups,
            archive: &archive,
        })?;
        let backup = backups
            .into_iter()
            .find(|b| b.id == plan.backup && b.state == BackupState::Success)
            .ok_or_else(|| Refusal::internal("a planned backup is not there"))?;
        let replaying = Replaying {
            history: plan.history,
            first: plan.first,
            from: plan.from.to_string(),
            until: point.clone(),
        };
        Ok((backup, replaying))
    }

    /// Archives what the branch has not archived yet, where the moment may lie in that. A failure is
    /// no matter here: what is archived decides.
    pub(crate) async fn catch_up(&self, branch: BranchId, point: &RestorePoint) {
        let now = self.now();
        let behind = self.0.archives.complete_at(branch);
        let recent = match point {
            RestorePoint::Time(time) => *time <= now && behind.is_none_or(|at| at < *time),
            RestorePoint::Gtids(_) => true,
        };
        if recent && let Err(fail) = self.archive_now(branch).await {
            tracing::warn!(branch.id = %branch, error = %fail, "its binlog is not archived up to now");
        }
    }
}

async fn archive_of(
    session: &mut Session,
    branch: BranchId,
) -> Result<Vec<(History, Vec<Segment>)>, StoreError> {
    let mut all = Vec::new();
    for history in session.histories(branch).await? {
        let segments = session.segments(&history, 0).await?;
        all.push((history, segments));
    }
    Ok(all)
}
