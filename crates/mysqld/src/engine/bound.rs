//! Programs that end with Offshoot: a half-done installation or initialisation must not go on in a
//! directory that the next attempt wipes.

use rustix::process::{Signal, set_parent_process_death_signal};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Has the kernel kill the program when the thread that starts it ends. The caller waits for the
/// program in that thread.
#[expect(unsafe_code, reason = "a system call between fork and exec")]
pub(crate) fn bound(command: &mut Command) -> &mut Command {
    // SAFETY: the closure makes one system call and touches no memory that the fork shares.
    unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) }
}
