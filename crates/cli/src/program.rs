//! Other programs that run in the foreground: Ctrl-C is for them, and their exit code is ours.

use crate::failure::Failure;
use crate::interrupt;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use tokio::process::Command;

/// A command line as the system's shell reads it.
pub(crate) fn shell_line(line: &OsStr) -> Command {
    let (shell, flag) = match cfg!(windows) {
        true => ("cmd", "/C"),
        false => ("sh", "-c"),
    };
    let mut command = Command::new(shell);
    command.arg(flag).arg(line);
    command
}

/// Runs a program to its end. When this is dropped the program is killed.
pub(crate) async fn run(mut command: Command) -> Result<ExitCode, Failure> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let failed = |source| Failure::Program {
        program: program.clone(),
        source,
    };
    let mut child = command.kill_on_drop(true).spawn().map_err(failed)?;
    loop {
        tokio::select! {
            status = child.wait() => return status.map(exit_code).map_err(failed),
            () = interrupt::ctrl_c() => {}
        }
    }
}

/// The file of a program that is found on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}

/// The program's own; 128 and the signal for one that a signal ended, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or_else(|| signal.map(|n| 128 + n));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}
