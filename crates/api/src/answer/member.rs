//! Members of organizations.

use offshoot_api_types::member::MemberRole;
use offshoot_api_types::{Member, Reference, User};
use offshoot_core::member::Member as CoreMember;
use offshoot_core::organization::Organization;

pub(crate) fn member(organization: &Organization, member: CoreMember) -> Member {
    Member {
        id: member.id.to_string(),
        user: User {
            id: member.user.to_string(),
            display_name: member.name.clone(),
            name: member.name,
            email: String::new(),
            avatar_url: String::new(),
            created_at: member.created_at,
            updated_at: member.created_at,
            two_factor_auth_configured: false,
            default_organization: Some(Reference {
                id: organization.id.to_string(),
                name: organization.name.to_string(),
                created_at: organization.created_at,
                updated_at: organization.updated_at,
                deleted_at: None,
            }),
            sso: false,
            managed: false,
            directory_managed: false,
            email_verified: false,
        },
        role: MemberRole::Admin,
        created_at: member.created_at,
        updated_at: member.created_at,
    }
}
