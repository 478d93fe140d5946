//! Regions. There is one: the machine that Offshoot runs on.

use crate::actor::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Id of the only region.
pub const LOCAL_ID: &str = "localregion1";
/// Slug of the only region where nobody chose another.
pub const LOCAL: &str = "local";
/// Its name for people, likewise.
pub const THIS_MACHINE: &str = "This machine";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Region {
    pub id: String,
    pub provider: String,
    pub enabled: bool,
    pub public_ip_addresses: Vec<String>,
    pub display_name: String,
    pub location: String,
    pub slug: String,
    pub current_default: bool,
    pub mysql_supported: bool,
    pub postgresql_supported: bool,
}

impl Region {
    /// The only region, as the operator calls it: a slug for commands, a name for people.
    pub fn only(slug: &str, name: &str) -> Self {
        Self {
            id: LOCAL_ID.into(),
            provider: "Self-hosted".into(),
            enabled: true,
            public_ip_addresses: Vec::new(),
            display_name: name.into(),
            location: name.into(),
            slug: slug.into(),
            current_default: true,
            mysql_supported: true,
            postgresql_supported: false,
        }
    }
}

/// A region with replicas for reading. There are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadOnlyRegion {
    pub id: String,
    pub display_name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub ready_at: Option<Timestamp>,
    pub ready: bool,
    pub actor: Actor,
    pub region: Region,
}

/// A region as it is listed without authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicRegion {
    pub id: String,
    pub provider: String,
    pub enabled: bool,
    pub public_ip_addresses: Vec<String>,
    pub display_name: String,
    pub location: String,
    pub slug: String,
}

impl From<Region> for PublicRegion {
    fn from(region: Region) -> Self {
        Self {
            id: region.id,
            provider: region.provider,
            enabled: region.enabled,
            public_ip_addresses: region.public_ip_addresses,
            display_name: region.display_name,
            location: region.location,
            slug: region.slug,
        }
    }
}
