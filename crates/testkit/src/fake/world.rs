//! What the machines hold, and how it goes wrong when a test wants it to.

use jiff::Timestamp;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BackupId, BranchId, InstanceId, PasswordId, SnapshotId, VolumeId};
use offshoot_core::instance::{Confined, Endpoint, InstanceEvent, InstanceSecret, InstanceSpec};
use offshoot_core::off_site::Label;
use offshoot_core::port::{PortError, PortResult, Traffic};
use offshoot_core::size::Allowance;
use offshoot_core::{Kind, Refusal};
use offshoot_schema::{ObjectKind, ObjectName, SchemaObject};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// All machines of a test. Cheap to clone.
#[derive(Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
    pub(super) events: Arc<Notify>,
}

/// How a port call goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// Nothing happens; trying again may help.
    Transient,
    /// Nothing happens; trying again does not help.
    Fatal,
    /// It happens, and then the caller's process dies: the hook ends it.
    Death(Arc<dyn Fn() + Send + Sync>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) engine: Option<EngineRef>,
    /// The secret its accounts were made with.
    pub(super) accounts: Option<InstanceSecret>,
    /// Objects with their stamps.
    pub(super) objects: BTreeMap<ObjectName, (SchemaObject, u64)>,
    /// What its accounts lack.
    pub(super) confined: Confined,
    /// What its definers could do to the schema all the same.
    pub(super) evasions: Vec<String>,
    /// Bytes of its own.
    pub(super) unique: u64,
    /// Times of the transactions that clients committed.
    pub(super) transactions: Vec<Timestamp>,
    /// It cannot be read in full.
    pub(super) damaged: bool,
}

pub(super) struct Running {
    pub(super) spec: InstanceSpec,
    pub(super) endpoint: Endpoint,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) engines: Vec<EngineRef>,
    pub(super) volumes: BTreeMap<VolumeId, Data>,
    pub(super) snapshots: BTreeMap<SnapshotId, Data>,
    pub(super) running: BTreeMap<InstanceId, Running>,
    pub(super) remains: BTreeSet<InstanceId>,
    pub(super) events: VecDeque<InstanceEvent>,
    pub(super) traffic: BTreeMap<BranchId, Traffic>,
    pub(super) closed: Vec<PasswordId>,
    pub(super) parked: Vec<BranchId>,
    pub(super) ended: Vec<BranchId>,
    pub(super) explained: BTreeMap<BranchId, String>,
    pub(super) withheld: BTreeMap<BranchId, String>,
    /// Branches whose sessions logged in anew; whether those under way were ended.
    pub(super) renewed: Vec<(BranchId, bool)>,
    pub(super) busy: bool,
    /// What a copy of a running engine is predicted to cost; `None` = its own hot copy alone.
    pub(super) pause: Option<Duration>,
    /// Engines that stand still.
    pub(super) frozen: BTreeSet<InstanceId>,
    pub(super) vault: BTreeMap<String, Vec<u8>>,
    /// Off-site copies, with what they hold.
    pub(super) copies: BTreeMap<BackupId, (Label, Data)>,
    /// Copies that cannot be read any more.
    pub(super) damaged_copies: BTreeSet<BackupId>,
    /// What other servers were sent, and what they answer with.
    pub(super) sent: Vec<super::Sent>,
    pub(super) answers: VecDeque<(u16, String)>,
    /// Who answers in their place.
    pub(super) receivers: Option<crate::receivers::Receivers>,
    pub(super) credential_files: BTreeMap<String, String>,
    /// The engines' time.
    pub(super) clock: Timestamp,
    /// Volumes on which rules were begun, and whether they were carried out to the end.
    pub(super) seeded: BTreeMap<VolumeId, bool>,
    /// A table in each engine cannot undo what was half done.
    pub(super) without_undo: bool,
    pub(super) starts: u64,
    pub(super) stamp: u64,
    /// So many more fingerprints have stamps that are not settled.
    pub(super) young: u32,
    violations: Vec<String>,
    calls: Vec<&'static str>,
    fault: Option<(u64, Fault)>,
    /// Calls of this name fail until told otherwise.
    broken: BTreeSet<&'static str>,
}

impl State {
    pub(super) fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(super) fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }
}

impl World {
    /// A world with one engine installed.
    pub fn new(engine: &str) -> Self {
        let world = Self::default();
        world
            .lock()
            .engines
            .push(engine.parse().expect("an engine like mysql-9.7.4"));
        world.set_pause(Some(Duration::from_millis(10)));
        world
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of port calls so far.
    pub fn calls(&self) -> u64 {
        self.lock().calls.len() as u64
    }

    /// Name of the n-th port call, from 1.
    pub fn call(&self, n: u64) -> &'static str {
        let index = usize::try_from(n).unwrap_or(usize::MAX).wrapping_sub(1);
        self.lock().calls.get(index).copied().unwrap_or("none")
    }

