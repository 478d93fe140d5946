//! Members and teams of an organization. There is one member, its owner, and there are no teams.

use crate::actor::{Actor, Reference};
use crate::lenient;
use crate::user::User;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    Member,
    Admin,
}

/// A member of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub id: String,
    pub user: User,
    pub role: MemberRole,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What changes at a member: nothing, as the only one is the owner.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateMember {
    /// `admin`, or absent.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub role: Option<String>,
}

/// A team. There is none: the shape is for clients that list them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Team {
    pub id: String,
    pub display_name: String,
    pub creator: Option<Actor>,
    pub members: Vec<User>,
    pub databases: Vec<Reference>,
    pub name: String,
    pub slug: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub description: Option<String>,
    pub managed: bool,
}
