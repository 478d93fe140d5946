//! The machine: kernel, memory, open files, time service.

use super::Finding;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::machine::{catalog, memory as machine_memory};
use offshoot_core::instance::Profile;
use offshoot_core::plan::memory_cost;
use offshoot_mysqld::instance::confine::landlock_works;
use std::path::Path;
use std::process::{Command, Stdio};

const KERNEL: &str = "kernel";
const MEMORY: &str = "memory";
const FILES: &str = "open files";
const TIME: &str = "time service";
const MIB: u64 = 1 << 20;

pub(super) fn kernel() -> Vec<Finding> {
    let mut all = Vec::new();
    all.push(match landlock_works() {
        true => Finding::ok(KERNEL, "Landlock confines engines to their own files"),
        false => Finding::warn(
            KERNEL,
            "no Landlock: an engine is kept from other branches' files by its user alone",
            "Linux 5.13 or newer, with landlock in the list of /sys/kernel/security/lsm",
        ),
    });
    all.push(match controllers() {
        Some(list) if ["memory", "cpu"].iter().all(|c| list.split_whitespace().any(|l| l == *c)) => {
            Finding::ok(KERNEL, "cgroup v2 can limit memory and CPU of engines")
        }
        _ => Finding::warn(
            KERNEL,
            "no cgroup v2 with memory and cpu for this process: instances.memory_limit and cpu_limit have no effect",
            "run the server as a systemd service with Delegate=: `offshoot admin systemd-unit`",
        ),
    });
    all.push(match rustix::process::geteuid().is_root() {
        true => Finding::ok(KERNEL, "each branch's engine has a user of its own"),
        false => Finding::warn(
            KERNEL,
            "not root: all engines share this user, and no pool image can be mounted",
            "run the server as root where branches must not trust each other",
        ),
    });
    all
}

/// What the process's own group may hand on.
fn controllers() -> Option<String> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|l| l.strip_prefix("0::/"))?;
    let path = Path::new("/sys/fs/cgroup")
        .join(own)
        .join("cgroup.controllers");
    std::fs::read_to_string(path).ok()
}

pub(super) fn memory(dir: &DataDir, config: &Config) -> Finding {
    let Ok(machine) = machine_memory() else {
        return Finding::warn(MEMORY, "/proc/meminfo cannot be read", "mount /proc");
    };
    let Ok(budget) = config.instances.memory_budget(machine) else {
        return Finding::fail(MEMORY, "instances.memory_budget is no size", "correct it");
    };
    let default = catalog(dir, config)
        .default()
        .map(|files| files.engine.kind);
    let least = default.map_or(0, |kind| {
        memory_cost(kind, Profile::Production) + memory_cost(kind, Profile::Development)
    });
    let found = format!(
        "engines may take {} of {} MiB; a database with one branch takes {}",
        budget / MIB,
        machine / MIB,
        least / MIB
    );
    if budget < least {
        return Finding::fail(MEMORY, found, "raise instances.memory_budget");
    }
    if budget > machine / 10 * 9 {
        let next = "lower instances.memory_budget: the system and its page cache need some";
        return Finding::warn(MEMORY, found, next);
    }
    Finding::ok(MEMORY, found)
}

pub(super) fn open_files(config: &Config) -> Finding {
    /// For the store, engines' sockets and logs.
    const OWN: u64 = 512;
    /// What each engine asks for.
    const ENGINE: u64 = 16_384;
    let need = 2 * u64::from(config.gateway.max_connections)
        + u64::from(config.http.max_connections)
        + OWN;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let found = format!("{soft} for this process; all connections together need {need}");
    if soft < need {
        let next = "raise it (`ulimit -n 65536`, LimitNOFILE= of the unit), or lower gateway.max_connections and http.max_connections";
        return Finding::warn(FILES, found, next);
    }
    if limit.maximum.is_some_and(|hard| hard < ENGINE) {
        let next = format!(
            "raise the hard limit to {ENGINE}: engines take fewer connections than their branches may have"
        );
        return Finding::warn(FILES, found, next);
    }
    Finding::ok(FILES, found)
}

pub(super) fn clock_service() -> Finding {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked {
        Ok(output) if output.stdout.starts_with(b"yes") => {
            Finding::ok(TIME, "the clock is synchronised")
        }
        Ok(output) if output.stdout.starts_with(b"no") => Finding::warn(
            TIME,
            "the clock is not synchronised",
            "switch a time service on, such as `timedatectl set-ntp true`",
        ),
        _ => Finding::ok(TIME, "not known: there is no timedatectl that answers"),
    }
}
