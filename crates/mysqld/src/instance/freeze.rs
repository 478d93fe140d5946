//! An engine that stands still while its volume is copied, and the guard that lets it go on.
//!
//! The guard is a process of its own: it holds nothing but the engine's pidfd and one end of a
//! socket pair. It lets the engine go on when it is told to, when the other end is closed (Offshoot
//! died, or dropped what it held), and at the limit.

use super::process::Process;
use offshoot_core::port::{Freeze, Frozen, PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at threads that have not stopped yet.
const LOOK: Duration = Duration::from_micros(200);
/// Exit codes of the guard.
const TOLD: i32 = 0;
const LATE: i32 = 1;

pub(super) struct Freezer {
    pub(super) process: Arc<Process>,
    pub(super) limit: Duration,
}

struct Still {
    process: Arc<Process>,
    guard: Option<Guard>,
    since: Instant,
    limit: Duration,
}

impl Freeze for Freezer {
    fn freeze(self: Box<Self>) -> PortResult<Box<dyn Frozen>> {
        let guard = Guard::begin(self.process.pidfd(), self.limit).map_err(|error| {
            PortError::retry(Refusal::internal(error).hint("the engine was not stopped"))
        })?;
        let still = Box::new(Still {
            process: self.process,
            guard: Some(guard),
            since: Instant::now(),
            limit: self.limit,
        });
        still.process.halt();
        while !still.process.halted() {
            if still.since.elapsed() >= self.limit {
                return Err(too_long(self.limit));
            }
            std::thread::sleep(LOOK);
        }
        Ok(still)
    }
}

impl Frozen for Still {
    fn thaw(mut self: Box<Self>) -> PortResult<Duration> {
        let told = self.guard.take().map(Guard::end);
        let pause = self.since.elapsed();
        // The guard has said so already, unless somebody killed it.
        self.process.go_on();
        match told {
            Some(Ok(TOLD)) if pause <= self.limit => Ok(pause),
            _ => Err(too_long(self.limit)),
        }
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            let _ = guard.end();
            self.process.go_on();
        }
    }
}

fn too_long(limit: Duration) -> PortError {
    PortError::retry(
        Refusal::unavailable(format!(
            "the engine could not stand still long enough: it may for {} ms",
            limit.as_millis()
        ))
        .code(code::PAUSE_LIMIT)
        .hint("try again when the branch is less busy, or raise backups.pause_limit"),
    )
}

/// The process that lets the engine go on.
struct Guard {
    pid: libc::pid_t,
    word: OwnedFd,
}

impl Guard {
    fn begin(engine: BorrowedFd<'_>, limit: Duration) -> io::Result<Self> {
        let (word, listener) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let timeout = i32::try_from(limit.as_millis().max(1)).unwrap_or(i32::MAX);
        let pid = fork(engine.as_raw_fd(), listener.as_raw_fd(), timeout)?;
        Ok(Self { pid, word })
    }

    /// Tells it to let the engine go on, and returns its exit code when it has.
    fn end(self) -> io::Result<i32> {
        drop(self.word);
        wait(self.pid)
    }
}

#[expect(unsafe_code, reason = "no library forks without exec")]
fn fork(engine: RawFd, word: RawFd, timeout: i32) -> io::Result<libc::pid_t> {
    // SAFETY: the child calls `guard` alone, which makes system calls on its arguments, takes no
    // lock, allocates nothing, and never returns.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => guard(engine, word, timeout),
        pid => Ok(pid),
    }
}

/// Life of the guard: between a fork and an exit there is nothing but system calls.
#[expect(unsafe_code, reason = "raw system calls between fork and exit")]
fn guard(engine: RawFd, word: RawFd, timeout: i32) -> ! {
    let (low, high) = (i64::from(engine.min(word)), i64::from(engine.max(word)));
    // Locks and sockets of Offshoot must not outlive it here.
    for (first, last) in [
        (0, low - 1),
        (low + 1, high - 1),
        (high + 1, i64::from(u32::MAX)),
    ] {
        if first <= last {
            // SAFETY: closing descriptors that this process does not use.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
    let mut wait = libc::pollfd {
        fd: word,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one valid pollfd. Any end of the wait but a time-out is the word to go on.
    let heard = unsafe { libc::poll(&raw mut wait, 1, timeout) };
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: a signal to a pidfd, without further information.
    unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            engine,
            libc::SIGCONT,
            nothing,
            0,
        )
    };
    // SAFETY: ends this process without running anything that was registered in its parent.
    unsafe { libc::_exit(if heard == 0 { LATE } else { TOLD }) }
}

#[expect(unsafe_code, reason = "waiting for a child that no library started")]
fn wait(pid: libc::pid_t) -> io::Result<i32> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is valid for the call; the child is ours and waited for once.
        match unsafe { libc::waitpid(pid, &raw mut status, 0) } {
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            _ if libc::WIFEXITED(status) => return Ok(libc::WEXITSTATUS(status)),
            _ => return Err(io::Error::other("the guard was killed")),
        }
    }
}
