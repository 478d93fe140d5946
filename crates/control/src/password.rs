//! Passwords of branches: create, list, show, update, renew, delete.

use crate::Control;
use crate::caller::Caller;
use crate::locate::{LocatedBranch, LocatedDatabase, LocatedPassword, quoted};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use ipnet::IpNet;
use jiff::Timestamp;
use offshoot_core::access::Access;
use offshoot_core::branch::Branch;
use offshoot_core::credential::Verifier;
use offshoot_core::database::Database;
use offshoot_core::id::{BranchId, OrganizationId, PasswordId};
use offshoot_core::password::{Password, Role};
use offshoot_core::port::Ids;
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::password::{PasswordQuery, PasswordWhere, PasswordsOf};
use offshoot_store::{StoreError, Tx};
use secrecy::SecretString;
use std::time::Duration;

/// A password with what lists show.
#[derive(Clone, Debug)]
pub struct PasswordView {
    pub password: Password,
    pub expired: bool,
    pub branch_id: BranchId,
    pub branch: String,
    pub branch_production: bool,
    /// The secret: only in the answer to the call that drew it.
    pub plain_text: Option<SecretString>,
    /// Host and port of the HTTP data API.
    pub https: String,
    /// Gateway for connection strings.
    pub access_host: String,
    pub access_port: u16,
}

#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Empty = a name made of the branch's.
    pub name: String,
    pub role: Role,
    pub ttl: Option<Duration>,
    pub cidrs: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordStatus {
    Active,
    Renewable,
    Expired,
}

#[derive(Clone, Debug, Default)]
pub struct PasswordFilter {
    /// Part of the name or username.
    pub q: Option<String>,
    pub status: Option<PasswordStatus>,
    /// Something that no password is was asked for.
    pub none: bool,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct PasswordChange {
    pub name: Option<String>,
    pub cidrs: Option<Vec<IpNet>>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

impl PasswordView {
    pub fn revision(&self) -> Revision {
        Revision::of_password(&self.password)
    }
}

/// Every secret begins with it, so that scanners find one that leaked.
const PREFIX: &str = "ofs_pw_";
/// Random bytes of a secret (43 characters) and of a username.
const SECRET: usize = 32;
const USERNAME: usize = 20;
/// Longest name of a password or token, in characters.
const MAX_NAME: usize = 100;

/// Needs `connect_branch`; for a production branch `connect_production_branch`, or for the role
/// `reader` `connect_production_read_only_branch`. The secret is in the answer, and nowhere else.
pub async fn create(
    control: &Control,
    at: &LocatedBranch,
    new: NewPassword,
    once: &Once,
) -> Result<PasswordView, Refusal> {
    let branch = at.branch();
    at.within.require(connects(branch.production, new.role))?;
    if let Some(made) = once.made() {
        let place = (at.organization().id, at.database(), branch);
        let replayed = control
            .replay_password(at.caller(), place, made.subject.into())
            .await?;
        return replayed.ok_or_else(|| gone("password"));
    }
    let (password, secret) = control.draw_password(branch, new, &at.caller().name())?;
    let mut tx = control.0.store.write().await?;
    still_there(&mut tx, branch).await?;
    let query = PasswordQuery {
        of: PasswordsOf::Branch(branch.id),
        q: None,
        status: None,
        now: control.now(),
        offset: 0,
        limit: 0,
    };
    let (_, there) = tx.passwords(&query).await?;
    if there >= control.0.settings.limits.passwords_per_branch {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" has {there} passwords, as many as it may have",
            branch.name
        ))
        .code(code::TOO_MANY)
        .hint(
            "delete passwords that are not needed any more, or raise limits.passwords_per_branch",
        ));
    }
    tx.insert_password(&password)
        .await
        .map_err(|e| taken(e, &password.name))?;
    note(control, &mut tx, at, &password, "password.created").await?;
    let made = Made {
        subject: password.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    Ok(control.password_view(password, branch, Some(secret)))
}

