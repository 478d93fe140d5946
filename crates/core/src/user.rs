//! Users of this server: people who log in with an e-mail address and a password, or with the OIDC provider.

use crate::access::Access;
use crate::id::{LENGTH, MemberId, OrganizationId, RawId, UserId};
use crate::refusal::Refusal;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Shortest and longest password, in characters. Source: NIST SP 800-63B asks for eight at least and for no rules of
/// composition; ours is longer, as nothing else stands beside it.
const PASSWORD: std::ops::RangeInclusive<usize> = 12..=256;
/// Longest e-mail address, in bytes. Source: RFC 5321, 4.5.3.1.3.
const MAX_EMAIL: usize = 254;
/// Longest name, in characters.
const MAX_NAME: usize = 80;

/// A member of one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub organization_id: OrganizationId,
    pub email: Email,
    pub name: String,
    pub role: Role,
    /// Whether they have a password of this server.
    pub password: bool,
    /// Whom they are at an OIDC provider, once they logged in with it.
    pub link: Option<Link>,
    pub last_login_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An account at an OIDC provider, which never becomes another person's: unlike an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// URL of the provider, as it calls itself (`iss`).
    pub issuer: String,
    /// The provider's name of the account (`sub`).
    pub subject: String,
}

impl User {
    /// A new one, who has no password and is not linked.
    pub fn new(
        id: UserId,
        organization_id: OrganizationId,
        email: Email,
        name: String,
        role: Role,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            organization_id,
            email,
            name,
            role,
            password: false,
            link: None,
            last_login_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The id of the membership, which follows from the user's: a user belongs to one organization.
    pub fn member_id(&self) -> MemberId {
        let digest = Sha256::new()
            .chain_update(self.id.as_str())
            .chain_update("member")
            .finalize();
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(&digest[..LENGTH]);
        RawId::from_entropy(bytes).into()
    }
}

/// An e-mail address in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// One `@` with something on both sides, visible ASCII, at most 254 bytes. Whether mail arrives there is not known.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim().to_ascii_lowercase();
        let fits = text.len() <= MAX_EMAIL
            && text.bytes().all(|b| b.is_ascii_graphic())
            && !text.contains(['<', '>', '"', ',', ';'])
            && text.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && !host.is_empty() && !host.contains('@')
            });
        if fits {
            return Ok(Self(text));
        }
        let shown: String = text.chars().take(80).collect();
        Err(
            Refusal::invalid("email", format!("{shown:?} is not an e-mail address"))
                .hint("write it as ann@example.com"),
        )
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(local, _)| local)
    }

    /// What stands behind it.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Development branches, their passwords and backups; of production, reading what it is like.
    Member,
}

/// Accesses of [`Role::Member`]: what a developer needs, and nothing that reaches production's rows.
const MEMBER: [Access; 9] = [
    Access::ReadOrganization,
    Access::ReadDatabases,
    Access::ReadDatabase,
    Access::ReadBranch,
    Access::CreateBranch,
    Access::DeleteBranch,
    Access::ConnectBranch,
    Access::DeleteBranchPassword,
    Access::ReadBackups,
];

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Member => "member",
        }
    }

    pub fn accesses(self) -> &'static [Access] {
        match self {
            Role::Admin => Access::ALL,
            Role::Member => &MEMBER,
        }
    }
}

impl FromStr for Role {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        match text {
            "admin" => Ok(Role::Admin),
            "member" => Ok(Role::Member),
            _ => Err(Refusal::invalid("role", "a role is member or admin")),
        }
    }
}

/// Refuses a password that is too short or too long.
pub fn check_password(password: &SecretString) -> Result<(), Refusal> {
    if PASSWORD.contains(&password.expose_secret().chars().count()) {
        return Ok(());
    }
    let (least, most) = (PASSWORD.start(), PASSWORD.end());
    let text = format!("a password has {least} to {most} characters");
    Err(Refusal::invalid("password", text).hint("a few words are easy to keep"))
}

/// Refuses a name that cannot stand in a list.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let fits =
        (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    match fits {
        true => Ok(()),
        false => {
            let text = format!("a name has 1 to {MAX_NAME} characters, on one line");
            Err(Refusal::invalid("name", text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_same_however_they_are_written() {
        assert_eq!(
            Email::parse(" Ann@Example.COM ").unwrap().as_str(),
            "ann@example.com"
        );
        assert!(Email::parse("admin@localhost").is_ok());
        for bad in [
            "", "ann", "@x", "ann@", "a@b@c", "a b@c", "a\n@b", "<a@b>", "ä@b",
        ] {
            assert_eq!(
                Email::parse(bad).unwrap_err().field,
                Some("email"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn passwords_are_long_enough() {
        let of = |text: &str| check_password(&SecretString::from(text)).is_ok();
        assert!(of("twelve chars"));
        assert!(!of("eleven char"));
        assert!(!of(&"x".repeat(257)));
    }

    #[test]
    fn members_reach_no_rows_of_production() {
        for access in Role::Member.accesses() {
            let name = access.as_str();
            assert!(
                !name.contains("production") && !name.contains("restore"),
                "{name}"
            );
            assert!(
                !name.contains("organization") || name == "read_organization",
                "{name}"
            );
            assert!(!name.contains("token"), "{name}");
        }
    }
}
