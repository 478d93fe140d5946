//! The ports: what the rest of Offshoot needs from machines, in terms that another machine (a
//! cluster, a test) can also offer. No paths and no process ids, but for the socket in an
//! [`Endpoint`]. Every call that changes something is idempotent: it is repeated after a crash.

use crate::backup::{Examined, Position};
use crate::binlog::{Beginning, Mark, Range, Reading, Replayed, Until};
use crate::credential::Verifier;
use crate::engine::{EngineRef, InstalledEngine};
use crate::gtid::GtidSet;
use crate::id::{BackupId, BranchId, InstanceId, PasswordId, RawId, SnapshotId, VolumeId};
use crate::instance::{
    Activity, Confined, Endpoint, EngineSession, InstanceEvent, InstanceSpec, Kill, Observed, Stop,
};
use crate::off_site::{Exported, Label, Listing, OffSiteCopy, Place};
use crate::oidc::{Errand, Identity, Returned};
use crate::password::Role;
use crate::refusal::Refusal;
use crate::volume::{PoolStatus, Stored, VolumeUsage};
use async_trait::async_trait;
use ipnet::IpNet;
use jiff::Timestamp;
use secrecy::SecretString;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A port's failure: whether trying again can help, and what to say.
#[derive(Debug)]
pub struct PortError {
    pub retry: bool,
    pub refusal: Refusal,
}

impl PortError {
    /// Trying again may help (with back-off).
    pub fn retry(refusal: Refusal) -> Self {
        Self {
            retry: true,
            refusal,
        }
    }

    /// Trying again does not help.
    pub fn fatal(refusal: Refusal) -> Self {
        Self {
            retry: false,
            refusal,
        }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.refusal.source()
    }
}

pub type PortResult<T> = Result<T, PortError>;

/// Wall-clock time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// Randomness: ids, usernames, secrets.
pub trait Ids: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);

    fn id(&self) -> RawId {
        let mut bytes = [0; crate::id::LENGTH];
        self.fill(&mut bytes);
        RawId::from_entropy(bytes)
    }
}

/// Told how far a long piece of work is: often, from any thread, so it must not block.
pub trait Progress: Send + Sync {
    /// `done` of `total` bytes.
    fn at(&self, done: u64, total: u64);
}

/// For those who do not look.
impl Progress for () {
    fn at(&self, _: u64, _: u64) {}
}

/// Volumes in a pool. Volumes and snapshots come into being whole or not at all: a half-made one is
/// invisible to every other call and removed by the next `remove` or `fork` of its id.
#[async_trait]
pub trait Volumes: Send + Sync {
    async fn status(&self) -> PortResult<PoolStatus>;

    /// Makes an empty volume. An existing one stays as it is.
    async fn create(&self, volume: VolumeId) -> PortResult<()>;

    /// Makes a read-only image of a volume whose engine is stopped. An existing one stays as it is.
    async fn snapshot(&self, volume: VolumeId, snapshot: SnapshotId) -> PortResult<()>;

    /// Makes a volume from a snapshot, durable on return. An existing whole one stays as it is.
    async fn fork(&self, snapshot: SnapshotId, volume: VolumeId) -> PortResult<()>;

    /// Removes a volume or snapshot; one that is not there is removed already.
    async fn remove(&self, stored: Stored) -> PortResult<()>;

    /// Everything in the pool, half-made things included.
    async fn list(&self) -> PortResult<Vec<Stored>>;

    async fn usage(&self, volume: VolumeId) -> PortResult<VolumeUsage>;

    /// How long an engine on the volume would have to stand still for [`Volumes::duplicate`], on a
    /// busy machine. `None`: the pool copies in full, so a running engine has to make its own copy.
    async fn pause(&self, volume: VolumeId) -> PortResult<Option<Duration>>;

    /// Makes a volume from another one, durable on return. An existing whole one stays as it is.
    /// `engine`: what runs on `from`, to stand still while it is copied; `None` = nothing does.
    /// Returns how long it stood still. A copy during which it was let go early is removed (`PAUSE_LIMIT`).
    async fn duplicate(
        &self,
        from: VolumeId,
        to: VolumeId,
        engine: Option<Box<dyn Freeze>>,
    ) -> PortResult<Duration>;

    /// Turns a volume whose engine is stopped into a snapshot, without a second copy, durable on
    /// return. The volume is gone then.
    async fn keep(&self, volume: VolumeId, snapshot: SnapshotId) -> PortResult<()>;
}

/// Engines on this machine, and their initialised data directories.
#[async_trait]
pub trait Engines: Send + Sync {
    async fn installed(&self) -> PortResult<Vec<InstalledEngine>>;

