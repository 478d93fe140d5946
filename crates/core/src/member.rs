//! Members of an organization: people. There is one, its owner, who has the machine and with it the root token; programs
//! and further people have service tokens.

use crate::id::{LENGTH, MemberId, OrganizationId, RawId, UserId};
use crate::organization::Organization;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Name of the only member.
pub const OWNER: &str = "owner";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub user: UserId,
    pub name: String,
    /// When the organization was made.
    pub created_at: Timestamp,
}

impl Member {
    /// The owner, whose ids follow from the organization's.
    pub fn owner(organization: &Organization) -> Self {
        Self {
            id: derived(organization.id, "member").into(),
            user: derived(organization.id, "user").into(),
            name: OWNER.to_owned(),
            created_at: organization.created_at,
        }
    }
}

fn derived(organization: OrganizationId, what: &str) -> RawId {
    let digest = Sha256::new()
        .chain_update(organization.as_str())
        .chain_update(what)
        .finalize();
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(&digest[..LENGTH]);
    RawId::from_entropy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::OrganizationName;

    #[test]
    fn an_organization_has_the_same_owner_for_ever() {
        let organization = |id: &str| Organization {
            id: id.repeat(12).parse().unwrap(),
            name: OrganizationName::parse("default").unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let owner = Member::owner(&organization("a"));
        assert_eq!(owner, Member::owner(&organization("a")));
        assert_ne!(owner.id.as_str(), owner.user.as_str());
        assert_ne!(owner.id, Member::owner(&organization("b")).id);
    }
}
