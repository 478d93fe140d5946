//! Audit events, as use-cases and workflows write them.

use crate::Control;
use crate::caller::Caller;
use offshoot_core::audit::AuditEvent;
use offshoot_core::id::OrganizationId;
use offshoot_core::user::User;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who did it.
pub(crate) enum Actor<'a> {
    Caller(&'a Caller),
    /// Without a session, from there.
    User(&'a User, Option<IpAddr>),
    /// Who is no user, or not let in: by what they call themselves, from there.
    Stranger(&'a str, Option<IpAddr>),
    System,
}

impl Actor<'_> {
    /// What it is called, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Actor::Caller(caller) => caller.name(),
            Actor::User(user, _) => user.email.to_string(),
            Actor::Stranger(name, _) => (*name).to_owned(),
            Actor::System => "system".to_owned(),
        }
    }
}

/// What it was done to: type, id, name.
pub(crate) type Subject<'a> = (&'static str, &'a str, &'a str);

impl Control {
    pub(crate) fn event(
        &self,
        organization: OrganizationId,
        actor: &Actor<'_>,
        action: &str,
        (subject_type, subject_id, subject): Subject<'_>,
        metadata: &[(&str, &str)],
    ) -> AuditEvent {
        let (actor_id, remote_ip, by_user) = match actor {
            Actor::Caller(c) => (Some(c.actor_id()), c.remote_ip(), c.user().is_some()),
            Actor::User(user, from) => (Some(user.id.to_string()), *from, true),
            Actor::Stranger(_, from) => (None, *from, false),
            Actor::System => (None, None, false),
        };
        AuditEvent {
            id: self.id(),
            organization_id: organization,
            action: action.to_owned(),
            actor_id,
            actor: actor.name(),
            by_user,
            subject_type,
            subject_id: Some(subject_id.to_owned()),
            subject: subject.to_owned(),
            remote_ip: remote_ip.map(|ip| ip.to_string()),
            metadata: metadata
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            at: self.now(),
        }
    }
}