    /// The n-th call from now on (the next is 1) goes wrong.
    pub fn fail(&self, n: u64, fault: Fault) {
        let mut state = self.lock();
        let at = state.calls.len() as u64 + n;
        state.fault = Some((at, fault));
    }

    /// A running engine was started with its event scheduler on.
    pub fn events_run(&self, instance: InstanceId) -> bool {
        let state = self.lock();
        state
            .running
            .get(&instance)
            .is_some_and(|r| r.spec.event_scheduler)
    }

    /// What a copy of a running engine is predicted to cost from now on; `None` = it cannot be had.
    /// What an engine that runs was started with.
    pub fn allowance(&self, instance: InstanceId) -> Allowance {
        let state = self.lock();
        let spec = &state.running[&instance].spec;
        Allowance {
            memory: spec.memory_limit,
            cpu: spec.cpu_limit,
            pool: spec.buffer_pool,
        }
    }

    pub fn set_pause(&self, pause: Option<Duration>) {
        self.lock().pause = pause;
    }

    /// What is copied from the snapshot from now on cannot be read in full.
    pub fn damage(&self, snapshot: SnapshotId) {
        if let Some(data) = self.lock().snapshots.get_mut(&snapshot) {
            data.damaged = true;
        }
    }

    /// The snapshot loses all its objects, and can be read.
    pub fn empty(&self, snapshot: SnapshotId) {
        if let Some(data) = self.lock().snapshots.get_mut(&snapshot) {
            data.objects.clear();
        }
    }

    /// Whether a volume's data has passed rules in that volume.
    pub fn seeded(&self, volume: VolumeId) -> bool {
        self.lock().seeded.get(&volume) == Some(&true)
    }

    /// What a volume takes alone from now on.
    pub fn set_unique(&self, volume: VolumeId, bytes: u64) {
        if let Some(data) = self.lock().volumes.get_mut(&volume) {
            data.unique = bytes;
        }
    }

    /// Whether the accounts in a volume lack what makes data grow.
    pub fn confined(&self, volume: VolumeId) -> bool {
        self.accounts_lack(volume).growth
    }

    /// What the accounts in a volume lack.
    pub fn accounts_lack(&self, volume: VolumeId) -> Confined {
        let state = self.lock();
        state
            .volumes
            .get(&volume)
            .map_or_else(Confined::default, |d| d.confined)
    }

    /// What definers could do to a volume's schema, whatever clients may.
    pub fn set_evasions(&self, volume: VolumeId, evasions: &[&str]) {
        if let Some(data) = self.lock().volumes.get_mut(&volume) {
            data.evasions = evasions.iter().map(|e| (*e).to_owned()).collect();
        }
    }

    /// What clients of a branch are told in the place of the engine's refusal of DDL.
    pub fn withheld(&self, branch: BranchId) -> Option<String> {
        self.lock().withheld.get(&branch).cloned()
    }

    /// Branches whose admins' sessions logged in anew, and whether those under way were ended, in order.
    pub fn renewed(&self) -> Vec<(BranchId, bool)> {
        self.lock().renewed.clone()
    }

    /// What sessions of a branch are told beside a refusal of the engine.
    pub fn explained(&self, branch: BranchId) -> Option<String> {
        self.lock().explained.get(&branch).cloned()
    }

    /// Branches whose writing sessions were ended, in order.
    pub fn ended(&self) -> Vec<BranchId> {
        self.lock().ended.clone()
    }

    /// The next `fingerprints` are too young to be trusted.
    pub fn young(&self, fingerprints: u32) {
        self.lock().young = fingerprints;
    }

    /// Every call of that name (`instances.start`) fails, transiently, until mended.
    pub fn breaks(&self, call: &'static str) {
        self.lock().broken.insert(call);
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) {
        let mut state = self.lock();
        state.fault = None;
        state.broken.clear();
    }

    /// What no correct caller does: two engines on one volume, removal under a running engine, …
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Backups that have an off-site copy.
    pub fn copies(&self) -> Vec<BackupId> {
        self.lock().copies.keys().copied().collect()
    }

    /// A byte of an off-site copy is flipped.
    pub fn damage_copy(&self, backup: BackupId) {
        self.lock().damaged_copies.insert(backup);
    }

    pub fn volumes(&self) -> Vec<VolumeId> {
        self.lock().volumes.keys().copied().collect()
    }

    pub fn snapshots(&self) -> Vec<SnapshotId> {
        self.lock().snapshots.keys().copied().collect()
    }