    /// Fills an empty volume with a freshly initialised data directory (time-zone tables loaded,
    /// cleanly shut down). Repeating it on a half-filled volume starts over.
    async fn initialize(&self, engine: EngineRef, volume: VolumeId) -> PortResult<()>;
}

/// An engine that can be made to stand still. Blocking: called where a pool copies.
pub trait Freeze: Send {
    fn freeze(self: Box<Self>) -> PortResult<Box<dyn Frozen>>;
}

/// An engine that stands still. It goes on when this is dropped, at the latest after the limit it
/// was frozen with, also when Offshoot dies.
pub trait Frozen: Send {
    /// Lets it go on and says how long it stood still. Refused (`PAUSE_LIMIT`) when it went on before.
    fn thaw(self: Box<Self>) -> PortResult<Duration>;
}

/// Engine processes. They outlive Offshoot: after a restart the implementation adopts those that live.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Starts an engine and returns when a real query was answered. A running one is returned as it is.
    async fn start(&self, spec: &InstanceSpec) -> PortResult<Endpoint>;

    /// Ends an engine and returns when it is gone. One that does not run is stopped already.
    async fn stop(&self, id: InstanceId, how: Stop) -> PortResult<()>;

    /// Removes what an instance left (socket directory, logs). It must be stopped.
    async fn forget(&self, id: InstanceId) -> PortResult<()>;

    /// The instances that live now, adopted ones included.
    async fn observe(&self) -> PortResult<Vec<Observed>>;

    /// Ids of all instances of which anything is left here, living or not: for the removal of orphans.
    async fn remains(&self) -> PortResult<Vec<InstanceId>>;

    /// What makes a running engine stand still, for `limit` at most.
    async fn freezer(&self, id: InstanceId, limit: Duration) -> PortResult<Box<dyn Freeze>>;

    /// A running engine's own copy of itself, consistent as of one moment, into the empty volume
    /// `to`. Reads every byte.
    async fn hot_copy(
        &self,
        endpoint: &Endpoint,
        to: VolumeId,
        progress: &dyn Progress,
    ) -> PortResult<()>;

    /// Up to where the engine has its history.
    async fn position(&self, endpoint: &Endpoint) -> PortResult<Position>;

    /// Reads and checks every user table. Fatal, with the table's name, when one is damaged.
    async fn examine(&self, endpoint: &Endpoint, progress: &dyn Progress) -> PortResult<Examined>;

    /// Waits for the next unasked end of an engine. One caller at a time; cancel-safe.
    async fn next_event(&self) -> InstanceEvent;

    async fn activity(&self, endpoint: &Endpoint) -> PortResult<Activity>;

    /// Sessions of clients, oldest first; Offshoot's own are left out.
    async fn sessions(&self, endpoint: &Endpoint) -> PortResult<Vec<EngineSession>>;

    /// Ends a client's session, or its statement. `false`: there is no session of that number.
    async fn kill(&self, endpoint: &Endpoint, session: u64, what: Kill) -> PortResult<bool>;

    /// Leaves the role accounts what `confined` leaves them, for sessions to come. It stays with the volume.
    /// With `ddl` the engine has the account [`SAFE_ADMIN`](crate::password::SAFE_ADMIN). Returns the sessions that were
    /// there and may still have what was taken.
    async fn confine(&self, endpoint: &Endpoint, confined: Confined) -> PortResult<Vec<u64>>;

    /// What runs with its definer's rights and says that it changes triggers or events, for which definers keep the
    /// privileges: such as `procedure shop.tidy`, in order.
    async fn evasions(&self, endpoint: &Endpoint) -> PortResult<Vec<String>>;

    /// The last `lines` lines of an instance's log, oldest first.
    async fn logs(&self, id: InstanceId, lines: usize) -> PortResult<Vec<String>>;
}

/// Binlogs: of engines that write one, and into engines that are to have the history of another.
#[async_trait]
pub trait Binlogs: Send + Sync {
    /// Begins a new file: everything that the engine commits from then on can be read.
    async fn begin(&self, endpoint: &Endpoint) -> PortResult<Beginning>;

    /// About how many bytes there are beyond the mark. Asks nothing of the engine.
    async fn behind(&self, endpoint: &Endpoint, mark: &Mark) -> PortResult<u64>;

    /// Reads about `limit` bytes beyond the mark, and nothing that the engine has not committed and
    /// made durable.
    async fn read(&self, endpoint: &Endpoint, mark: &Mark, limit: u64) -> PortResult<Reading>;

    /// Lets the engine remove the files before `file`.
    async fn release(&self, endpoint: &Endpoint, file: &str) -> PortResult<()>;

    /// Which transactions the data of an engine has that is being given a history from `from` on. It says
    /// so itself: what it keeps of that is of one piece with its data.
    ///
    /// # Errors
    /// Fatal: it ended without having been stopped (`unclean`), and has a table whose engine cannot undo
    /// what was half done.
    async fn held(&self, endpoint: &Endpoint, from: &GtidSet, unclean: bool)
    -> PortResult<GtidSet>;

