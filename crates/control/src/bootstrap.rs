//! The first start: an organization, and a token and a user to begin with.

use crate::token::draw;
use crate::trail::Actor;
use crate::{Control, hashing};
use offshoot_core::Refusal;
use offshoot_core::name::OrganizationName;
use offshoot_core::organization::Organization;
use offshoot_core::token::ServiceToken;
use offshoot_core::user::{Email, Role, User};
use secrecy::SecretString;

/// Name of the organization every installation has.
pub(crate) const ORGANIZATION: &str = "default";

/// The root service token of a first start.
#[derive(Clone, Debug)]
pub struct RootToken {
    pub id: String,
    pub token: SecretString,
}

/// E-mail address of the first user.
const ADMIN: &str = "admin@localhost";

/// The administrator of a first start.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    pub email: String,
    pub password: SecretString,
}

impl Control {
    /// Where there is no user: makes an administrator, whose password is returned this once.
    pub async fn first_admin(&self) -> Result<Option<FirstAdmin>, Refusal> {
        if self.0.store.read().await?.user_count().await? > 0 {
            return Ok(None);
        }
        let password = hashing::draw(&*self.0.ports.ids);
        let phc = hashing::hash(self, &password).await?;
        let mut tx = self.0.store.write().await?;
        let Some(organization) = tx.organization(ORGANIZATION).await? else {
            return Ok(None);
        };
        let user = User {
            password: true,
            ..User::new(
                self.id(),
                organization.id,
                Email::parse(ADMIN)?,
                "admin".to_owned(),
                Role::Admin,
                self.now(),
            )
        };
        tx.insert_user(&user, Some(&phc)).await?;
        let event = self.event(
            organization.id,
            &Actor::System,
            "user.created",
            ("User", user.id.as_str(), ADMIN),
            &[("role", user.role.as_str())],
        );
        tx.insert_audit(&event).await?;
        tx.commit().await?;
        Ok(Some(FirstAdmin {
            email: user.email.to_string(),
            password,
        }))
    }

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
        let (token, root) = self.draw_root_token(&organization);
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
        Ok(Some(root))
    }

    /// For a lost root token (a crash before it was written down): a new one takes its place.
    pub async fn replace_root_token(&self) -> Result<RootToken, Refusal> {
        let mut tx = self.0.store.write().await?;
        let organization = tx.organization(ORGANIZATION).await?;
        let organization =
            organization.ok_or_else(|| Refusal::not_found("organization \"default\""))?;
        let (token, root) = self.draw_root_token(&organization);
        tx.delete_root_tokens().await?;
        tx.insert_token(&token).await?;
        let event = self.event(
            organization.id,
            &Actor::System,
            "service_token.replaced",
            ("ServiceToken", token.id.as_str(), "root"),
            &[],
        );
        tx.insert_audit(&event).await?;
        tx.commit().await?;
        Ok(root)
    }

    fn draw_root_token(&self, organization: &Organization) -> (ServiceToken, RootToken) {
        let (plain, digest) = draw(&*self.0.ports.ids);
        let now = self.now();
        let token = ServiceToken {
            id: self.id(),
            organization_id: organization.id,
            name: Some("root".to_owned()),
            digest,
            root: true,
            session: None,
            expires_at: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        let root = RootToken {
            id: token.id.to_string(),
            token: plain,
        };
        (token, root)
    }
}