    /// Living engines.
    pub fn running(&self) -> Vec<InstanceId> {
        self.lock().running.keys().copied().collect()
    }

    /// Instances of which anything is left.
    pub fn remains(&self) -> Vec<InstanceId> {
        self.lock().remains.iter().copied().collect()
    }

    /// How many engines were started in all.
    pub fn starts(&self) -> u64 {
        self.lock().starts
    }

    /// Names of the tables in the engine's volume, sorted.
    pub fn tables(&self, instance: InstanceId) -> Vec<String> {
        let state = self.lock();
        let Some(running) = state.running.get(&instance) else {
            return Vec::new();
        };
        state
            .volumes
            .get(&running.spec.volume)
            .map_or_else(Vec::new, |data| {
                data.objects
                    .keys()
                    .filter(|n| n.kind == ObjectKind::Table)
                    .map(|n| n.name.clone())
                    .collect()
            })
    }

    /// Definition of a table in a running engine.
    pub fn definition(&self, instance: InstanceId, schema: &str, table: &str) -> Option<String> {
        let state = self.lock();
        let running = state.running.get(&instance)?;
        let name = ObjectName::new(ObjectKind::Table, schema, table);
        let data = state.volumes.get(&running.spec.volume)?;
        data.objects.get(&name).map(|(o, _)| o.ddl.clone())
    }

    /// A client makes or changes a table.
    pub fn put_table(&self, instance: InstanceId, schema: &str, table: &str, ddl: &str) {
        let mut state = self.lock();
        let stamp = state.next_stamp();
        let volume = state.running[&instance].spec.volume;
        let name = ObjectName::new(ObjectKind::Table, schema, table);
        let object = SchemaObject {
            name: name.clone(),
            ddl: ddl.to_owned(),
            context: Default::default(),
            table: None,
        };
        let data = state.volumes.get_mut(&volume).expect("its volume is there");
        data.objects.insert(name, (object, stamp));
    }

    pub fn drop_table(&self, instance: InstanceId, schema: &str, table: &str) {
        let mut state = self.lock();
        let volume = state.running[&instance].spec.volume;
        let name = ObjectName::new(ObjectKind::Table, schema, table);
        let data = state.volumes.get_mut(&volume).expect("its volume is there");
        data.objects.remove(&name);
    }

    /// An engine ends unasked. With `told`, its owner hears of it.
    pub fn crash(&self, instance: InstanceId, told: bool) {
        let mut state = self.lock();
        state.running.remove(&instance);
        if told {
            state.events.push_back(InstanceEvent::Exited {
                id: instance,
                reason: "signal 9".to_owned(),
            });
        }
        drop(state);
        self.events.notify_one();
    }

    /// The machine is switched off and on again: no engine lives.
    pub fn reboot(&self) {
        self.lock().running.clear();
    }

    /// Clients' use of a branch, as the gateway would tell it.
    pub fn set_traffic(&self, branch: BranchId, traffic: Traffic) {
        self.lock().traffic.insert(branch, traffic);
    }

    /// Commands or transactions are under way in every engine.
    pub fn set_busy(&self, busy: bool) {
        self.lock().busy = busy;
    }

    /// Passwords whose sessions were ended.
    pub fn closed_passwords(&self) -> Vec<PasswordId> {
        self.lock().closed.clone()
    }

    /// Begins a port call: counts it, and fails it where a test wants that.
    pub(super) fn enter(&self, call: &'static str) -> PortResult<()> {
        let mut state = self.lock();
        state.calls.push(call);
        let n = state.calls.len() as u64;
        let refusal = || {
            Refusal::new(
                Kind::Unavailable,
                format!("{call} fails by the test's wish"),
            )
        };
        if state.broken.contains(call) {
            return Err(PortError::retry(refusal()));
        }
        match &state.fault {
            Some((at, Fault::Transient)) if *at == n => Err(PortError::retry(refusal())),
            Some((at, Fault::Fatal)) if *at == n => Err(PortError::fatal(refusal())),
            _ => Ok(()),
        }
    }

    /// Ends a port call whose effect is there: the caller may not live to hear of it.
    pub(super) fn leave(&self) -> PortResult<()> {
        let state = self.lock();
        let n = state.calls.len() as u64;
        match state.fault.clone() {
            Some((at, Fault::Death(hook))) if n >= at => {
                drop(state);
                hook();
                Err(PortError::retry(Refusal::new(
                    Kind::Unavailable,
                    "the process is dead",
                )))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn missing(what: impl std::fmt::Debug) -> PortError {
    PortError::fatal(Refusal::new(
        Kind::NotFound,
        format!("{what:?} is not there"),
    ))
}
