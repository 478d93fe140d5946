//! Typed identifiers: twelve lower-case letters and digits outside, with a prefix in logs.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Number of characters of every identifier (PlanetScale's ids have the same shape).
pub const LENGTH: usize = 12;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The twelve characters of an identifier, without its type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawId([u8; LENGTH]);

impl RawId {
    /// Makes an id of random bytes. About 62 bits: collisions are refused by the store's primary keys.
    pub fn from_entropy(bytes: [u8; LENGTH]) -> Self {
        Self(bytes.map(|b| ALPHABET[usize::from(b) % ALPHABET.len()]))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

/// The text is not twelve lower-case letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has twelve lower-case letters and digits")]
pub struct InvalidId;

impl fmt::Debug for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RawId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
        if bytes.iter().all(|b| ALPHABET.contains(b)) {
            Ok(Self(bytes))
        } else {
            Err(InvalidId)
        }
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(RawId);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<RawId> for $name {
            fn from(raw: RawId) -> Self {
                Self(raw)
            }
        }

        impl From<$name> for RawId {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    OrganizationId = "org",
    DatabaseId = "db",
    BranchId = "br",
    PasswordId = "pw",
    ServiceTokenId = "tok",
    AuditEventId = "aud",
    ImportId = "imp",
    BackupId = "bak",
    BackupPolicyId = "bpl",
    /// A MySQL schema of a branch.
    KeyspaceId = "ks",
    /// A change of a branch's size.
    ResizeId = "rsz",
    MemberId = "mem",
    UserId = "usr",
    /// A program's wish to act for a user.
    DeviceLoginId = "dvl",
    /// A run of seed rules on a copy that nobody reaches.
    RulesTestId = "srt",
    DrillId = "drl",
    /// An unbroken stretch of a branch's history, as it is archived.
    HistoryId = "his",
    WorkflowId = "wf",
    IntegrationId = "int",
    /// One of the secrets that an integration's events are verified with.
    IntegrationSecretId = "sec",
    /// One event that came in.
    DeliveryId = "dlv",
    IterationId = "itr",
    AutomationId = "aut",
    /// What one automation made of one iteration.
    BindingId = "bnd",
    /// A credential on its way to those who are to have it.
    HandoverId = "hnd",
    WebhookId = "whk",
    /// One event on its way to one webhook.
    WebhookDeliveryId = "whd",
    /// Something that happened, told or not.
    EventId = "evt",
    /// A directory with a branch's data, in a pool.
    VolumeId = "vol",
    /// A read-only image of a volume, from which volumes are forked.
    SnapshotId = "snp",
    /// One running engine process (or the wish for one).
    InstanceId = "ins",
    /// A schema-only or freshly initialised image that new volumes are forked from.
    TemplateId = "tpl",
    /// The machine that holds a volume or runs an instance.
    NodeId = "nod",
    PoolId = "pol",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque_outside_and_prefixed_in_logs() {
        let id: BranchId = "abcdefghij09".parse().unwrap();
        assert_eq!(id.to_string(), "abcdefghij09");
        assert_eq!(format!("{id:?}"), "br_abcdefghij09");
        for bad in ["", "abc", "ABCDEFGHIJ09", "abcdefghij0-", "abcdefghij099"] {
            assert_eq!(bad.parse::<BranchId>(), Err(InvalidId), "{bad}");
        }
    }
}
