//! A machine that does everything at once and nothing really: the smallest ports that `control`
//! makes branches with.

use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_control::Ports;
use offshoot_core::engine::{EngineRef, EngineSource, InstalledEngine};
use offshoot_core::id::{BranchId, InstanceId, PasswordId, SnapshotId, VolumeId};
use offshoot_core::instance::{
    Activity, Address, Endpoint, InstanceEvent, InstanceSpec, Observed, Stop,
};
use offshoot_core::port::{Clock, Engines, Ids, Instances, PortResult, Sessions, Traffic, Volumes};
use offshoot_core::volume::{Driver, PoolStatus, Stored, VolumeUsage};
use offshoot_schema::port::{Delta, Fingerprint, Schemas};
use offshoot_schema::{ObjectName, SchemaObject};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Machine {
    stored: Mutex<Vec<Stored>>,
    running: Mutex<BTreeMap<InstanceId, Timestamp>>,
}

pub(crate) fn ports() -> Ports {
    let machine = Arc::new(Machine::default());
    Ports {
        clock: machine.clone(),
        ids: machine.clone(),
        volumes: machine.clone(),
        engines: machine.clone(),
        instances: machine.clone(),
        schemas: machine.clone(),
        sessions: machine,
    }
}

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Ids for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is the source of ids")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}

impl Machine {
    fn keep(&self, stored: Stored) {
        let mut all = self.stored.lock().unwrap();
        if !all.contains(&stored) {
            all.push(stored);
        }
    }
}

#[async_trait]
impl Volumes for Machine {
    async fn status(&self) -> PortResult<PoolStatus> {
        Ok(PoolStatus {
            driver: Driver::Copy,
            location: "nowhere".into(),
            size: 100,
            used: 40,
            free: 60,
            advice: Some("offshoot pool create --size 20G".into()),
        })
    }

    async fn create(&self, volume: VolumeId) -> PortResult<()> {
        self.keep(Stored::Volume(volume));
        Ok(())
    }

    async fn snapshot(&self, _: VolumeId, snapshot: SnapshotId) -> PortResult<()> {
        self.keep(Stored::Snapshot(snapshot));
        Ok(())
    }

    async fn fork(&self, _: SnapshotId, volume: VolumeId) -> PortResult<()> {
        self.keep(Stored::Volume(volume));
        Ok(())
    }

    async fn remove(&self, stored: Stored) -> PortResult<()> {
        self.stored.lock().unwrap().retain(|s| *s != stored);
        Ok(())
    }

    async fn list(&self) -> PortResult<Vec<Stored>> {
        Ok(self.stored.lock().unwrap().clone())
    }

    async fn usage(&self, _: VolumeId) -> PortResult<VolumeUsage> {
        Ok(VolumeUsage {
            allocated: 20,
            unique: 5,
        })
    }
}

#[async_trait]
impl Engines for Machine {
    async fn installed(&self) -> PortResult<Vec<InstalledEngine>> {
        let engine: EngineRef = "mysql-9.7.4".parse().unwrap();
        Ok(vec![InstalledEngine {
            engine,
            source: EngineSource::Managed,
            default: true,
        }])
    }

    async fn initialize(&self, _: EngineRef, _: VolumeId) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Instances for Machine {
    async fn start(&self, spec: &InstanceSpec) -> PortResult<Endpoint> {
        self.running.lock().unwrap().insert(spec.id, self.now());
        Ok(Endpoint {
            instance: spec.id,
            engine: spec.engine,
            address: Address::Unix("nowhere".into()),
            secret: spec.secret.clone(),
        })
    }

    async fn stop(&self, id: InstanceId, _: Stop) -> PortResult<()> {
        self.running.lock().unwrap().remove(&id);
        Ok(())
    }

    async fn forget(&self, _: InstanceId) -> PortResult<()> {
        Ok(())
    }

    async fn observe(&self) -> PortResult<Vec<Observed>> {
        let running = self.running.lock().unwrap();
        let observed = |(id, started_at): (&InstanceId, &Timestamp)| Observed {
            id: *id,
            started_at: *started_at,
            memory: 1,
        };
        Ok(running.iter().map(observed).collect())
    }

    async fn remains(&self) -> PortResult<Vec<InstanceId>> {
        Ok(self.running.lock().unwrap().keys().copied().collect())
    }

    async fn next_event(&self) -> InstanceEvent {
        std::future::pending().await
    }

    async fn activity(&self, _: &Endpoint) -> PortResult<Activity> {
        Ok(Activity::default())
    }

    async fn logs(&self, _: InstanceId, lines: usize) -> PortResult<Vec<String>> {
        Ok((0..lines.min(3)).map(|n| format!("line {n}")).collect())
    }
}

#[async_trait]
impl Schemas for Machine {
    async fn fingerprint(&self, _: &Endpoint) -> PortResult<Fingerprint> {
        Ok(Fingerprint::default())
    }

    async fn read(&self, _: &Endpoint, _: Option<&[ObjectName]>) -> PortResult<Vec<SchemaObject>> {
        Ok(Vec::new())
    }

    async fn apply(&self, _: &Endpoint, _: &Delta) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Sessions for Machine {
    fn traffic(&self, _: BranchId) -> Traffic {
        Traffic::default()
    }

    async fn close_password(&self, _: PasswordId) {}

    async fn close_branch(&self, _: BranchId) {}

    async fn park(&self, _: BranchId) -> bool {
        true
    }
}
