//! What production branches commit is archived: continuously, segment by segment, from where the
//! index says that it goes on; and what no branch can need any more goes.

use crate::Control;
use crate::binlog::{Tail, checksum};
use crate::fail::Fail;
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge};
use offshoot_core::binlog::{History, Piece, Reading, Segment};
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::id::BranchId;
use offshoot_core::instance::Endpoint;
use offshoot_core::plan::{Trim, plan_trim};
use offshoot_core::port::PortError;
use offshoot_core::refusal::Refusal;
use std::time::Duration;

/// Branches that are archived at the same time: each has a segment or two in memory.
const AT_ONCE: usize = 2;
/// How often it is written down that an idle branch's archive is complete.
const SAVE: Duration = Duration::from_secs(60);
/// How often the archive is looked through for what may go.
const TRIM: Duration = Duration::from_secs(600);
/// How long an engine keeps what is archived: for replicas that are behind.
const KEPT_BY_ENGINES: SignedDuration = SignedDuration::from_hours(6);
/// How long segments of a branch without a backup are kept: one may be under way.
const KEPT_WITHOUT_BACKUP: SignedDuration = SignedDuration::from_hours(24);
/// Directory in the vault.
const PLACE: &str = "binlogs";

impl Control {
    /// One pass over all production branches that run, and now and then over the archive.
    pub(crate) async fn keep_binlogs(&self) {
        if self.0.settings.backups.binlog_interval.is_zero() {
            return;
        }
        let awake = self.0.fleet.all_awake();
        stream::iter(awake.into_iter().filter(|(_, awake)| awake.production))
            .for_each_concurrent(AT_ONCE, |(id, awake)| async move {
                if let Err(fail) = self.archive_branch(id, &awake.endpoint, false).await
                    && !fail.superseded()
                {
                    counter!("offshoot_binlog_archive_failures_total").increment(1);
                    let cause = fail.cause().map(tracing::field::display);
                    tracing::warn!(branch.id = %id, error = %fail, cause, "its binlog is not archived; will be tried again");
                }
            })
            .await;
        if let Err(fail) = self.trim_archives().await
            && !fail.superseded()
        {
            tracing::warn!(reconciler = "binlog archive", error = %fail, "will be tried again");
        }
        let lag = self.0.archives.longest_lag(self.now());
        gauge!("offshoot_binlog_archive_lag_seconds").set(lag.as_secs_f64());
    }

    /// Archives what a branch has committed before now, so that a moment just passed can be had. Returns what
    /// is archived then; `None` of a branch that is not.
    pub(crate) async fn archive_now(&self, branch: BranchId) -> Result<Option<History>, Fail> {
        if !self.archives() {
            return Ok(None);
        }
        match self.0.fleet.awake(branch).filter(|awake| awake.production) {
            Some(awake) => self.archive_branch(branch, &awake.endpoint, true).await,
            None => Ok(None),
        }
    }

    /// Archives a branch's binlog when it is time. `at_once`: it is.
    async fn archive_branch(
        &self,
        id: BranchId,
        endpoint: &Endpoint,
        at_once: bool,
    ) -> Result<Option<History>, Fail> {
        let tail = self.0.archives.tail(id);
        let mut tail = match at_once {
            true => tail.lock_owned().await,
            false => match tail.try_lock_owned() {
                Ok(tail) => tail,
                Err(_) => return Ok(None),
            },
        };
        let now = self.now();
        if !at_once && tail.retry_at.is_some_and(|at| now < at) {
            return Ok(None);
        }
        let done = self.follow(&mut tail, id, endpoint, at_once).await;
        tail.retry_at = match &done {
            Ok(()) => None,
            // What it read last may not be what is there.
            Err(_) => {
                tail.history = None;
                now.checked_add(self.0.settings.backups.binlog_interval)
                    .ok()
            }
        };
        done?;
        Ok(tail.history.clone())
    }

