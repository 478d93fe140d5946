//! What an engine process may touch: its own files under its own identity, and nothing else.
//!
//! Prepared before the fork (opening paths, making the rule set), applied after it with single
//! system calls only.

use crate::Owner;
use crate::engine::EngineFiles;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::fs::Mode;
use rustix::process::{Gid, Resource, Rlimit, Uid};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Open files an engine may have: `max_connections` + table caches, with room.
const OPEN_FILES: u64 = 16_384;

/// How far engines are confined on this machine, for `doctor` and the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Each volume has an unprivileged identity of its own (Offshoot runs as root).
    pub own_identity: bool,
    /// Landlock confines each engine to its own files.
    pub landlock: bool,
    /// cgroup v2 enforces memory and CPU limits.
    pub limits: bool,
}

impl Confinement {
    /// One sentence for each protection that is not there.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        if !self.own_identity {
            all.push("engines share Offshoot's own user: run Offshoot as root to give each branch an identity of its own");
        }
        if !self.landlock {
            all.push("the kernel has no Landlock (Linux 5.13 or newer): engines are not confined to their own files");
        }
        if !self.limits {
            all.push("cgroup v2 with memory and cpu controllers is not available: memory and CPU limits are not enforced");
        }
        all
    }
}

/// Whether this kernel enforces Landlock.
pub fn landlock_works() -> bool {
    let probe = || -> Result<RulesetCreated, RulesetError> {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .create()
    };
    probe().is_ok()
}

/// The rules for one engine: its files read-only, `private` directories read-write, no network.
fn ruleset(files: &EngineFiles, private: &[&Path]) -> Result<RulesetCreated, RulesetError> {
    let everything = AccessFs::from_all(ABI::V5);
    let read = AccessFs::from_read(ABI::V5);
    let mut rules = Ruleset::default()
        .handle_access(everything)?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    for path in &files.readable {
        rules = rule(rules, path, read)?;
    }
    for path in private {
        rules = rule(rules, path, everything & !AccessFs::Execute)?;
    }
    rules = rule(
        rules,
        Path::new("/dev/null"),
        AccessFs::ReadFile | AccessFs::WriteFile,
    )?;
    rule(rules, Path::new("/dev/urandom"), AccessFs::ReadFile.into())
}

fn rule(
    rules: RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    // A path that is not there needs no rule.
    match PathFd::new(path) {
        Ok(fd) => rules.add_rule(PathBeneath::new(fd, access)),
        Err(_) => Ok(rules),
    }
}

/// Makes `command` start confined: session of its own, umask 077, no core dumps, into `cgroup`
/// (an open `cgroup.procs`), no groups, `owner`'s identity and with it no capabilities, Landlock,
/// no new privileges.
pub fn confine(
    command: &mut Command,
    files: &EngineFiles,
    private: &[&Path],
    owner: Option<Owner>,
    cgroup: Option<OwnedFd>,
    landlock: bool,
) -> Result<(), RulesetError> {
    let mut rules = if landlock {
        Some(ruleset(files, private)?)
    } else {
        None
    };
    let apply = move || -> io::Result<()> {
        rustix::process::setsid()?;
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        if let Some(cgroup) = &cgroup {
            rustix::io::write(cgroup, b"0")?;
        }
        limit(Resource::Core, 0)?;
        limit(Resource::Nofile, OPEN_FILES)?;
        if let Some(owner) = owner {
            let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
        rustix::thread::set_no_new_privs(true)?;
        if let Some(rules) = rules.take() {
            rules
                .restrict_self()
                .map_err(|_| io::Error::from(rustix::io::Errno::PERM))?;
        }
        Ok(())
    };
    before_exec(command, apply);
    Ok(())
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let hard = rustix::process::getrlimit(resource).maximum;
    let value = hard.map_or(value, |h| h.min(value));
    let value = Some(value);
    Ok(rustix::process::setrlimit(
        resource,
        Rlimit {
            current: value,
            maximum: value,
        },
    )?)
}

#[expect(
    unsafe_code,
    reason = "identity and Landlock are applied between fork and exec"
)]
fn before_exec(
    command: &mut Command,
    apply: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: `apply` makes system calls on values that were prepared before the fork; on its way
    // to success it takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(apply);
    }
}
