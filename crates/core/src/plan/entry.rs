//! Whether somebody whom the OIDC provider knows may log in here, and as whom.

use crate::oidc::{Identity, Policy};
use crate::refusal::{Kind, Refusal, code};
use crate::user::{Email, Role, User};

/// What is done before they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing: the account is linked with this user.
    Known(User),
    /// The account is linked with this user.
    Link(User),
    /// A user is made and linked.
    Create { email: Email, role: Role },
}

/// `linked`: the user with whom the account is linked. `named`: finds the user of an e-mail address.
///
/// The address counts at the first login alone. After that the account does: who gets an address that was another
/// person's gets nothing else of theirs.
///
/// # Errors
/// `NOT_LET_IN`, with the reason and what an administrator can do.
pub fn plan_entry(
    identity: &Identity,
    policy: &Policy,
    linked: Option<User>,
    named: impl FnOnce(&Email) -> Option<User>,
) -> Result<Entry, Refusal> {
    let provider = &policy.name;
    if let Some(user) = linked {
        within(&user.email, policy)?;
        return Ok(Entry::Known(user));
    }
    let told = identity.email.as_deref().unwrap_or_default();
    if told.is_empty() {
        return Err(refused(
            format!("{provider} tells no e-mail address of you"),
            "an administrator can let it: scope and claim of the address, login.oidc in the configuration",
        ));
    }
    let email = Email::parse(told).map_err(|_| {
        refused(
            format!("what {provider} tells of you is no e-mail address"),
            "an administrator can name another claim: login.oidc.email_claim",
        )
    })?;
    if !identity.verified && !policy.unverified {
        return Err(refused(
            format!("{provider} has not verified that {email} is yours"),
            format!("verify it there, then log in again, or ask {provider}'s administrator"),
        ));
    }
    within(&email, policy)?;
    match (named(&email), policy.create) {
        (Some(user), _) => match &user.link {
            Some(link) if link.issuer == identity.link.issuer => Err(refused(
                format!("{email} is linked with another account of {provider}"),
                "if that account is gone, an administrator can delete the user and make it again: offshoot user delete",
            )),
            _ => Ok(Entry::Link(user)),
        },
        (None, Some(role)) => Ok(Entry::Create { email, role }),
        (None, None) => Err(refused(
            format!("{provider} knows {email}, but there is no such user here"),
            format!("an administrator can make one: offshoot user create {email}"),
        )),
    }
}

fn within(email: &Email, policy: &Policy) -> Result<(), Refusal> {
    if policy.domains.is_empty() || policy.domains.iter().any(|d| d == email.domain()) {
        return Ok(());
    }
    Err(refused(
        format!(
            "addresses of {} may not log in with {}",
            email.domain(),
            policy.name
        ),
        "an administrator can allow the domain: login.oidc.email_domains",
    ))
}

fn refused(text: String, hint: impl Into<String>) -> Refusal {
    Refusal::new(Kind::Forbidden, text)
        .code(code::NOT_LET_IN)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RawId;
    use crate::user::Link;
    use jiff::Timestamp;

    const ISSUER: &str = "https://id.example.com";

    fn identity(email: Option<&str>) -> Identity {
        Identity {
            link: link(ISSUER, "1"),
            email: email.map(str::to_owned),
            verified: true,
            name: None,
        }
    }

    fn link(issuer: &str, subject: &str) -> Link {
        Link {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        }
    }

    fn policy() -> Policy {
        Policy {
            name: "Example".to_owned(),
            domains: Vec::new(),
            unverified: false,
            create: None,
        }
    }

    fn user(email: &str, link: Option<Link>) -> User {
        let id = RawId::from_entropy([1; crate::id::LENGTH]);
        let email = Email::parse(email).unwrap();
        let mut user = User::new(
            id.into(),
            id.into(),
            email,
            "x".into(),
            Role::Member,
            Timestamp::UNIX_EPOCH,
        );
        user.link = link;
        user
    }

    fn nobody(_: &Email) -> Option<User> {
        None
    }

    fn said(result: Result<Entry, Refusal>) -> String {
        let refusal = result.unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.code),
            (Kind::Forbidden, code::NOT_LET_IN)
        );
        assert!(refusal.hint.is_some());
        refusal.public
    }

    #[test]
    fn the_first_login_goes_by_the_verified_address() {
        let ann = user("ann@example.com", None);
        let of = |identity: &Identity, policy: &Policy| {
            plan_entry(identity, policy, None, |email| {
                (email.as_str() == "ann@example.com").then(|| ann.clone())
            })
        };
        let told = identity(Some("Ann@Example.com"));
        assert_eq!(of(&told, &policy()).unwrap(), Entry::Link(ann.clone()));
        let mut unsure = told.clone();
        unsure.verified = false;
        assert!(said(of(&unsure, &policy())).contains("not verified"));
        let mut lenient = policy();
        lenient.unverified = true;
        assert_eq!(of(&unsure, &lenient).unwrap(), Entry::Link(ann.clone()));
        for (none, words) in [
            (None, "no e-mail"),
            (Some(""), "no e-mail"),
            (Some("ann"), "is no e-mail"),
        ] {
            assert!(
                said(of(&identity(none), &lenient)).contains(words),
                "{none:?}"
            );
        }
    }

    #[test]
    fn an_address_that_changes_hands_takes_no_account_along() {
        let told = identity(Some("ann@example.com"));
        let taken = user("ann@example.com", Some(link(ISSUER, "2")));
        let result = plan_entry(&told, &policy(), None, |_| Some(taken));
        assert!(said(result).contains("another account"));
        // Nor does the account lose what it is linked with when its address changes, or is told no more.
        let linked = user("ann@example.com", Some(link(ISSUER, "1")));
        for email in [Some("bob@example.com"), None] {
            let result = plan_entry(&identity(email), &policy(), Some(linked.clone()), |_| {
                panic!("the address does not count")
            });
            assert_eq!(result.unwrap(), Entry::Known(linked.clone()));
        }
        // Another provider took the place of the one before.
        let before = user(
            "ann@example.com",
            Some(link("https://old.example.com", "1")),
        );
        let result = plan_entry(&told, &policy(), None, |_| Some(before.clone()));
        assert_eq!(result.unwrap(), Entry::Link(before));
    }

    #[test]
    fn domains_and_strangers() {
        let told = identity(Some("ann@example.com"));
        assert!(said(plan_entry(&told, &policy(), None, nobody)).contains("no such user"));
        let mut open = policy();
        open.create = Some(Role::Member);
        open.domains = vec!["example.com".to_owned()];
        let made = plan_entry(&told, &open, None, nobody).unwrap();
        assert!(
            matches!(made, Entry::Create { role: Role::Member, email } if email.local() == "ann")
        );
        for other in [
            "ann@example.org",
            "ann@sub.example.com",
            "ann@badexample.com",
        ] {
            let result = plan_entry(&identity(Some(other)), &open, None, nobody);
            assert!(said(result).contains("may not log in"), "{other}");
        }
        // A domain that is allowed no more counts for those who were in before.
        let linked = user("ann@example.org", Some(link(ISSUER, "1")));
        assert!(said(plan_entry(&told, &open, Some(linked), nobody)).contains("may not log in"));
    }
}
