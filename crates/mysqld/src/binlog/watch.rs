//! When binlog files were written to: MariaDB notes whole seconds only.
//!
//! The kernel says when a file changes, and the file itself when it was changed last; an engine
//! writes a group of transactions with one change.

use crate::instance::lock;
use crate::instance::process::register;
use jiff::Timestamp;
use offshoot_core::binlog::Written;
use offshoot_core::id::InstanceId;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::task::AbortHandle;

/// Pause after a look: many commits come at once, and nobody asks for less than this.
const PAUSE: Duration = Duration::from_millis(2);
/// Moments of one file that are kept. Beyond it every other one goes.
const MOST: usize = 100_000;
/// Names of the files, one a line, the active one last.
const INDEX: &str = "binlog.index";

/// All watches of a supervisor.
#[derive(Default)]
pub(crate) struct Watches(Mutex<HashMap<InstanceId, Arc<Watch>>>);

/// The moments at which an engine's binlog was written to. Dropping it ends the watching.
pub(super) struct Watch {
    files: Arc<Files>,
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Moments of each file, in order.
#[derive(Default)]
struct Files(Mutex<BTreeMap<String, Vec<Written>>>);

impl Watches {
    /// The instance's watch, begun when there is none. `None`: the kernel does not let us.
    pub(super) fn of(&self, id: InstanceId, data: &Path) -> Option<Arc<Watch>> {
        let mut all = lock(&self.0);
        if let Some(watch) = all.get(&id) {
            return Some(Arc::clone(watch));
        }
        let mut eye = match Eye::open(data) {
            Ok(eye) => eye,
            Err(error) => {
                tracing::warn!(instance.id = %id, %error, "its binlog cannot be watched: points in time are exact to the second");
                return None;
            }
        };
        let files = Arc::new(Files::default());
        let noted = Arc::clone(&files);
        let task = tokio::spawn(async move {
            if let Err(error) = eye.look(&noted).await {
                tracing::warn!(instance.id = %id, %error, "its binlog is not watched any more");
            }
        });
        let watch = Arc::new(Watch {
            files,
            task: task.abort_handle(),
        });
        all.insert(id, Arc::clone(&watch));
        Some(watch)
    }

    /// The engine has ended.
    pub(crate) fn end(&self, id: InstanceId) {
        lock(&self.0).remove(&id);
    }
}

impl Watch {
    /// Moments of a file from when it had more than `from` bytes. What came before, in it or in
    /// older files, is forgotten.
    pub(super) fn written(&self, file: &str, from: u64) -> Vec<Written> {
        let mut files = lock(&self.files.0);
        files.retain(|name, _| name.as_str() >= file);
        let Some(all) = files.get_mut(file) else {
            return Vec::new();
        };
        all.drain(..all.partition_point(|w| w.length <= from));
        all.clone()
    }
}

impl Files {
    fn note(&self, file: &str, written: Written) {
        let mut files = lock(&self.0);
        let all = files.entry(file.to_owned()).or_default();
        match all.last_mut() {
            Some(last) if last.length >= written.length => return,
            _ => all.push(written),
        }
        if all.len() > MOST {
            let mut odd = false;
            all.retain(|_| {
                odd = !odd;
                !odd
            });
        }
    }
}

/// What is told of changes.
struct Eye {
    events: AsyncFd<OwnedFd>,
    data: PathBuf,
    /// The active file, and the index as it was when that was found.
    active: Option<(String, (i64, i64, u64))>,
}

impl Eye {
    fn open(data: &Path) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&events, data.join(INDEX), WatchFlags::MODIFY)?;
        Ok(Self {
            events: register(events)?,
            data: data.to_owned(),
            active: None,
        })
    }

    async fn look(&mut self, files: &Files) -> io::Result<()> {
        let mut seen = false;
        loop {
            self.follow()?;
            if let Some((file, _)) = &self.active
                && let Ok(now) = fs::metadata(self.data.join(file))
                && let Some(at) = moment(&now)
            {
                let length = now.len();
                files.note(file, Written { length, at, seen });
            }
            seen = true;
            tokio::time::sleep(PAUSE).await;
            let mut ready = self.events.readable().await?;
            let mut buffer = [0; 4096];
            // What they are does not matter: the files are looked at.
            let read = ready.try_io(|fd| Ok(rustix::io::read(fd, &mut buffer)?));
            if let Ok(read) = read {
                read?;
            }
        }
    }

    /// Finds the active file anew when the index has changed.
    fn follow(&mut self) -> io::Result<()> {
        let path = self.data.join(INDEX);
        let now = fs::metadata(&path)?;
        let now = (now.mtime(), now.mtime_nsec(), now.len());
        if self.active.as_ref().is_some_and(|(_, then)| *then == now) {
            return Ok(());
        }
        let index = fs::read_to_string(&path)?;
        let last = index.lines().rev().find(|line| !line.trim().is_empty());
        let Some(name) = last.and_then(|line| line.rsplit('/').next()) else {
            return Ok(());
        };
        inotify::add_watch(
            self.events.get_ref(),
            self.data.join(name),
            WatchFlags::MODIFY,
        )?;
        self.active = Some((name.to_owned(), now));
        Ok(())
    }
}

fn moment(file: &fs::Metadata) -> Option<Timestamp> {
    let nanos = i32::try_from(file.mtime_nsec()).ok()?;
    Timestamp::new(file.mtime(), nanos).ok()
}