    async fn follow(
        &self,
        tail: &mut Tail,
        id: BranchId,
        endpoint: &Endpoint,
        at_once: bool,
    ) -> Result<(), Fail> {
        let backups = &self.0.settings.backups;
        let binlogs = &self.0.ports.binlogs;
        if tail.history.is_none() {
            tail.history = self.open_history(id, endpoint).await?;
        }
        let Some(mut history) = tail.history.take() else {
            return Ok(());
        };
        let now = self.now();
        let waited = tail.looked_at.is_none_or(|at| {
            at.checked_add(backups.binlog_interval)
                .is_ok_and(|due| due <= now)
        });
        if !at_once
            && !waited
            && binlogs.behind(endpoint, &history.mark).await? < backups.binlog_bytes
        {
            tail.history = Some(history);
            return Ok(());
        }
        loop {
            match binlogs
                .read(endpoint, &history.mark, backups.binlog_bytes)
                .await?
            {
                Reading::Piece(piece) => {
                    // A busy branch always has more: what was there is enough.
                    let all = piece.complete_at.is_some();
                    let Some(then) = self.archive_piece(history, *piece).await? else {
                        // It has ended meanwhile: the next pass sees what there is.
                        return Ok(());
                    };
                    history = then;
                    tail.saved_at = Some(now);
                    if all {
                        break;
                    }
                }
                Reading::Nothing(at) => {
                    history.complete_at = history.complete_at.max(before(at));
                    break;
                }
                Reading::Lost(why) => {
                    tracing::warn!(branch.id = %id, history.id = %history.id, %why, "its archived history ends; another one begins");
                    let mut tx = self.0.store.write().await?;
                    tx.end_histories(id, now).await?;
                    tx.commit().await?;
                    return Ok(());
                }
            }
        }
        if tail
            .saved_at
            .is_none_or(|at| at.checked_add(SAVE).is_ok_and(|due| due <= now))
            || (at_once && tail.saved_at != Some(now))
        {
            let mut tx = self.0.store.write().await?;
            tx.history_complete(history.id, history.complete_at).await?;
            tx.commit().await?;
            tail.saved_at = Some(now);
        }
        let made = self.0.store.read().await?.backups_of_branch(id).await?;
        self.0.archives.show(&made, &history);
        tail.looked_at = Some(now);
        tail.history = Some(history);
        Ok(())
    }

    /// The history that the branch's present volume has, or a new one.
    async fn open_history(
        &self,
        id: BranchId,
        endpoint: &Endpoint,
    ) -> Result<Option<History>, Fail> {
        let mut session = self.0.store.read().await?;
        let Some(branch) = archivable(&mut session, id, endpoint).await? else {
            return Ok(None);
        };
        let live = session
            .histories(id)
            .await?
            .into_iter()
            .find(|h| h.ended_at.is_none());
        drop(session);
        if let Some(history) = live
            && history.volume == branch.volume
            && history.engine == branch.engine
        {
            return Ok(Some(history));
        }
        let now = self.now();
        let beginning = self.0.ports.binlogs.begin(endpoint).await?;
        let history = History {
            id: self.id(),
            branch: id,
            volume: branch.volume,
            engine: branch.engine,
            archived: beginning.before.clone(),
            before: beginning.before,
            mark: beginning.mark,
            next: 0,
            started_at: now,
            complete_at: now,
            ended_at: None,
        };
        let mut tx = self.0.store.write().await?;
        // It may have been demoted or moved since.
        if archivable(&mut tx, id, endpoint).await?.is_none() {
            return Ok(None);
        }
        tx.end_histories(id, now).await?;
        tx.insert_history(&history).await?;
        tx.commit().await?;
        tracing::info!(branch.id = %id, history.id = %history.id, "its binlog is archived from now on");
        Ok(Some(history))
    }

    /// Puts a piece into the vault and writes it down; `None` when the history has ended. Killed in
    /// between, the same piece, or a longer one, is put in its place.
    async fn archive_piece(&self, history: History, piece: Piece) -> Result<Option<History>, Fail> {
        let object = format!(
            "{PLACE}/{}/{}/{:010}",
            history.branch, history.id, history.next
        );
        let to = piece.range.to();
        let (file, from) = (piece.range.file.clone(), piece.range.from);
        let encode = move || {
            let content = piece.range.encode();
            let sum = checksum(&content);
            (content, sum)
        };
        let (content, checksum) = tokio::task::spawn_blocking(encode)
            .await
            .map_err(|error| PortError::retry(Refusal::internal(error)))?;
        let bytes = content.len();
        self.0.ports.vault.put(&object, content).await?;
        let segment = Segment {
            history: history.id,
            number: history.next,
            file,
            from,
            to,
            whole: piece.whole,
            transactions: piece.transactions,
            gtids: piece.gtids,
            first: piece.first,
            last: piece.last,
            object,
            checksum,
            archived_at: self.now(),
        };
        let mut then = history;
        if let Some(at) = piece.complete_at {
            then.complete_at = then.complete_at.max(before(at));
        }
        then.archived.extend(&segment.gtids);
        then.mark = piece.next;
        then.next += 1;
        let mut tx = self.0.store.write().await?;
        if !tx.append_segment(&segment, &then).await? {
            return Ok(None);
        }
        tx.commit().await?;
        counter!("offshoot_binlog_archived_bytes_total").increment(bytes as u64);
        Ok(Some(then))
    }