    /// Gives an engine whose data has the transactions `from` the others that `ranges` have, in
    /// their order, up to exactly `until`. The engine serves nobody else meanwhile. Repeated after an interruption, it
    /// goes on; repeated when it was done, it changes nothing.
    ///
    /// # Errors
    /// Fatal: the ranges have a gap; `until` is no moment of this history; the engine refuses a transaction.
    async fn replay(
        &self,
        endpoint: &Endpoint,
        from: &GtidSet,
        until: &Until,
        ranges: &mut dyn Ranges,
    ) -> PortResult<Replayed>;
}

/// Sealed objects beside the backups: who has the place where they are kept, and not the key, has nothing.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Puts an object, in the place of one of that name, durable on return. Names are letters,
    /// digits and `. _ -` between slashes.
    async fn put(&self, name: &str, content: Vec<u8>) -> PortResult<()>;

    /// # Errors
    /// Fatal, with the object's name: it is missing, damaged, or sealed with another key.
    async fn get(&self, name: &str) -> PortResult<Vec<u8>>;

    /// Names below a directory.
    async fn list(&self, directory: &str) -> PortResult<Vec<String>>;

    /// Removes an object; one that is not there is removed.
    async fn delete(&self, name: &str) -> PortResult<()>;
}

/// A request to another server.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// Such as `GET`.
    pub method: &'static str,
    pub url: String,
    /// Tokens are among them, so none prints.
    pub headers: Vec<(String, SecretString)>,
    /// Secrets may be in it.
    pub body: Option<SecretString>,
    /// Longest answer, in bytes; a longer one is a failure.
    pub limit: usize,
}

/// What came back.
#[derive(Clone)]
pub struct OutboundResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl fmt::Debug for OutboundResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Requests to servers that users name. Every address is checked before anything is sent to it: those of
/// this machine and of private networks are refused (`OUTBOUND`) unless the configuration allows them.
/// Redirects are not followed; an answer takes seconds, not minutes. What is not answered is a failure.
#[async_trait]
pub trait Outbound: Send + Sync {
    async fn send(&self, request: OutboundRequest) -> PortResult<OutboundResponse>;

    /// Whether an address may be called at all, as far as that is known without calling it: so that whoever
    /// names it learns it at once. [`Outbound::send`] looks again.
    ///
    /// # Errors
    /// Fatal: it may not (`OUTBOUND`). To be tried again: its host is not known by name.
    async fn check(&self, _url: &str) -> PortResult<()> {
        Ok(())
    }
}

/// The OIDC provider that users may log in with, under a client id of this server.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Where a browser is sent with that errand.
    ///
    /// # Errors
    /// The provider is not reached, or is not what the configuration says (`PROVIDER`).
    async fn address(&self, errand: &Errand) -> PortResult<String>;

    /// Whom a browser that came back from that errand belongs to, as far as the provider has signed it for
    /// this server and this errand. To be asked once: a code is good for one answer.
    ///
    /// # Errors
    /// As with [`IdentityProvider::address`]; or what came back proves nothing (fatal, `PROVIDER`).
    async fn identify(&self, returned: &Returned, errand: &Errand) -> PortResult<Identity>;
}

/// Files with credentials, in the one place that the operator chose for them.
#[async_trait]
pub trait CredentialFiles: Send + Sync {
    /// Whole or not at all, readable by the owner alone; in the place of an earlier one. `name` is one
    /// part of a path, checked before.
    async fn write(&self, name: &str, content: &SecretString) -> PortResult<()>;
}

/// Off-site copies of backups, in one store under one key.
#[async_trait]
pub trait Archive: Send + Sync {
    fn place(&self) -> Place;

    /// Copies a backup's snapshot, with what is said of it. It is there when this returns, and not
    /// before; one that is there stays as it is. Interrupted, the next call goes on.
    async fn export(
        &self,
        backup: BackupId,
        snapshot: SnapshotId,
        label: &Label,
        progress: &dyn Progress,
    ) -> PortResult<Exported>;

    /// What the store has. A copy that cannot be read does not hide the others.
    async fn list(&self) -> PortResult<Listing>;

    /// # Errors
    /// Fatal: it is not there (`NOT_FOUND`), damaged (`COPY_DAMAGED`), or sealed with another key
    /// (`BACKUP_KEY`).
    async fn find(&self, backup: BackupId) -> PortResult<OffSiteCopy>;

    /// Writes a copy's files into an empty volume, every byte checked; durable on return.
    ///
    /// # Errors
    /// As [`Archive::find`], with the object's name; no room (`DISK_FULL`). The volume is half
    /// filled then.
    async fn import(
        &self,
        backup: BackupId,
        volume: VolumeId,
        progress: &dyn Progress,
    ) -> PortResult<()>;

