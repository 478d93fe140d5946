//! This machine behind the ports: its pool, its engines, their processes.

use crate::clock::{SystemClock, SystemIds};
use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::{Context, Result};
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_core::id::VolumeId;
use offshoot_core::port::{Binlogs, Engines, Instances, PortResult, Volumes};
use offshoot_mysqld::engine::{Catalog, LocalEngines, Wanted};
use offshoot_mysqld::instance::{Setup, Supervisor};
use offshoot_mysqld::schema::EngineSchemas;
use offshoot_mysqld::{DataDirs, Owner, VolumeDir};
use offshoot_volumes::{Pool, PoolOptions, image};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) struct Machine {
    pub(crate) pool: Arc<Pool>,
    pub(crate) volumes: Arc<dyn Volumes>,
    pub(crate) engines: Arc<dyn Engines>,
    pub(crate) instances: Arc<dyn Instances>,
    pub(crate) binlogs: Arc<dyn Binlogs>,
    pub(crate) schemas: Arc<EngineSchemas>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) default_engine: EngineRef,
    /// Kinds of which at least one engine is installed.
    pub(crate) kinds: Vec<EngineKind>,
    pub(crate) copy_on_write: bool,
    /// Bytes of memory that this machine has.
    pub(crate) memory: u64,
}

/// Where the pool keeps volumes, for the engines.
struct PoolDirs(Arc<Pool>);

impl DataDirs for PoolDirs {
    fn locate(&self, volume: VolumeId) -> PortResult<VolumeDir> {
        let located = self.0.locate(volume)?;
        let owner = located.owner.map(|(uid, gid)| Owner { uid, gid });
        Ok(VolumeDir {
            path: located.path,
            owner,
        })
    }
}

/// The pool's directory: configured, or in the data directory.
pub(crate) fn pool_dir(dir: &DataDir, config: &Config) -> PathBuf {
    config.pool.dir.clone().unwrap_or_else(|| dir.pool())
}

impl Machine {
    pub(crate) fn open(dir: &DataDir, config: &Config) -> Result<Self> {
        let pool_dir = pool_dir(dir, config);
        // A pool that Offshoot itself mounted comes back with Offshoot; any other is its owner's affair.
        image::ensure_mounted(&pool_dir).context("cannot mount the pool")?;
        let pool = Arc::new(
            Pool::open(&pool_dir, PoolOptions::default()).context("cannot open the pool")?,
        );
        let catalog = Arc::new(catalog(dir, config));
        let default_engine = catalog
            .default()
            .context("no engine is installed: run `offshoot engine install mysql`")?
            .engine;
        let mut kinds: Vec<EngineKind> =
            catalog.installed().iter().map(|e| e.engine.kind).collect();
        kinds.sort();
        kinds.dedup();
        let dirs: Arc<dyn DataDirs> = Arc::new(PoolDirs(pool.clone()));
        let memory = memory()?;
        let supervisor = Arc::new(Supervisor::new(Setup {
            run: dir.run(),
            logs: dir.logs(),
            dirs: dirs.clone(),
            engines: {
                let catalog = catalog.clone();
                Arc::new(move |engine| catalog.get(engine).ok())
            },
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            machine_memory: memory,
        })?);
        let schemas = EngineSchemas::new({
            let supervisor = supervisor.clone();
            move |instance| supervisor.data_dir(instance)
        });
        Ok(Self {
            copy_on_write: pool.driver().copy_on_write(),
            volumes: pool.clone(),
            pool,
            engines: Arc::new(LocalEngines::new(catalog.clone(), dirs, kinds.clone())),
            instances: supervisor.clone(),
            binlogs: supervisor,
            schemas: Arc::new(schemas),
            catalog,
            default_engine,
            kinds,
            memory,
        })
    }

    /// The newest installed engine of a kind.
    pub(crate) fn newest(&self, kind: EngineKind) -> Option<EngineRef> {
        self.catalog.newest(kind).map(|files| files.engine)
    }
}

/// The engines that are configured, on PATH, or managed in the data directory.
pub(crate) fn catalog(dir: &DataDir, config: &Config) -> Catalog {
    let programs = [
        (EngineKind::Mysql, &config.engine.mysql),
        (EngineKind::Mariadb, &config.engine.mariadb),
    ];
    let configured = programs
        .into_iter()
        .filter_map(|(kind, program)| program.server.clone().map(|server| Wanted { kind, server }))
        .collect();
    Catalog::new(dir.engines(), configured)
}

/// Bytes of physical memory.
pub(crate) fn memory() -> Result<u64> {
    let text =
        std::fs::read_to_string("/proc/meminfo").context("cannot read the machine's memory")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .context("no MemTotal")?;
    let kib: u64 = line
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .context("MemTotal is a number")?;
    Ok(kib * 1024)
}
