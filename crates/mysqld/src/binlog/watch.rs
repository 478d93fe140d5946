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
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What was seen of the files.
#[derive(Default)]
struct Files {
    /// Moments of each, in order.
    moments: Mutex<BTreeMap<String, Vec<Written>>>,
    /// The first look is over: what is written from now on is seen.
    watching: AtomicBool,
}

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
                noted.watching.store(false, Ordering::Release);
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
    /// Looks at a file at once. On a busy machine the task that is told of changes may be behind, and
    /// what it has not noted yet would count for the end of its second. `active`: the engine writes
    /// to it; an older one may have been touched long after its last transaction.
    pub(super) fn look(&self, file: &str, active: bool, is: &fs::Metadata) {
        let seen = active && self.files.watching.load(Ordering::Acquire);
        if let Some(at) = moment(is) {
            let length = is.len();
            self.files.note(file, Written { length, at, seen });
        }
    }

    /// Moments of a file from when it had more than `from` bytes. What came before, in it or in
    /// older files, is forgotten.
    pub(super) fn written(&self, file: &str, from: u64) -> Vec<Written> {
        let mut files = lock(&self.files.moments);
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
        let mut files = lock(&self.moments);
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
        loop {
            self.follow()?;
            let seen = files.watching.load(Ordering::Acquire);
            if let Some((file, _)) = &self.active
                && let Ok(now) = fs::metadata(self.data.join(file))
                && let Some(at) = moment(&now)
            {
                let length = now.len();
                files.note(file, Written { length, at, seen });
            }
            files.watching.store(true, Ordering::Release);
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

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_core::binlog::committed;
    use std::io::Write;

    const FILE: &str = "binlog.000001";

    #[tokio::test]
    async fn what_the_task_has_not_noted_yet_has_its_moment_too() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(INDEX), format!("./{FILE}\n")).unwrap();
        let mut file = fs::File::create(dir.path().join(FILE)).unwrap();
        file.write_all(b"before").unwrap();
        let watches = Watches::default();
        let watch = watches.of("kkkkkkkkkkkk".parse().unwrap(), dir.path());
        let watch = watch.unwrap();
        // On this runtime the task runs only while this one waits.
        watch.look(FILE, true, &file.metadata().unwrap());
        let begun = watch.written(FILE, 0);
        assert_eq!(begun.len(), 1);
        assert!(!begun[0].seen, "nobody saw how that was written");
        while !watch.files.watching.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }

        file.write_all(b"transaction").unwrap();
        let is = file.metadata().unwrap();
        let at = moment(&is).unwrap();
        let second = u32::try_from(at.as_second()).unwrap();
        let told = watch.written(FILE, 6);
        assert!(committed(&told, 6, second) > at, "the end of its second");
        watch.look(FILE, true, &is);
        assert_eq!(committed(&watch.written(FILE, 6), 6, second), at);

        // What touches an older file later is no commit.
        file.write_all(b"rotated").unwrap();
        let is = file.metadata().unwrap();
        watch.look(FILE, false, &is);
        let last = watch.written(FILE, 17);
        assert!(!last[0].seen);
        assert_eq!(
            committed(&last, 17, second - 1).as_second(),
            i64::from(second) - 1
        );
    }
}
