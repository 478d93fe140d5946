//! One engine process, held by a pidfd: no number is ever taken for another process.

use super::record::ProcessRecord;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub struct Process {
    pid: Pid,
    handle: AsyncFd<OwnedFd>,
}

impl Process {
    /// Takes hold of a process that cannot be gone yet: a child that nobody waited for.
    /// Needs a tokio runtime.
    pub fn of_child(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(io::ErrorKind::InvalidInput)?;
        Self::open(pid)
    }

    fn open(pid: Pid) -> io::Result<Self> {
        let fd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self {
            pid,
            handle: register(fd)?,
        })
    }

    /// Takes hold of a recorded process, if it is still that one.
    pub fn adopt(record: &ProcessRecord) -> Option<Self> {
        if boot_id().ok()? != record.boot_id {
            return None;
        }
        let process = Self::open(Pid::from_raw(record.pid)?).ok()?;
        // Read after the handle was taken: the number cannot change its process any more.
        (start_ticks(process.pid).ok()? == record.start_ticks).then_some(process)
    }

    /// The process that has `text` in its command line: for an engine that was forked but not
    /// recorded. `text` must be unguessable.
    pub fn find(text: &Path) -> Option<Self> {
        let text = text.as_os_str().as_encoded_bytes();
        let has = |pid: Pid| {
            fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()))
                .is_ok_and(|line| line.windows(text.len()).any(|w| w == text))
        };
        for entry in fs::read_dir("/proc").ok()? {
            let name = entry.ok()?.file_name();
            let pid = name.to_str().and_then(|n| n.parse().ok());
            let Some(pid) = pid.and_then(Pid::from_raw) else {
                continue;
            };
            if has(pid) {
                let process = Self::open(pid).ok()?;
                return has(pid).then_some(process);
            }
        }
        None
    }

    pub fn record(&self) -> io::Result<ProcessRecord> {
        Ok(ProcessRecord {
            pid: self.pid.as_raw_nonzero().get(),
            start_ticks: start_ticks(self.pid)?,
            boot_id: boot_id()?,
        })
    }

    /// Returns when the process has ended.
    pub async fn ended(&self) -> io::Result<()> {
        self.handle.readable().await.map(|_| ())
    }

    /// After its end: frees the process if it is ours, and says how it ended.
    pub fn reap(&self) -> String {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(self.handle.as_fd()), options) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "ended".to_owned(),
            },
            _ => "ended".to_owned(),
        }
    }

    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Stops every thread of it, soon after.
    pub(super) fn halt(&self) {
        let _ = pidfd_send_signal(self.handle.as_fd(), Signal::STOP);
    }

    /// Every thread of it has stopped, also one that another made just before. One that is gone
    /// will write nothing either.
    pub(super) fn halted(&self) -> bool {
        let threads = self.threads();
        threads.iter().all(|thread| halted(thread)) && threads == self.threads()
    }

    fn threads(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(format!("/proc/{}/task", self.pid.as_raw_nonzero()));
        let all = all.into_iter().flatten().flatten();
        all.map(|thread| thread.path()).collect()
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) {
        let _ = pidfd_send_signal(self.handle.as_fd(), Signal::CONT);
    }

    /// Asks it to shut down. One that is gone needs no asking.
    pub fn terminate(&self) {
        let _ = pidfd_send_signal(self.handle.as_fd(), Signal::TERM);
    }

    /// Ends it and what it may have forked. Only while its end was not yet reaped.
    pub fn kill(&self) {
        if pidfd_send_signal(self.handle.as_fd(), Signal::KILL).is_ok() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Resident memory in bytes; 0 when it is gone.
    pub fn memory(&self) -> u64 {
        let pid = self.pid.as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) << 10
    }
}

/// The state follows the name, which stands in parentheses and may hold anything.
fn halted(thread: &Path) -> bool {
    let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes());
    state.is_none_or(|rest| matches!(rest.first(), Some(b'T' | b't' | b'Z' | b'X')))
}

#[expect(unsafe_code, reason = "waiting for a descriptor on tokio's reactor")]
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by the `AsyncFd` from here on and never replaced or closed
    // by anyone else.
    let handle = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    Ok(handle?)
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn start_ticks(pid: Pid) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero().get()))?;
    parse_start_ticks(&stat).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Field 22; the second, in parentheses, may hold anything.
fn parse_start_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_ticks_stand_after_a_hostile_name() {
        let stat = "12 (a) 1 2) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
        assert_eq!(parse_start_ticks(stat), Some(98765));
        assert_eq!(parse_start_ticks("12 (a"), None);
    }
}
