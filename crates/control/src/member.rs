//! Members of an organization: its users.

use crate::Control;
use crate::hashing;
use crate::locate::{LocatedOrganization, quoted};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::refusal::code;
use offshoot_core::user::{Email, Role, User, check_name, check_password};
use offshoot_core::{Kind, Refusal};
use offshoot_store::{Session, StoreError, Tx};
use secrecy::SecretString;

/// A user to be made.
#[derive(Debug)]
pub struct NewUser {
    pub email: Email,
    /// `None`: what stands before the `@`.
    pub name: Option<String>,
    pub role: Role,
    /// `None`: one is drawn.
    pub password: Option<SecretString>,
}

/// A user, and their password where it was drawn: it is known to nobody else.
#[derive(Debug)]
pub struct UserView {
    pub user: User,
    pub drawn: Option<SecretString>,
}

/// `q`: part of the name or of the e-mail address.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    q: Option<&str>,
) -> Result<Vec<User>, Refusal> {
    let mut users = control
        .0
        .store
        .read()
        .await?
        .users(at.organization.id)
        .await?;
    if let Some(q) = q.map(str::to_lowercase) {
        users.retain(|u| u.email.as_str().contains(&q) || u.name.to_lowercase().contains(&q));
    }
    Ok(users)
}

/// `named`: e-mail address, or id of the user or of the membership.
pub async fn show(
    control: &Control,
    at: &LocatedOrganization,
    named: &str,
) -> Result<User, Refusal> {
    let mut session = control.0.store.read().await?;
    find(&mut session, at, named).await
}

async fn find(
    session: &mut Session,
    at: &LocatedOrganization,
    named: &str,
) -> Result<User, Refusal> {
    let email = named.to_ascii_lowercase();
    let users = session.users(at.organization.id).await?;
    users
        .into_iter()
        .find(|u| {
            u.email.as_str() == email || u.id.as_str() == named || u.member_id().as_str() == named
        })
        .ok_or_else(|| {
            Refusal::not_found(format!("user {}", quoted(named)))
                .hint("list them: offshoot user list")
        })
}

/// Needs `write_organization`, and every access that the role has.
pub async fn create(
    control: &Control,
    at: &LocatedOrganization,
    new: NewUser,
) -> Result<UserView, Refusal> {
    require(at, new.role)?;
    let name = new.name.unwrap_or_else(|| new.email.local().to_owned());
    check_name(&name)?;
    let (password, drawn) = chosen(control, new.password)?;
    let phc = hashing::hash(control, &password).await?;
    let (id, of) = (control.id(), at.organization.id);
    let user = User {
        password: true,
        ..User::new(id, of, new.email, name, new.role, control.now())
    };
    let mut tx = control.0.store.write().await?;
    tx.insert_user(&user, Some(&phc))
        .await
        .map_err(|error| match error {
            StoreError::Taken(_) => {
                Refusal::conflict(format!("user {} exists already", user.email))
                    .hint("give them another password: offshoot user set-password")
            }
            other => other.into(),
        })?;
    let role = [("role", user.role.as_str())];
    note(control, &mut tx, at, &user, "user.created", &role).await?;
    tx.commit().await?;
    Ok(UserView { user, drawn })
}

/// Needs `write_organization`, and every access of both roles.
pub async fn set_role(
    control: &Control,
    at: &LocatedOrganization,
    named: &str,
    role: Role,
) -> Result<User, Refusal> {
    let mut tx = control.0.store.write().await?;
    let mut user = find(&mut tx, at, named).await?;
    require(at, user.role)?;
    require(at, role)?;
    if user.role == role {
        return Ok(user);
    }
    if role != Role::Admin {
        keep_an_admin(&mut tx, &user).await?;
    }
    user.role = role;
    user.updated_at = control.now();
    tx.update_user(&user).await?;
    let metadata = [("role", role.as_str())];
    note(control, &mut tx, at, &user, "user.updated", &metadata).await?;
    tx.commit().await?;
    Ok(user)
}

/// `None`: one is drawn. All sessions of the user end. Needs `write_organization`, and every access of their role.
pub async fn set_password(
    control: &Control,
    at: &LocatedOrganization,
    named: &str,
    password: Option<SecretString>,
) -> Result<UserView, Refusal> {
    require(at, show(control, at, named).await?.role)?;
    let (password, drawn) = chosen(control, password)?;
    let phc = hashing::hash(control, &password).await?;
    let mut tx = control.0.store.write().await?;
    // Hashing takes its time, in which they may have become somebody who may more.
    let mut user = find(&mut tx, at, named).await?;
    require(at, user.role)?;
    user.updated_at = control.now();
    user.password = true;
    tx.set_user_password(user.id, &phc, user.updated_at).await?;
    tx.delete_sessions_of(user.id).await?;
    note(control, &mut tx, at, &user, "user.password_changed", &[]).await?;
    tx.commit().await?;
    Ok(UserView { user, drawn })
}

/// With all their sessions. Needs `write_organization`, and every access of their role.
pub async fn delete(
    control: &Control,
    at: &LocatedOrganization,
    named: &str,
) -> Result<(), Refusal> {
    let mut tx = control.0.store.write().await?;
    let user = find(&mut tx, at, named).await?;
    require(at, user.role)?;
    keep_an_admin(&mut tx, &user).await?;
    tx.delete_user(user.id).await?;
    note(control, &mut tx, at, &user, "user.deleted", &[]).await?;
    Ok(tx.commit().await?)
}

/// Whoever makes a user, or knows their password, can do what they can: so nobody gets more than they have.
fn require(at: &LocatedOrganization, role: Role) -> Result<(), Refusal> {
    at.require(&[Access::WriteOrganization])?;
    match role.accesses().iter().find(|a| !at.caller.may(**a, None)) {
        None => Ok(()),
        Some(lacking) => Err(Refusal::new(
            Kind::Forbidden,
            format!(
                "only who has {lacking} may change users of role {}",
                role.as_str()
            ),
        )
        .hint("use the root token, on the server's machine")),
    }
}

async fn keep_an_admin(tx: &mut Tx, user: &User) -> Result<(), Refusal> {
    if user.role != Role::Admin || tx.other_admin(user).await? {
        return Ok(());
    }
    let text = format!("{} is the last administrator, and stays", user.email);
    Err(Refusal::unprocessable(text)
        .code(code::LAST_ADMIN)
        .hint("make another one first: offshoot user create --role admin"))
}

fn chosen(
    control: &Control,
    password: Option<SecretString>,
) -> Result<(SecretString, Option<SecretString>), Refusal> {
    match password {
        Some(password) => {
            check_password(&password)?;
            Ok((password, None))
        }
        None => {
            let drawn = hashing::draw(&*control.0.ports.ids);
            Ok((drawn.clone(), Some(drawn)))
        }
    }
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedOrganization,
    user: &User,
    action: &str,
    metadata: &[(&str, &str)],
) -> Result<(), Refusal> {
    let subject = ("User", user.id.as_str(), user.email.as_str());
    let actor = Actor::Caller(&at.caller);
    let event = control.event(at.organization.id, &actor, action, subject, metadata);
    Ok(tx.insert_audit(&event).await?)
}