/// Passwords of one branch, newest first.
pub async fn list(
    control: &Control,
    at: &LocatedBranch,
    filter: &PasswordFilter,
    page: Page,
) -> Result<Listed<PasswordView>, Refusal> {
    control
        .list_passwords(PasswordsOf::Branch(at.branch.id), filter, page)
        .await
}

/// Passwords of all branches of a database, newest first.
pub async fn list_of_database(
    control: &Control,
    at: &LocatedDatabase,
    filter: &PasswordFilter,
    page: Page,
) -> Result<Listed<PasswordView>, Refusal> {
    control
        .list_passwords(PasswordsOf::Database(at.database.id), filter, page)
        .await
}

pub async fn show(control: &Control, at: &LocatedPassword) -> Result<PasswordView, Refusal> {
    Ok(control.password_view(at.password.clone(), at.branch(), None))
}

/// Same accesses as [`create`].
pub async fn update(
    control: &Control,
    at: &LocatedPassword,
    change: PasswordChange,
) -> Result<PasswordView, Refusal> {
    at.within
        .within
        .require(connects(at.branch().production, at.password.role))?;
    let name = change.name.filter(|n| !n.is_empty());
    name.as_deref().map(check_name).transpose()?;
    let mut tx = control.0.store.write().await?;
    let mut password = current(&mut tx, at, &change.expected).await?;
    if let Some(name) = name {
        password.name = name;
    }
    if let Some(cidrs) = change.cidrs {
        password.cidrs = cidrs;
    }
    tx.update_password(&password)
        .await
        .map_err(|e| taken(e, &password.name))?;
    note(control, &mut tx, &at.within, &password, "password.updated").await?;
    tx.commit().await?;
    Ok(control.password_view(password, at.branch(), None))
}

/// A new secret for the same username, and the time to live from now on again; sessions of the old
/// secret go on. Refused (`Unprocessable`) for a password without ttl. Same accesses as [`create`].
pub async fn renew(control: &Control, at: &LocatedPassword) -> Result<PasswordView, Refusal> {
    at.within
        .within
        .require(connects(at.branch().production, at.password.role))?;
    let Some(ttl) = at.password.ttl else {
        return Err(Refusal::unprocessable(format!(
            "password \"{}\" has no time to live, so there is nothing to renew",
            at.password.name
        ))
        .hint("create another password and delete this one"));
    };
    let expires_at = expiry(control.now(), Some(ttl))?;
    let secret = draw_secret(&*control.0.ports.ids);
    let mut tx = control.0.store.write().await?;
    let mut password = current(&mut tx, at, &Expected::any()).await?;
    password.expires_at = expires_at;
    password.verifier = Verifier::of(&secret);
    tx.update_password(&password).await?;
    note(control, &mut tx, &at.within, &password, "password.renewed").await?;
    tx.commit().await?;
    Ok(control.password_view(password, at.branch(), Some(secret)))
}

/// Ends its sessions within a second. Needs `delete_branch_password`, for a production branch
/// `delete_production_branch_password`. The username is never used again.
pub async fn delete(
    control: &Control,
    at: &LocatedPassword,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.within.require(if at.branch().production {
        &[Access::DeleteProductionBranchPassword]
    } else {
        &[Access::DeleteBranchPassword]
    })?;
    let mut tx = control.0.store.write().await?;
    current(&mut tx, at, expected).await?;
    tx.delete_password(at.password.id).await?;
    note(
        control,
        &mut tx,
        &at.within,
        &at.password,
        "password.deleted",
    )
    .await?;
    tx.commit().await?;
    control
        .0
        .ports
        .sessions
        .close_password(at.password.id)
        .await;
    Ok(())
}

/// What a caller needs to have a password of such a branch.
pub(crate) fn connects(production: bool, role: Role) -> &'static [Access] {
    match (production, role) {
        (false, _) => &[Access::ConnectBranch],
        (true, Role::Reader) => &[
            Access::ConnectProductionBranch,
            Access::ConnectProductionReadOnlyBranch,
        ],
        (true, _) => &[Access::ConnectProductionBranch],
    }
}

