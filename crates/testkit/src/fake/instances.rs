//! Engines in memory: processes without a process.

use super::World;
use super::binlogs;
use super::world::{Running, missing};
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::backup::{Examined, Position};
use offshoot_core::engine::{EngineRef, EngineSource, InstalledEngine};
use offshoot_core::id::{InstanceId, VolumeId};
use offshoot_core::instance::{
    Accounts, Activity, Address, Confined, Endpoint, EngineSession, InstanceEvent, InstanceSpec,
    Kill as Ending, Observed, Stop,
};
use offshoot_core::port::{Engines, Freeze, Frozen, Instances, PortError, PortResult, Progress};
use offshoot_core::{Kind, Refusal};
use std::time::Duration;

#[derive(Clone)]
pub struct FakeEngines(pub World);

#[async_trait]
impl Engines for FakeEngines {
    async fn installed(&self) -> PortResult<Vec<InstalledEngine>> {
        self.0.enter("engines.installed")?;
        Ok(self
            .0
            .lock()
            .engines
            .iter()
            .enumerate()
            .map(|(i, engine)| InstalledEngine {
                engine: *engine,
                source: EngineSource::Managed,
                default: i == 0,
            })
            .collect())
    }

    async fn initialize(&self, engine: EngineRef, volume: VolumeId) -> PortResult<()> {
        self.0.enter("engines.initialize")?;
        {
            let mut state = self.0.lock();
            let data = state
                .volumes
                .get_mut(&volume)
                .ok_or_else(|| missing(volume))?;
            data.engine = Some(engine);
            data.objects.clear();
        }
        self.0.leave()
    }
}

struct FakeFreezer(World, InstanceId);

impl Freeze for FakeFreezer {
    fn freeze(self: Box<Self>) -> PortResult<Box<dyn Frozen>> {
        self.0.lock().frozen.insert(self.1);
        Ok(self)
    }
}

impl Frozen for FakeFreezer {
    fn thaw(self: Box<Self>) -> PortResult<Duration> {
        Ok(Duration::from_millis(7))
    }
}

impl Drop for FakeFreezer {
    fn drop(&mut self) {
        self.0.lock().frozen.remove(&self.1);
    }
}

#[derive(Clone)]
pub struct FakeInstances(pub World);

#[async_trait]
impl Instances for FakeInstances {
    async fn start(&self, spec: &InstanceSpec) -> PortResult<Endpoint> {
        self.0.enter("instances.start")?;
        let endpoint = {
            let mut state = self.0.lock();
            if let Some(running) = state.running.get(&spec.id) {
                running.endpoint.clone()
            } else {
                if state.running.values().any(|r| r.spec.volume == spec.volume) {
                    state.violation(format!("two engines on {:?}", spec.volume));
                }
                let data = state
                    .volumes
                    .get_mut(&spec.volume)
                    .ok_or_else(|| missing(spec.volume))?;
                if data.engine != Some(spec.engine) {
                    return Err(PortError::fatal(Refusal::new(
                        Kind::Internal,
                        "the volume holds no data of this engine",
                    )));
                }
                let fits = match spec.accounts {
                    Accounts::Anew => {
                        data.accounts = Some(spec.secret.clone());
                        data.confined = Confined::default();
                        true
                    }
                    Accounts::Keep => data.accounts.as_ref() == Some(&spec.secret),
                };
                if !fits {
                    state.violation(format!("{:?} kept accounts of another secret", spec.id));
                }
                let endpoint = Endpoint {
                    instance: spec.id,
                    engine: spec.engine,
                    address: Address::Unix(format!("/{}/socket", spec.id).into()),
                    secret: spec.secret.clone(),
                };
                state.starts += 1;
                state.remains.insert(spec.id);
                state.running.insert(
                    spec.id,
                    Running {
                        spec: spec.clone(),
                        endpoint: endpoint.clone(),
                    },
                );
                endpoint
            }
        };
        self.0.leave()?;
        Ok(endpoint)
    }

    async fn stop(&self, id: InstanceId, _how: Stop) -> PortResult<()> {
        self.0.enter("instances.stop")?;
        self.0.lock().running.remove(&id);
        self.0.leave()
    }

    async fn forget(&self, id: InstanceId) -> PortResult<()> {
        self.0.enter("instances.forget")?;
        {
            let mut state = self.0.lock();
            if state.running.contains_key(&id) {
                state.violation(format!("{id:?} forgotten while it runs"));
            }
            state.remains.remove(&id);
        }
        self.0.leave()
    }

    async fn observe(&self) -> PortResult<Vec<Observed>> {
        self.0.enter("instances.observe")?;
        Ok(self
            .0
            .lock()
            .running
            .keys()
            .map(|id| Observed {
                id: *id,
                started_at: Timestamp::UNIX_EPOCH,
                memory: 1 << 20,
            })
            .collect())
    }

