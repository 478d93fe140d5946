//! Members of organizations, and their sessions.

use offshoot_api_types::{
    LoginWay, Member, MemberPassword, MemberRole, Reference, User, UserSession,
};
use offshoot_control::member::UserView;
use offshoot_control::session::SessionView;
use offshoot_core::organization::Organization;
use offshoot_core::user::{Role, User as CoreUser};
use secrecy::ExposeSecret;

pub(crate) fn member(organization: &Organization, user: &CoreUser) -> Member {
    Member {
        id: user.member_id().to_string(),
        user: self::user(Some(organization), user),
        role: match user.role {
            Role::Admin => MemberRole::Admin,
            Role::Member => MemberRole::Member,
        },
        log_in_with: [
            user.password.then_some(LoginWay::Password),
            user.link.is_some().then_some(LoginWay::Oidc),
        ]
        .into_iter()
        .flatten()
        .collect(),
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

pub(crate) fn user(organization: Option<&Organization>, user: &CoreUser) -> User {
    User {
        id: user.id.to_string(),
        name: user.name.clone(),
        display_name: user.name.clone(),
        email: user.email.to_string(),
        avatar_url: String::new(),
        created_at: user.created_at,
        updated_at: user.updated_at,
        two_factor_auth_configured: false,
        default_organization: organization.map(reference),
        sso: user.link.is_some(),
        managed: false,
        directory_managed: false,
        email_verified: false,
    }
}

pub(crate) fn reference(organization: &Organization) -> Reference {
    Reference {
        id: organization.id.to_string(),
        name: organization.name.to_string(),
        created_at: organization.created_at,
        updated_at: organization.updated_at,
        deleted_at: None,
    }
}

pub(crate) fn member_password(organization: &Organization, view: &UserView) -> MemberPassword {
    MemberPassword {
        member: member(organization, &view.user),
        password: view.drawn.as_ref().map(|p| p.expose_secret().to_owned()),
    }
}

pub(crate) fn session(view: SessionView) -> UserSession {
    let token = view.token;
    let (client, scopes) = token.session.map(|s| (s.client, s.scopes)).unzip();
    UserSession {
        id: token.id.to_string(),
        kind: "Session".into(),
        client: client.unwrap_or_default(),
        email: view.email,
        scopes: scopes.unwrap_or_default(),
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    }
}