impl Control {
    /// Draws a password of a branch; writing it down is the caller's.
    pub(crate) fn draw_password(
        &self,
        branch: &Branch,
        new: NewPassword,
        actor: &str,
    ) -> Result<(Password, SecretString), Refusal> {
        let now = self.now();
        let id: PasswordId = self.id();
        let name = if new.name.is_empty() {
            format!("{}-{}", branch.name, &id.as_str()[..4])
        } else {
            check_name(&new.name)?;
            new.name
        };
        let expires_at = expiry(now, new.ttl)?;
        let ids = &*self.0.ports.ids;
        let secret = draw_secret(ids);
        let password = Password {
            id,
            branch_id: branch.id,
            name,
            username: draw_username(ids),
            verifier: Verifier::of(&secret),
            role: new.role,
            cidrs: new.cidrs,
            ttl: new.ttl,
            expires_at,
            last_used_at: None,
            last_refused: None,
            actor: actor.to_owned(),
            created_at: now,
        };
        Ok((password, secret))
    }

    /// The password that a request made before, with a fresh secret in place of the earlier one.
    /// `None` when it was deleted since.
    pub(crate) async fn replay_password(
        &self,
        caller: &Caller,
        (organization, database, branch): (OrganizationId, &Database, &Branch),
        id: PasswordId,
    ) -> Result<Option<PasswordView>, Refusal> {
        let mut tx = self.0.store.write().await?;
        let Some(found) = tx.password(branch.id, id.as_str()).await? else {
            return Ok(None);
        };
        let mut password = found.password;
        let secret = draw_secret(&*self.0.ports.ids);
        password.verifier = Verifier::of(&secret);
        tx.update_password(&password).await?;
        let event = self.event(
            organization,
            &Actor::Caller(caller),
            "password.renewed",
            ("Password", password.id.as_str(), &password.name),
            &[
                ("branch", branch.name.as_str()),
                ("database", database.name.as_str()),
                ("reason", "the request that made it was sent again"),
            ],
        );
        tx.insert_audit(&event).await?;
        tx.commit().await?;
        Ok(Some(self.password_view(password, branch, Some(secret))))
    }

    pub(crate) fn password_view(
        &self,
        password: Password,
        branch: &Branch,
        secret: Option<SecretString>,
    ) -> PasswordView {
        PasswordView {
            expired: password.expired(self.now()),
            branch_id: branch.id,
            branch: branch.name.to_string(),
            branch_production: branch.production,
            password,
            plain_text: secret,
            https: self.0.settings.gateway.https.clone(),
            access_host: self.0.settings.gateway.host.clone(),
            access_port: self.0.settings.gateway.port(branch.engine.kind),
        }
    }

    async fn list_passwords(
        &self,
        of: PasswordsOf,
        filter: &PasswordFilter,
        page: Page,
    ) -> Result<Listed<PasswordView>, Refusal> {
        if filter.none {
            return Ok(Listed {
                items: Vec::new(),
                total: 0,
                page,
            });
        }
        let now = self.now();
        let query = PasswordQuery {
            of,
            q: filter.q.as_deref().filter(|q| !q.is_empty()),
            status: filter.status.map(|s| match s {
                PasswordStatus::Active => PasswordWhere::Active,
                PasswordStatus::Renewable => PasswordWhere::Renewable,
                PasswordStatus::Expired => PasswordWhere::Expired,
            }),
            now,
            offset: page.offset(),
            limit: page.per_page().into(),
        };
        let (rows, total) = self.0.store.read().await?.passwords(&query).await?;
        let items = rows
            .into_iter()
            .map(|row| PasswordView {
                expired: row.password.expired(now),
                branch_id: row.password.branch_id,
                branch: row.branch,
                branch_production: row.production,
                password: row.password,
                plain_text: None,
                https: self.0.settings.gateway.https.clone(),
                access_host: self.0.settings.gateway.host.clone(),
                access_port: self.0.settings.gateway.port(row.engine.kind),
            })
            .collect();
        Ok(Listed { items, total, page })
    }
}

