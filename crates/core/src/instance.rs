//! Instances: running engine processes, each serving one branch or one purpose.

use crate::engine::EngineRef;
use crate::id::{BranchId, InstanceId, NodeId, PoolId, VolumeId};
use crate::password::Role;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// What an instance runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A branch.
    Serve(BranchId),
    /// Started ahead, to become a branch at once.
    Warm,
    /// Brings a schema template up to date, aside.
    Template,
    /// Recovers, checks or drills a copy, aside.
    Prepare,
    /// Follows a production branch, for copies to be taken of it.
    Shadow,
}

/// Which settings an engine gets. The table is in `docs/guide/instances.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Small, no binlog, relaxed durability, event scheduler off.
    Development,
    /// Row-based binlog, GTIDs, full durability.
    Production,
    /// Applies what a production branch commits: no binlog, relaxed durability, few unwritten pages, so
    /// that it is soon stopped.
    Shadow,
}

/// The secret of one instance, from which the secret of each engine account is derived. It is
/// drawn when the instance is planned, sealed in the store, and known to nobody outside.
#[derive(Clone, PartialEq, Eq)]
pub struct InstanceSecret([u8; 32]);

impl InstanceSecret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Secret of an engine account: hex of HMAC-SHA256 over its name.
    pub fn of_account(&self, account: &str) -> SecretString {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length fits HMAC");
        mac.update(account.as_bytes());
        let mut text = String::with_capacity(64);
        for byte in mac.finalize().into_bytes() {
            write!(text, "{byte:02x}").expect("writing to a string");
        }
        SecretString::from(text)
    }

    pub fn of_role(&self, role: Role) -> SecretString {
        self.of_account(role.account())
    }

    /// Secret of Offshoot's own administrative account, [`SYSTEM_ACCOUNT`].
    pub fn of_system(&self) -> SecretString {
        self.of_account(SYSTEM_ACCOUNT)
    }
}

/// The engine account that Offshoot itself uses, with every privilege. No credential leads to it.
pub const SYSTEM_ACCOUNT: &str = "offshoot_system";

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceSecret(…)")
    }
}

/// Whether the accounts of a volume have to be made before its socket can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accounts {
    /// Remove every account but the engine's own and make ours, with this instance's secrets.
    Anew,
    /// They were made with this instance's secrets at an earlier start.
    Keep,
}

/// What is wanted of an instance. What is seen of it is the implementation's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Up,
    /// Asleep: stopped, its volume kept.
    Down,
    /// Stopped and forgotten.
    Gone,
}

/// An instance as it is planned and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub id: InstanceId,
    pub node: NodeId,
    pub pool: PoolId,
    pub volume: VolumeId,
    pub engine: EngineRef,
    pub purpose: Purpose,
    pub profile: Profile,
    pub wanted: Wanted,
    pub secret: InstanceSecret,
    pub accounts: Accounts,
    /// The volume is a copy of a running engine's. Not kept: a workflow that makes one says so.
    pub copied: bool,
    /// Its events do not run at this start, whatever its branch says. Not kept, either.
    pub quiet: bool,
    pub created_at: Timestamp,
}

/// Everything an implementation needs to start an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    pub id: InstanceId,
    pub volume: VolumeId,
    pub engine: EngineRef,
    pub purpose: Purpose,
    pub profile: Profile,
    pub secret: InstanceSecret,
    pub accounts: Accounts,
    /// The volume is a copy of a running engine's: at this start its binlog is on, because that
    /// decides which prepared transactions are committed.
    pub copied: bool,
    /// Development branches run without their events unless this is on.
    pub event_scheduler: bool,
    /// Bytes of the buffer pool; `None` = what the profile has.
    pub buffer_pool: Option<u64>,
    /// Memory limit in bytes, where the host can enforce one.
    pub memory_limit: Option<u64>,
    /// CPU limit in thousandths of a core, where the host can enforce one.
    pub cpu_limit: Option<u32>,
}

/// How to reach an engine, and with what: accounts of [`Role::account`] or [`SYSTEM_ACCOUNT`],
/// secrets from `secret`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub instance: InstanceId,
    pub engine: EngineRef,
    pub address: Address,
    pub secret: InstanceSecret,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
}

/// What the role accounts of a branch lack at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confined {
    /// What makes data grow: its disk quota is used up.
    pub growth: bool,
    /// What changes the schema: it has safe migrations.
    pub ddl: bool,
}

/// How an engine is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Asked to shut down; killed when it has not after the implementation's grace time.
    Clean,
    /// Killed: for volumes that are thrown away.
    Hard,
}

/// A living engine, as the implementation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub id: InstanceId,
    pub started_at: Timestamp,
    /// Resident memory in bytes.
    pub memory: u64,
}

/// Something that happened to an engine without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceEvent {
    /// It ended. `reason` is for the log: exit code or signal, and the last error line it wrote.
    Exited { id: InstanceId, reason: String },
}

/// A client's session inside an engine, as the engine tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSession {
    /// The engine's number of it: not the one that the client was told at the gateway.
    pub id: u64,
    /// Account of the role, not the credential's username.
    pub user: String,
    pub host: String,
    pub schema: Option<String>,
    /// `Query`, `Sleep`, …
    pub command: String,
    /// Seconds in the present command.
    pub seconds: u64,
    pub state: Option<String>,
    /// Text of the statement under way.
    pub statement: Option<String>,
    pub transaction: Option<EngineTransaction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineTransaction {
    pub id: u64,
    pub since: Timestamp,
}

/// What of a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    Statement,
    Session,
}

/// What an engine is doing at this moment, apart from Offshoot's own sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    pub running_commands: u32,
    pub open_transactions: u32,
}

impl Activity {
    pub fn busy(self) -> bool {
        self.running_commands > 0 || self.open_transactions > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn every_account_has_a_secret_of_its_own() {
        let secret = InstanceSecret::new([7; 32]);
        let mut all: Vec<String> = Role::ALL
            .iter()
            .map(|r| secret.of_role(*r).expose_secret().to_owned())
            .collect();
        all.push(secret.of_system().expose_secret().to_owned());
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|s| s.len() == 64));
        assert_eq!(format!("{secret:?}"), "InstanceSecret(…)");
    }
}
