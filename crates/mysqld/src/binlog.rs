//! Binlogs: reading those of engines that write one, and replaying what was read into others.
//!
//! Implements the port [`Binlogs`] with the [`Supervisor`]. Files are read where they lie, up to
//! where the engine says that it has committed. A replay does not go through a client: the engine
//! applies the archived events itself, as a replica applies its relay log, with all that entails
//! (definers, character sets, row images of any size, several workers in commit order), and only
//! what is to be applied is put before it.

mod applier;
mod filter;
mod held;
mod read;
mod replay;
mod session;
mod watch;

use crate::VolumeDir;
use crate::admin::session::{AdminError, Session, quote};
use crate::instance::{Supervisor, aside, internal, lock};
use async_trait::async_trait;
use offshoot_core::binlog::{Beginning, Mark, Reading, Replayed, Until};
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::GtidSet;
use offshoot_core::id::InstanceId;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{Binlogs, PortError, PortResult, Ranges};
use offshoot_core::refusal::Refusal;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The engine has removed that file itself.
const GONE: u16 = 1373;

/// What is remembered of the binlogs of running engines; nothing that could not be lost.
#[derive(Default)]
pub(crate) struct Readers {
    watches: watch::Watches,
    inside: Mutex<HashMap<InstanceId, read::Inside>>,
}

impl Readers {
    /// The engine has ended.
    pub(crate) fn end(&self, id: InstanceId) {
        self.watches.end(id);
        lock(&self.inside).remove(&id);
    }
}

#[async_trait]
impl Binlogs for Supervisor {
    async fn begin(&self, endpoint: &Endpoint) -> PortResult<Beginning> {
        let data = self.data(endpoint)?;
        self.watch(endpoint, &data);
        let mut session = Session::open(endpoint).await?;
        session.execute("FLUSH BINARY LOGS").await?;
        let (file, _) = read::active(&mut session, endpoint.engine).await?;
        let (path, kind) = (data.join(&file), endpoint.engine.kind);
        let before = aside(move || read::before(&path, kind)).await?;
        Ok(Beginning {
            mark: Mark::start_of(file),
            before,
        })
    }

    async fn behind(&self, endpoint: &Endpoint, mark: &Mark) -> PortResult<u64> {
        let data = self.data(endpoint)?;
        self.watch(endpoint, &data);
        let path = data.join(&mark.file);
        let length = aside(move || Ok(fs::metadata(path).map_or(0, |m| m.len()))).await?;
        Ok(length.saturating_sub(mark.offset))
    }

    async fn read(&self, endpoint: &Endpoint, mark: &Mark, limit: u64) -> PortResult<Reading> {
        let data = self.data(endpoint)?;
        let watch = self.watch(endpoint, &data);
        let inside = lock(&self.readers().inside)
            .entry(endpoint.instance)
            .or_default()
            .clone();
        // Before the engine is asked: what it commits afterwards may be missing.
        let now = self.now();
        let mut session = Session::open(endpoint).await?;
        let (active, end) = read::active(&mut session, endpoint.engine).await?;
        let files = read::files(&mut session).await?;
        let (kind, mark) = (endpoint.engine.kind, mark.clone());
        aside(move || {
            let source = read::Source {
                data,
                files,
                active,
                end,
                kind,
                watch,
                inside,
                now,
            };
            source.read(mark, limit)
        })
        .await
    }

    async fn release(&self, endpoint: &Endpoint, file: &str) -> PortResult<()> {
        let mut session = Session::open(endpoint).await?;
        let file = quote(file);
        let purge = format!("PURGE BINARY LOGS TO {file}");
        match session.execute(&purge).await {
            Err(AdminError::Server { code, .. }) if code == GONE => Ok(()),
            done => Ok(done?),
        }
    }

    async fn held(
        &self,
        endpoint: &Endpoint,
        from: &GtidSet,
        unclean: bool,
    ) -> PortResult<GtidSet> {
        held::held(endpoint, from, unclean).await
    }

    async fn replay(
        &self,
        endpoint: &Endpoint,
        from: &GtidSet,
        until: &Until,
        ranges: &mut dyn Ranges,
    ) -> PortResult<Replayed> {
        let volume = self.volume(endpoint)?;
        replay::replay(endpoint, volume, from, until, ranges).await
    }
}

impl Supervisor {
    fn volume(&self, endpoint: &Endpoint) -> PortResult<VolumeDir> {
        self.volume_of(endpoint.instance).ok_or_else(|| {
            PortError::retry(Refusal::unavailable("the branch's engine does not run"))
        })
    }

    fn data(&self, endpoint: &Endpoint) -> PortResult<PathBuf> {
        Ok(self.volume(endpoint)?.path.join("data"))
    }

    /// What notes when the binlog is written to, where the engine does not.
    fn watch(&self, endpoint: &Endpoint, data: &Path) -> Option<Arc<watch::Watch>> {
        match endpoint.engine.kind {
            EngineKind::Mysql => None,
            EngineKind::Mariadb => self.readers().watches.of(endpoint.instance, data),
        }
    }
}

/// Bytes that are no binlog of an engine that Offshoot drives.
fn malformed(file: &str, error: offshoot_wire::Malformed) -> PortError {
    internal(format!("{file}: {error}"))
}
