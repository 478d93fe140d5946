//! Shadows: replicas of production branches, kept in a pool, from which live branches and backups are
//! taken. `docs/design/0012-shadow.md`.

use crate::backup::{Method, Position};
use crate::id::{BackupId, BranchId, HistoryId, InstanceId, VolumeId};
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// How far a shadow is. Copies are taken of one that is made and not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShadowState {
    /// Its data is being copied.
    Making,
    /// It has its parent's data as it was, and has not been given all of its history since.
    CatchingUp,
    /// It had all of its parent's history when it was given that last.
    Following,
    /// It cannot follow any more. It is made again.
    Broken,
}

impl ShadowState {
    pub const ALL: [ShadowState; 4] = [
        ShadowState::Making,
        ShadowState::CatchingUp,
        ShadowState::Following,
        ShadowState::Broken,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ShadowState::Making => "making",
            ShadowState::CatchingUp => "catching_up",
            ShadowState::Following => "following",
            ShadowState::Broken => "broken",
        }
    }

    /// It has data that is its parent's of some time.
    pub fn made(self) -> bool {
        matches!(self, ShadowState::CatchingUp | ShadowState::Following)
    }
}

impl fmt::Display for ShadowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The shadow of a production branch, as it is planned and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// Its parent: a branch has one at most.
    pub branch: BranchId,
    /// Drawn anew each time that it is made.
    pub volume: VolumeId,
    pub instance: InstanceId,
    /// The parent's volume that its data is of. Of another one it is made anew.
    pub source: VolumeId,
    pub state: ShadowState,
    /// Why it is broken, or why it was last not given what its parent committed.
    pub reason: Option<String>,
    /// How often it is given what its parent committed; `None` = continuously.
    pub every: Option<Duration>,
    /// Up to where it had its parent's history when that was written down; its engine may have more, and
    /// after a crash of the machine less.
    pub position: Option<Position>,
    /// The history that it follows, and the number of the first segment that is not in `position`.
    pub history: Option<HistoryId>,
    pub next: u64,
    /// Everything that its parent committed before this time is in `position`.
    pub complete_at: Option<Timestamp>,
    /// When it was last looked whether there is anything to give it.
    pub fed_at: Option<Timestamp>,
    /// Its engine was started, and not stopped since as far as is known.
    pub opened: bool,
    /// Of what it was made: of a backup, or by which means of its parent.
    pub backup: Option<BackupId>,
    pub method: Option<Method>,
    pub made_at: Option<Timestamp>,
    /// Tries that failed one after the other, to make it or to give it anything.
    pub failures: u32,
    /// Not to be tried before.
    pub retry_at: Option<Timestamp>,
    /// Copies that were taken of it, and when the last one was.
    pub copies: u64,
    pub copied_at: Option<Timestamp>,
    /// When a copy was last taken of its parent instead, and why.
    pub passed_over_at: Option<Timestamp>,
    pub passed_over: Option<String>,
    /// Display name of who asked for it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Shadow {
    /// It cannot follow any more, for this reason; it is made again at `retry_at`.
    pub fn break_off(&mut self, reason: String, retry_at: Timestamp) {
        self.state = ShadowState::Broken;
        self.reason = Some(reason);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(retry_at);
    }

    /// Begins anew, on another volume and instance, as a copy of the parent's volume `source`.
    pub fn begin_anew(&mut self, volume: VolumeId, instance: InstanceId, source: VolumeId) {
        self.volume = volume;
        self.instance = instance;
        self.source = source;
        self.state = ShadowState::Making;
        self.position = None;
        self.history = None;
        self.next = 0;
        self.complete_at = None;
        self.fed_at = None;
        self.opened = false;
        self.backup = None;
        self.method = None;
        self.made_at = None;
        self.retry_at = None;
    }
}