fn draw_secret(ids: &dyn Ids) -> SecretString {
    SecretString::from(format!("{PREFIX}{}", url_safe::<SECRET>(ids)))
}

/// Lower-case letters and digits, of which nobody has to think about upper case: about 103 bits.
fn draw_username(ids: &dyn Ids) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = [0; USERNAME];
    ids.fill(&mut bytes);
    bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
        .collect()
}

/// Random bytes as URL-safe base64 without padding.
pub(crate) fn url_safe<const N: usize>(ids: &dyn Ids) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; N];
    ids.fill(&mut bytes);
    let mut out = String::with_capacity(N.div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| chunk.get(i).copied().map_or(0, u32::from);
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * i)) & 63;
            out.push(char::from(ALPHABET[index as usize]));
        }
    }
    out
}

pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "name",
            format!("a name has at most {MAX_NAME} characters and no control characters"),
        ));
    }
    Ok(())
}

fn expiry(now: Timestamp, ttl: Option<Duration>) -> Result<Option<Timestamp>, Refusal> {
    let Some(ttl) = ttl else { return Ok(None) };
    if ttl.is_zero() {
        return Err(Refusal::invalid("ttl", "the time to live is zero"));
    }
    now.checked_add(ttl)
        .map(Some)
        .map_err(|_| Refusal::invalid("ttl", "the time to live is too long"))
}

fn taken(error: StoreError, name: &str) -> Refusal {
    match error {
        StoreError::Taken(_) => Refusal::conflict(format!(
            "the branch has a password named {} already",
            quoted(name)
        ))
        .hint("choose another name"),
        other => other.into(),
    }
}

/// A located password as it is now, inside a transaction.
async fn current(
    tx: &mut Tx,
    at: &LocatedPassword,
    expected: &Expected,
) -> Result<Password, Refusal> {
    let found = tx
        .password(at.branch().id, at.password.id.as_str())
        .await?
        .ok_or_else(|| Refusal::not_found(format!("password {}", quoted(&at.password.name))))?;
    let what = format!("password {}", quoted(&found.password.name));
    expected.check(&Revision::of_password(&found.password), what)?;
    Ok(found.password)
}

/// A branch that was located may be gone meanwhile.
async fn still_there(tx: &mut Tx, branch: &Branch) -> Result<(), Refusal> {
    match tx.branch_by_id(branch.id).await? {
        Some(row) if !row.deleting => Ok(()),
        _ => Err(
            Refusal::conflict(format!("branch \"{}\" is being deleted", branch.name))
                .code(code::DELETING),
        ),
    }
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedBranch,
    password: &Password,
    action: &str,
) -> Result<(), Refusal> {
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        ("Password", password.id.as_str(), &password.name),
        &[
            ("branch", at.branch.name.as_str()),
            ("database", at.database().name.as_str()),
            ("role", password.role.as_str()),
            ("username", &password.username),
        ],
    );
    Ok(tx.insert_audit(&event).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Ids for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (i, b) in bytes.iter_mut().enumerate() {
                *b = u8::try_from(i * 7 % 251).unwrap();
            }
        }
    }

    #[test]
    fn secrets_and_usernames_have_their_shape() {
        let secret = draw_secret(&Counting);
        let text = secrecy::ExposeSecret::expose_secret(&secret);
        assert_eq!(text.len(), PREFIX.len() + 43);
        assert!(text.starts_with("ofs_pw_"));
        assert!(draw_username(&Counting).len() >= 16);
        assert_eq!(url_safe::<3>(&Counting), "AAcO");
        assert_eq!(url_safe::<4>(&Counting), "AAcOFQ");
    }
}