    /// Removes copies; one that is not there is removed. `false`: they are no copies any more, but
    /// not all that they took is free yet, because somebody is writing to the store; to be repeated.
    async fn delete(&self, backups: &[BackupId]) -> PortResult<bool>;
}

/// Archived binlog, one range after the other.
#[async_trait]
pub trait Ranges: Send {
    async fn next(&mut self) -> PortResult<Option<Range>>;
}

/// A credential as the gateway needs it.
#[derive(Clone, Debug)]
pub struct Credential {
    pub password: PasswordId,
    pub branch: BranchId,
    /// The MySQL schema that the branch's database began with.
    pub schema: String,
    /// What the branch runs on.
    pub engine: EngineRef,
    pub role: Role,
    pub verifier: Verifier,
    pub cidrs: Vec<IpNet>,
    pub expires_at: Option<Timestamp>,
    /// Clients that its branch may have at once; `None` = the gateway's default.
    pub max_connections: Option<u32>,
}

impl Credential {
    pub fn allows(&self, address: IpAddr) -> bool {
        self.cidrs.is_empty()
            || self
                .cidrs
                .iter()
                .any(|net| net.contains(&address.to_canonical()))
    }
}

/// Why a client was turned away. The client is told none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthFailure {
    UnknownUser,
    WrongSecret,
    Expired,
    AddressNotAllowed,
    /// The listener is bound to another engine than the branch's.
    WrongEngine,
    /// A session cannot become one of another branch.
    OtherBranch,
}

impl AuthFailure {
    pub fn as_str(self) -> &'static str {
        match self {
            AuthFailure::UnknownUser => "unknown username",
            AuthFailure::WrongSecret => "wrong secret",
            AuthFailure::Expired => "expired",
            AuthFailure::AddressNotAllowed => "address not allowed",
            AuthFailure::WrongEngine => "wrong engine",
            AuthFailure::OtherBranch => "other branch",
        }
    }
}

/// The way from a username to a branch's engine. Implemented by `control`, used by the gateway.
#[async_trait]
pub trait Routes: Send + Sync {
    /// Looks a username up, expired credentials included. A deleted one is not there.
    async fn credential(&self, username: &str) -> PortResult<Option<Credential>>;

    /// The branch's engine; wakes it and waits where it sleeps, within the memory budget.
    async fn open(&self, branch: BranchId) -> Result<Endpoint, Refusal>;

    /// A client was let in. Cheap: recorded in batches.
    fn used(&self, password: PasswordId, at: Timestamp);

    /// A client was turned away. `password` is `None` for an unknown username. Cheap.
    fn refused(&self, password: Option<PasswordId>, username: &str, from: IpAddr, why: AuthFailure);
}

/// Client sessions at the gateway. Implemented by the gateway, used by `control`.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// How many clients are connected to a branch, and when the last byte of a command or a result went through.
    fn traffic(&self, branch: BranchId) -> Traffic;

    /// Ends the sessions of a deleted or expired credential.
    async fn close_password(&self, password: PasswordId);

    /// Ends the sessions of a branch that goes away.
    async fn close_branch(&self, branch: BranchId);

    /// Detaches a branch's sessions from its engine: those without state stay open at the gateway
    /// and call [`Routes::open`] at their next command; those that hold state the engine would lose
    /// are closed with the engine's own time-out error. Fails (`false`) and detaches none when a command is under way.
    async fn park(&self, branch: BranchId) -> bool;

    /// Ends the branch's sessions that may write, with `why` as their last word. Returns when they
    /// are gone, after a second at the latest.
    async fn close_writers(&self, branch: BranchId, why: &str);

    /// What is added from now on to the engine's answer when it refuses a session of the branch a
    /// privilege; `None` = nothing.
    fn explain(&self, branch: BranchId, why: Option<String>);

    /// From now on sessions of role `admin` log in to the branch's engine as
    /// [`SAFE_ADMIN`](crate::password::SAFE_ADMIN), and what the engine says when that account, or the definer of what
    /// runs, may not change the schema becomes error 1105 with `why`. `None` = they log in as ever.
    fn withhold_ddl(&self, branch: BranchId, why: Option<String>);

    /// Has the branch's sessions of a role log in to the engine anew. Those without state do at their next command,
    /// unnoticed; the others are ended with `why` as their last word, those whose command is under way with `busy` alone.
    /// Returns when that is done, after a few seconds at the latest.
    async fn renew(&self, branch: BranchId, role: Role, why: &str, busy: bool);
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub connections: u32,
    /// `None` when there was none since the gateway started.
    pub last_command: Option<Timestamp>,
}
