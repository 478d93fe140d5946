//! Members of an organization, which are its users, and teams, of which there are none.

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

/// How a user logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoginWay {
    /// With a password of this server.
    Password,
    /// With the OIDC provider, as they did before.
    Oidc,
}

impl LoginWay {
    pub fn as_str(self) -> &'static str {
        match self {
            LoginWay::Password => "password",
            LoginWay::Oidc => "oidc",
        }
    }
}

/// A member of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub id: String,
    pub user: User,
    pub role: MemberRole,
    /// How they log in: `password`, `oidc`, or both.
    #[serde(default)]
    pub log_in_with: Vec<LoginWay>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What changes at a member.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateMember {
    /// `admin` or `member`; absent: as it is.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub role: Option<String>,
}

/// What makes a user, who is a member then.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateMember {
    /// What the user logs in with.
    #[serde(default)]
    pub email: String,
    /// Absent or blank: what stands before the `@`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `admin`, or `member`, which is the default.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub role: Option<String>,
    /// 12 to 256 characters. Absent: one is drawn, and is in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Another password for a user.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct SetMemberPassword {
    /// 12 to 256 characters. Absent: one is drawn, and is in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A member whose password was set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberPassword {
    #[serde(flatten)]
    pub member: Member,
    /// What was drawn: in this answer and nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A session: a program that acts for a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserSession {
    pub id: String,
    /// Always `Session`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the program calls itself.
    pub client: String,
    /// E-mail address of the user.
    pub email: String,
    /// Names of scopes, with spaces between them.
    pub scopes: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
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
