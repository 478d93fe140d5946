//! An engine that stands still while its volume is copied, and the guard that lets it go on.
//!
//! The guard is a process of its own: it holds nothing but the engine's pidfd and one end of a
//! socket pair, and hears no signal that is meant for Offshoot. It lets the engine go on when it is
//! told to, when the other end is closed (Offshoot died, or dropped what it held), and at the limit.

use super::process::Process;
use offshoot_core::port::{Freeze, Frozen, PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at threads that have not stopped yet.
const LOOK: Duration = Duration::from_micros(200);
/// Exit codes of the guard: the engine went on when it was told to, or of the guard's own accord.
const TOLD: i32 = 0;
const EARLY: i32 = 1;

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
        // Whoever may send it a signal could have let it go on.
        let stood = self.process.halted();
        let told = self.guard.take().map(Guard::end);
        let pause = self.since.elapsed();
        // The guard has said so already, unless somebody killed it.
        self.process.go_on();
        match told {
            Some(Ok(TOLD)) if stood && pause <= self.limit => Ok(pause),
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
        drop(listener);
        let guard = Self { pid, word };
        // Nothing stands still before the guard is beyond the reach of what ends Offshoot.
        let mut ready = [0];
        match rustix::io::read(&guard.word, &mut ready) {
            Ok(1) => Ok(guard),
            _ => {
                let _ = guard.end();
                Err(io::Error::other("the guard did not start"))
            }
        }
    }

    /// Tells it to let the engine go on, and returns its exit code when it has.
    fn end(self) -> io::Result<i32> {
        drop(self.word);
        wait(self.pid)
    }
}

/// The child has every signal blocked that can be: a Ctrl-C for the terminal's whole group would
/// run Offshoot's handlers in it, and end its wait.
#[expect(unsafe_code, reason = "no library forks without exec")]
fn fork(engine: RawFd, word: RawFd, timeout: i32) -> io::Result<libc::pid_t> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: fills the set it is given.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the first set was filled above, the second is written before it is read below.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: the child calls `guard` alone, which makes system calls on its arguments, takes no
    // lock, allocates nothing, and never returns.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        guard(engine, word, timeout);
    }
    let forked = match pid {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    };
    // SAFETY: the set that this thread had when it came here.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    forked
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
    // A signal to Offshoot's whole process group must not end it.
    // SAFETY: no arguments; it fails where there is nothing to do.
    unsafe { libc::setsid() };
    let ready = [1_u8];
    // SAFETY: one byte that lives for the call.
    unsafe { libc::write(word, ready.as_ptr().cast(), 1) };
    let mut wait = libc::pollfd {
        fd: word,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one valid pollfd. Whatever ends the wait, the engine goes on.
    let heard = unsafe { libc::poll(&raw mut wait, 1, timeout) };
    let nothing = ptr::null::<libc::c_void>();
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
    unsafe { libc::_exit(if heard == 1 { TOLD } else { EARLY }) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    /// Long enough for a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);
    /// Who is to be frozen by a process that dies then.
    const VICTIM: &str = "OFFSHOOT_TEST_VICTIM";

    /// In place of an engine. Killed when dropped.
    struct Sleeper(Child);

    impl Sleeper {
        fn new() -> Self {
            let child = Command::new("sleep").arg("600").spawn().unwrap();
            Self(child)
        }

        fn process(&self) -> Arc<Process> {
            Arc::new(Process::of_child(self.0.id()).unwrap())
        }

        fn still(&self) -> bool {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
            stat.contains(") T ")
        }

        fn goes_on(&self) -> bool {
            let since = Instant::now();
            while since.elapsed() < PATIENCE {
                if !self.still() {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            false
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn freeze(process: Arc<Process>, limit: Duration) -> PortResult<Box<dyn Frozen>> {
        Box::new(Freezer { process, limit }).freeze()
    }

    #[tokio::test]
    async fn what_is_frozen_stands_still_until_it_is_thawed_or_dropped() {
        let sleeper = Sleeper::new();
        let frozen = freeze(sleeper.process(), PATIENCE).unwrap();
        assert!(sleeper.still());
        let pause = frozen.thaw().unwrap();
        assert!(pause < PATIENCE);
        assert!(sleeper.goes_on());

        let frozen = freeze(sleeper.process(), PATIENCE).unwrap();
        assert!(sleeper.still());
        drop(frozen);
        assert!(sleeper.goes_on());
    }

    #[tokio::test]
    async fn the_guard_keeps_the_limit_and_the_late_are_told() {
        let sleeper = Sleeper::new();
        let frozen = freeze(sleeper.process(), Duration::from_millis(50)).unwrap();
        assert!(sleeper.goes_on(), "the one who froze it does nothing");
        let refused = frozen.thaw().unwrap_err();
        assert_eq!(refused.refusal.code, code::PAUSE_LIMIT);
        assert!(refused.retry);
    }

    #[tokio::test]
    async fn a_copy_is_not_trusted_when_somebody_else_lets_it_go_on() {
        let sleeper = Sleeper::new();
        let frozen = freeze(sleeper.process(), PATIENCE).unwrap();
        sleeper.process().go_on();
        assert!(sleeper.goes_on());
        frozen.thaw().unwrap_err();
    }

    #[tokio::test]
    async fn signals_for_offshoot_do_not_reach_the_guard() {
        let sleeper = Sleeper::new();
        let process = sleeper.process();
        let guard = Guard::begin(process.pidfd(), PATIENCE).unwrap();
        process.halt();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            kill(guard.pid, signal);
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(sleeper.still());
        assert_eq!(guard.end().unwrap(), TOLD);
        assert!(sleeper.goes_on());
    }

    #[tokio::test]
    async fn without_its_guard_a_copy_is_not_trusted() {
        let sleeper = Sleeper::new();
        let process = sleeper.process();
        let guard = Guard::begin(process.pidfd(), PATIENCE).unwrap();
        kill(guard.pid, libc::SIGKILL);
        let still = Box::new(Still {
            process,
            guard: Some(guard),
            since: Instant::now(),
            limit: PATIENCE,
        });
        still.process.halt();
        still.thaw().unwrap_err();
        assert!(sleeper.goes_on());
    }

    #[test]
    fn when_the_one_who_froze_it_is_killed_it_goes_on() {
        let sleeper = Sleeper::new();
        let mut other = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("instance::freeze::tests::freezes_and_waits_for_its_end")
            .env(VICTIM, sleeper.0.id().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(other.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().ends_with("frozen")));
        assert!(sleeper.still());
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(sleeper.goes_on());
    }

    /// Not a test: what the one above kills.
    #[tokio::test]
    #[ignore = "run by another test"]
    #[expect(clippy::print_stdout, reason = "tells the test that runs it")]
    async fn freezes_and_waits_for_its_end() {
        let Ok(pid) = std::env::var(VICTIM) else {
            return;
        };
        let process = Process::of_child(pid.parse().unwrap()).unwrap();
        let _frozen = freeze(Arc::new(process), 3 * PATIENCE).unwrap();
        println!("frozen");
        std::thread::sleep(2 * PATIENCE);
    }

    #[expect(unsafe_code, reason = "a signal to a child of this test")]
    fn kill(pid: libc::pid_t, signal: i32) {
        // SAFETY: a signal to a process that has not been waited for.
        unsafe { libc::kill(pid, signal) };
    }
}
