//! Memory and CPU limits by cgroup v2, where its controllers are delegated to us.

use offshoot_core::id::InstanceId;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The group of our own process, where the one above it has only groups.
const LEAF: &str = "offshoot-server";
const ROOT: &str = "/sys/fs/cgroup";
/// Period of `cpu.max` in microseconds.
const CPU_PERIOD: u64 = 100_000;

/// A directory below which instances get groups of their own.
#[derive(Clone, Debug)]
pub struct Cgroups {
    base: PathBuf,
}

impl Cgroups {
    /// The directory for our instances, made when the v2 hierarchy has memory and cpu controllers
    /// that we may hand on; else `None`.
    pub fn detect() -> Option<Self> {
        let root = Path::new(ROOT);
        fs::metadata(root.join("cgroup.controllers")).ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|l| l.strip_prefix("0::/"))?;
        let own = base(&root.join(own));
        let has = fs::read_to_string(own.join("cgroup.controllers")).ok()?;
        let has: Vec<&str> = has.split_whitespace().collect();
        if !["memory", "cpu"].iter().all(|c| has.contains(c)) {
            return None;
        }
        if enable(&own).is_err() {
            // A group with processes of its own hands nothing on: ours moves into a leaf.
            let leaf = own.join(LEAF);
            make(&leaf).ok()?;
            fs::write(leaf.join("cgroup.procs"), "0").ok()?;
            enable(&own).ok()?;
        }
        let base = own.join("offshoot-instances");
        make(&base).ok()?;
        enable(&base).ok()?;
        Some(Self { base })
    }

    fn path(&self, id: InstanceId) -> PathBuf {
        self.base.join(id.as_str())
    }

    /// Makes an instance's group with its limits. Returns the file a process joins by.
    pub fn join(
        &self,
        id: InstanceId,
        memory: Option<u64>,
        cpu: Option<u32>,
    ) -> io::Result<OwnedFd> {
        let path = self.path(id);
        make(&path)?;
        let memory = memory.map_or_else(|| "max".to_owned(), |m| m.to_string());
        fs::write(path.join("memory.max"), memory)?;
        fs::write(path.join("cpu.max"), cpu_max(cpu))?;
        let procs = fs::OpenOptions::new()
            .write(true)
            .open(path.join("cgroup.procs"))?;
        Ok(procs.into())
    }

    /// Removes an instance's group, once it is empty.
    pub fn remove(&self, id: InstanceId) {
        // An empty or missing group is all there can be: nothing to do about an error.
        let _ = fs::remove_dir(self.path(id));
    }
}

/// The group to be divided: above our own leaf, where a service manager or an earlier start put us
/// into it.
fn base(own: &Path) -> PathBuf {
    match own.file_name() {
        Some(name) if name == LEAF => own.parent().unwrap_or(own).to_owned(),
        _ => own.to_owned(),
    }
}

fn cpu_max(thousandths: Option<u32>) -> String {
    match thousandths {
        Some(n) => format!("{} {CPU_PERIOD}", u64::from(n) * CPU_PERIOD / 1000),
        None => format!("max {CPU_PERIOD}"),
    }
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn enable(path: &Path) -> io::Result<()> {
    fs::write(path.join("cgroup.subtree_control"), "+memory +cpu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_server_divides_the_same_group() {
        let service = Path::new("/sys/fs/cgroup/system.slice/offshoot.service");
        assert_eq!(base(service), service);
        assert_eq!(base(&service.join(LEAF)), service);
    }

    #[test]
    fn cpu_is_a_share_of_the_period() {
        assert_eq!(cpu_max(Some(1500)), "150000 100000");
        assert_eq!(cpu_max(None), "max 100000");
    }
}
