//! The first start: an organization and a token to begin with.

use crate::Control;
use crate::token::draw;
use crate::trail::Actor;
use offshoot_core::Refusal;
use offshoot_core::name::OrganizationName;
use offshoot_core::organization::Organization;
use offshoot_core::token::ServiceToken;
use secrecy::SecretString;

/// Name of the organization every installation has.
pub(crate) const ORGANIZATION: &str = "default";

/// The root service token of a first start.
#[derive(Clone, Debug)]
pub struct RootToken {
    pub id: String,
    pub token: SecretString,
}

impl Control {
    /// First start: makes organization `default` and a root service token, which is returned this
    /// once; `None` at every later start.
    pub async fn bootstrap(&self) -> Result<Option<RootToken>, Refusal> {
        let mut tx = self.0.store.write().await?;
        if tx.organization(ORGANIZATION).await?.is_some() {
            return Ok(None);
        }
        let now = self.now();
        let organization = Organization {
            id: self.id(),
            name: OrganizationName::parse(ORGANIZATION)?,
            created_at: now,
            updated_at: now,
        };
        let (plain, digest) = draw(&*self.0.ports.ids);
        let token = ServiceToken {
            id: self.id(),
            organization_id: organization.id,
            name: Some("root".to_owned()),
            digest,
            root: true,
            expires_at: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        tx.insert_organization(&organization).await?;
        tx.insert_token(&token).await?;
        let event = self.event(
            organization.id,
            &Actor::System,
            "organization.created",
            ("Organization", organization.id.as_str(), ORGANIZATION),
            &[],
        );
        tx.insert_audit(&event).await?;
        tx.commit().await?;
        Ok(Some(RootToken {
            id: token.id.to_string(),
            token: plain,
        }))
    }
}