    /// Removes from the archive, and from engines, what is not needed any more.
    async fn trim_archives(&self) -> Result<(), Fail> {
        let now = self.now();
        {
            let mut at = crate::lock(&self.0.archives.trimmed_at);
            if at.is_some_and(|at| at.checked_add(TRIM).is_ok_and(|due| now < due)) {
                return Ok(());
            }
            *at = Some(now);
        }
        let mut session = self.0.store.read().await?;
        let histories = session.all_histories().await?;
        let branches = session.all_branches().await?;
        drop(session);
        let production: Vec<BranchId> = branches
            .iter()
            .filter(|b| b.production && !b.deleting)
            .map(|b| b.id)
            .collect();
        self.0.archives.retain(&production);
        for history in histories {
            if !production.contains(&history.branch) && history.ended_at.is_none() {
                let mut tx = self.0.store.write().await?;
                tx.end_histories(history.branch, now).await?;
                tx.commit().await?;
                continue;
            }
            self.trim_history(&history, now).await?;
        }
        Ok(())
    }

    async fn trim_history(&self, history: &History, now: Timestamp) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        // A branch that is being made of it may need what its backup does not keep any more.
        if session.restoring_from(history.branch).await? {
            return Ok(());
        }
        let backups = session.backups_of_branch(history.branch).await?;
        let segments = session.segments(history, 0).await?;
        drop(session);
        if history.ended_at.is_none() {
            self.0.archives.show_once(&backups, history);
            self.let_go(history, &segments, now).await?;
        }
        let idle_since = now.checked_sub(KEPT_WITHOUT_BACKUP).unwrap_or(now);
        match plan_trim(&backups, history, &segments, idle_since) {
            Trim::Nothing => Ok(()),
            Trim::Before { number, before } => {
                for segment in segments.iter().filter(|s| s.number < number) {
                    self.0.ports.vault.delete(&segment.object).await?;
                }
                let mut tx = self.0.store.write().await?;
                tx.trim_history(history.id, number, &before).await?;
                tx.commit().await?;
                tracing::info!(history.id = %history.id, before = number, "archived binlog removed");
                Ok(())
            }
            Trim::All => self.remove_history(history).await,
        }
    }

    async fn remove_history(&self, history: &History) -> Result<(), Fail> {
        let vault = &self.0.ports.vault;
        // What was put and not written down as well.
        let place = format!("{PLACE}/{}/{}", history.branch, history.id);
        for object in vault.list(&place).await? {
            vault.delete(&object).await?;
        }
        let mut tx = self.0.store.write().await?;
        tx.delete_history(history.id).await?;
        tx.commit().await?;
        tracing::info!(history.id = %history.id, branch.id = %history.branch, "archived history removed");
        Ok(())
    }

    /// Lets the branch's engine remove files that are archived, a while ago.
    async fn let_go(
        &self,
        history: &History,
        segments: &[Segment],
        now: Timestamp,
    ) -> Result<(), Fail> {
        let Some(awake) = self.0.fleet.awake(history.branch) else {
            return Ok(());
        };
        let long_ago = now.checked_sub(KEPT_BY_ENGINES).unwrap_or(now);
        let needed = segments
            .iter()
            .find(|s| s.archived_at > long_ago)
            .map_or(&history.mark.file, |s| &s.file);
        Ok(self
            .0
            .ports
            .binlogs
            .release(&awake.endpoint, needed)
            .await?)
    }
}

/// What was committed within the last microsecond may be missing.
fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_micros(1)).unwrap_or(at)
}

/// The branch, if its binlog is to be archived from this engine.
async fn archivable(
    session: &mut offshoot_store::Session,
    id: BranchId,
    endpoint: &Endpoint,
) -> Result<Option<Branch>, Fail> {
    let branch = session.branch_by_id(id).await?.filter(|b| {
        b.production
            && !b.deleting
            && b.state == BranchState::Ready
            && b.instance == endpoint.instance
    });
    // Between promotion and restart the engine has no binlog.
    let restarting = session.workflow_of("restart_branch", id.as_str()).await?;
    Ok(branch.filter(|_| restarting.is_none()))
}