    async fn remains(&self) -> PortResult<Vec<InstanceId>> {
        self.0.enter("instances.remains")?;
        Ok(self.0.lock().remains.iter().copied().collect())
    }

    async fn next_event(&self) -> InstanceEvent {
        loop {
            if let Some(event) = self.0.lock().events.pop_front() {
                return event;
            }
            self.0.events.notified().await;
        }
    }

    async fn activity(&self, endpoint: &Endpoint) -> PortResult<Activity> {
        self.0.enter("instances.activity")?;
        let state = self.0.lock();
        if !state.running.contains_key(&endpoint.instance) {
            return Err(PortError::retry(Refusal::unavailable(
                "the engine does not run",
            )));
        }
        Ok(Activity {
            running_commands: u32::from(state.busy),
            open_transactions: 0,
        })
    }

    async fn sessions(&self, endpoint: &Endpoint) -> PortResult<Vec<EngineSession>> {
        self.0.enter("instances.sessions")?;
        let state = self.0.lock();
        let busy = state.running.contains_key(&endpoint.instance) && state.busy;
        let session = EngineSession {
            id: 7,
            user: "admin".into(),
            host: "localhost".into(),
            schema: None,
            command: "Query".into(),
            seconds: 1,
            state: None,
            statement: Some("SELECT SLEEP(100)".into()),
            transaction: None,
        };
        Ok(busy.then_some(session).into_iter().collect())
    }

    async fn kill(&self, endpoint: &Endpoint, session: u64, _: Ending) -> PortResult<bool> {
        let there = self.sessions(endpoint).await?;
        self.0.lock().busy = false;
        Ok(there.iter().any(|s| s.id == session))
    }

    async fn confine(&self, endpoint: &Endpoint, confined: Confined) -> PortResult<Vec<u64>> {
        self.0.enter("instances.confine")?;
        {
            let mut state = self.0.lock();
            let volume = state.running.get(&endpoint.instance).map(|r| r.spec.volume);
            let data = volume.and_then(|v| state.volumes.get_mut(&v));
            data.ok_or_else(|| missing(endpoint.instance))?.confined = confined;
        }
        self.0.leave()?;
        Ok(vec![7])
    }

    async fn evasions(&self, endpoint: &Endpoint) -> PortResult<Vec<String>> {
        self.0.enter("instances.evasions")?;
        let state = self.0.lock();
        let volume = state.running.get(&endpoint.instance).map(|r| r.spec.volume);
        let data = volume.and_then(|v| state.volumes.get(&v));
        let data = data.ok_or_else(|| missing(endpoint.instance))?;
        Ok(data.evasions.clone())
    }

    async fn freezer(&self, id: InstanceId, _limit: Duration) -> PortResult<Box<dyn Freeze>> {
        self.0.enter("instances.freezer")?;
        if !self.0.lock().running.contains_key(&id) {
            return Err(PortError::retry(Refusal::unavailable(
                "the engine does not run",
            )));
        }
        Ok(Box::new(FakeFreezer(self.0.clone(), id)))
    }

    async fn hot_copy(
        &self,
        endpoint: &Endpoint,
        to: VolumeId,
        progress: &dyn Progress,
    ) -> PortResult<()> {
        progress.at(1, 1);
        self.0.enter("instances.hot_copy")?;
        {
            let mut state = self.0.lock();
            let from = state.running.get(&endpoint.instance).map(|r| r.spec.volume);
            let data = from.and_then(|v| state.volumes.get(&v)).cloned();
            let data = data.ok_or_else(|| missing(endpoint.instance))?;
            state.volumes.insert(to, data);
        }
        self.0.leave()
    }

    async fn position(&self, endpoint: &Endpoint) -> PortResult<Position> {
        self.0.enter("instances.position")?;
        Ok(Position {
            gtid_set: binlogs::set(self.0.committed(endpoint.instance).len()).to_string(),
            file: "binlog.000001".to_owned(),
            offset: u64::from(endpoint.engine.version.minor),
        })
    }

    async fn examine(&self, endpoint: &Endpoint, progress: &dyn Progress) -> PortResult<Examined> {
        progress.at(1, 1);
        self.0.enter("instances.examine")?;
        let state = self.0.lock();
        let volume = state.running.get(&endpoint.instance).map(|r| r.spec.volume);
        let volume = volume.ok_or_else(|| missing(endpoint.instance))?;
        let data = state.volumes.get(&volume);
        if data.is_some_and(|d| d.damaged) {
            return Err(PortError::fatal(Refusal::unprocessable(
                "table shop.orders is damaged",
            )));
        }
        let tables = data.map_or(0, |d| d.objects.len());
        Ok(Examined {
            tables: tables as u64,
            rows: 0,
            digest: format!("{tables:064x}"),
        })
    }

    async fn logs(&self, id: InstanceId, lines: usize) -> PortResult<Vec<String>> {
        self.0.enter("instances.logs")?;
        Ok(vec![format!("log of {id}"); lines.min(1)])
    }
}
