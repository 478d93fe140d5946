//! Engines: which are there, and whether each starts and answers on this machine.

use super::Finding;
use crate::clock::{SystemClock, SystemIds};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::machine::catalog;
use anyhow::{Context, Result};
use offshoot_core::engine::EngineSource;
use offshoot_core::id::{InstanceId, VolumeId};
use offshoot_core::instance::{Accounts, InstanceSecret, InstanceSpec, Profile, Purpose, Stop};
use offshoot_core::port::{Ids, Instances, PortResult};
use offshoot_mysqld::engine::{EngineFiles, initialize};
use offshoot_mysqld::instance::{Setup, Supervisor};
use offshoot_mysqld::{DataDirs, Owner, VolumeDir};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

const ENGINE: &str = "engine";
/// An identity for the trial, as root: none that a pool gives out.
const NOBODY: Owner = Owner {
    uid: 65_534,
    gid: 65_534,
};

pub(super) async fn engines(dir: &DataDir, config: &Config, quick: bool) -> Vec<Finding> {
    let catalog = catalog(dir, config);
    let installed = catalog.installed();
    if installed.is_empty() {
        let next = "offshoot engine install mysql (or mariadb)";
        return vec![Finding::fail(ENGINE, "none is installed", next)];
    }
    let mut all = Vec::new();
    for refused in &catalog.found().refused {
        let found = format!(
            "{} cannot be used: {}",
            refused.path.display(),
            refused.reason
        );
        all.push(match refused.source {
            EngineSource::Config => {
                let next = "correct engine.mysql.server or engine.mariadb.server";
                Finding::fail(ENGINE, found, next)
            }
            _ => {
                let next = "nothing, if another is used; else `offshoot engine install`";
                Finding::warn(ENGINE, found, next)
            }
        });
    }
    for engine in installed {
        let name = engine.engine;
        let Ok(files) = catalog.get(name) else {
            let next = "install it again: `offshoot engine install`";
            all.push(Finding::fail(
                ENGINE,
                format!("{name} has lost files"),
                next,
            ));
            continue;
        };
        if quick {
            all.push(Finding::ok(ENGINE, format!("{name} is installed")));
            continue;
        }
        let began = Instant::now();
        all.push(match trial(files).await {
            Ok(()) => Finding::ok(
                ENGINE,
                format!(
                    "{name} starts and answers ({:.1} s with a new data directory)",
                    began.elapsed().as_secs_f64()
                ),
            ),
            Err(error) => Finding::fail(
                ENGINE,
                format!("{name} does not start: {error:#}"),
                "see the reason; `offshoot engine install` brings one with its libraries",
            ),
        });
    }
    all
}

struct Scratch(VolumeDir);

impl DataDirs for Scratch {
    fn locate(&self, _: VolumeId) -> PortResult<VolumeDir> {
        Ok(self.0.clone())
    }
}

/// Initialises a data directory, starts the engine on it as a branch's is, and stops it.
async fn trial(files: EngineFiles) -> Result<()> {
    let root = Removed::new()?;
    let owner = rustix::process::geteuid().is_root().then_some(NOBODY);
    let volume = VolumeDir {
        path: root.0.join("volume"),
        owner,
    };
    std::fs::create_dir(&volume.path)?;
    std::fs::set_permissions(&volume.path, std::fs::Permissions::from_mode(0o700))?;
    if let Some(owner) = owner {
        chown(&volume.path, Some(owner.uid), Some(owner.gid))?;
    }
    let (engine, files, at) = (files.engine, Arc::new(files), volume.clone());
    let initialised = files.clone();
    tokio::task::spawn_blocking(move || initialize::initialize(&initialised, &at))
        .await?
        .context("its data directory cannot be made")?;
    let mut secret = [0; 32];
    SystemIds.fill(&mut secret);
    let supervisor = Supervisor::without_limits(Setup {
        run: root.0.join("run"),
        logs: root.0.join("logs"),
        dirs: Arc::new(Scratch(volume)),
        engines: Arc::new(move |_| Some((*files).clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        machine_memory: 1 << 30,
    })?;
    let spec = InstanceSpec {
        id: InstanceId::from(SystemIds.id()),
        volume: VolumeId::from(SystemIds.id()),
        engine,
        purpose: Purpose::Template,
        profile: Profile::Development,
        secret: InstanceSecret::new(secret),
        accounts: Accounts::Anew,
        copied: false,
        event_scheduler: false,
        memory_limit: None,
        buffer_pool: None,
        cpu_limit: None,
    };
    // It is up when a real query was answered.
    let started = supervisor.start(&spec).await;
    let stopped = supervisor.stop(spec.id, Stop::Hard).await;
    started.map_err(|error| anyhow::anyhow!("{error}"))?;
    stopped.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(())
}

/// A directory that goes with this value. Other users may pass through it.
struct Removed(PathBuf);

impl Removed {
    fn new() -> Result<Self> {
        let name = format!("offshoot-doctor-{}", SystemIds.id().as_str());
        let path = std::env::temp_dir().join(name);
        let make = |path: &Path| {
            std::fs::create_dir(path)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o711))
        };
        make(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a directory is left over");
        }
    }
}
