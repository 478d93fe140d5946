//! A new credential in the place of an earlier one, which stays good until its own end; and the first of them.

use crate::Control;
use crate::branch;
use crate::iteration::{HandoverView, found};
use crate::locate::{self, LocatedBranch, LocatedOrganization};
use crate::password::{NewPassword, connects};
use crate::trail::Actor;
use offshoot_core::automation::{CredentialRule, Deliver};
use offshoot_core::handover::{Handover, HandoverState};
use offshoot_core::id::{BindingId, HandoverId, IterationId};
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::{StoreError, Tx};

/// What is to be made.
pub(crate) struct Successor<'a> {
    pub(crate) binding: BindingId,
    pub(crate) iteration: IterationId,
    pub(crate) credential: &'a str,
    pub(crate) rule: &'a CredentialRule,
    /// The generation that it comes after, 0 = it is the first; `None` = whichever is the newest.
    pub(crate) after: Option<u32>,
    /// Why it is made, for the audit log.
    pub(crate) reason: &'a str,
}

/// Makes a credential anew and delivers it as its rule says now: the secret of the earlier one is gone from
/// here, and cannot be sent again. The earlier one stays good until its own end; a link to it does not
/// open any more. `id`: of a handover of the iteration.
///
/// Needs what making a password of the branch needs. Refused where the branch is gone, or its rule knows no
/// such credential any more.
pub async fn resend(
    control: &Control,
    at: &LocatedOrganization,
    iteration: &str,
    id: &str,
) -> Result<HandoverView, Refusal> {
    let mut session = control.0.store.read().await?;
    let known = found(&mut session, at, iteration).await?;
    let missing = || {
        Refusal::not_found(format!(
            "credential {} of the iteration",
            locate::quoted(id)
        ))
        .hint(format!(
            "see its credentials: offshoot iteration show {}",
            known.id
        ))
    };
    let handover: HandoverId = id.parse().map_err(|_| missing())?;
    let handover = session.handover(handover).await?.ok_or_else(missing)?;
    let binding = session.binding(handover.binding_id).await?;
    let binding = binding.filter(|b| b.iteration_id == known.id);
    let binding = binding.ok_or_else(missing)?;
    let automation = session.automation(binding.automation_id).await?;
    let automation = automation.filter(|a| at.caller.knows(a.database_id));
    let automation = automation.ok_or_else(missing)?;
    let current = session.handover_branch(handover.id).await?;
    let branch = match current.filter(|(branch, _)| *branch == binding.branch_id) {
        Some((branch, _)) => session.branch_by_id(branch).await?,
        None => None,
    };
    let branch = branch.filter(|b| !b.deleting).ok_or_else(|| {
        Refusal::conflict("the branch of the credential is gone")
            .code(code::DELETING)
            .hint(format!(
                "see what became of it: offshoot iteration show {}",
                known.id
            ))
    })?;
    let database = session.database_by_id(automation.database_id).await?;
    let database = database.ok_or_else(missing)?;
    drop(session);
    let credential = &handover.credential;
    let Some(rule) = automation.rule.credentials.get(credential) else {
        return Err(Refusal::unprocessable(format!(
            "automation \"{}\" makes no credential {credential} any more",
            automation.name
        ))
        .hint("write it into the rule again, or make a password: offshoot password create"));
    };
    let place = locate::branch(
        control,
        &at.caller,
        at.organization.name.as_str(),
        database.name.as_str(),
        branch.name.as_str(),
        connects(branch.production, rule.role),
    )
    .await?;
    let successor = Successor {
        binding: binding.id,
        iteration: known.id,
        credential,
        rule,
        after: None,
        reason: "it was asked for again",
    };
    let made = control.succeed(&place, &successor).await?;
    let handover = made.ok_or_else(missing)?;
    control.0.signals.planning.notify_one();
    let link = control
        .0
        .store
        .read()
        .await?
        .handover_link(handover.id)
        .await?;
    Ok(HandoverView { handover, link })
}

impl Control {
    /// A password and its handover in one commit: a secret that nobody would get is not made. What is on
    /// its way of the earlier ones is not sent any more, and those whose time is over are removed. `None`: another
    /// came after the one that was named.
    pub(crate) async fn succeed(
        &self,
        at: &LocatedBranch,
        new: &Successor<'_>,
    ) -> Result<Option<Handover>, Refusal> {
        let (branch, rule) = (at.branch(), new.rule);
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        branch::current(&mut tx, at).await?;
        let earlier = tx
            .handovers_of_credential(branch.id, new.credential)
            .await?;
        let newest = earlier.first().map_or(0, |h| h.generation);
        if new.after.is_some_and(|after| after != newest) {
            return Ok(None);
        }
        let generation = newest + 1;
        let name = match generation {
            1 => new.credential.to_owned(),
            n => format!("{}-{n}", new.credential),
        };
        let wanted = NewPassword {
            name,
            role: rule.role,
            ttl: rule.ttl.map(|t| t.duration()),
            cidrs: Vec::new(),
        };
        let (password, secret) = self.draw_password(branch, wanted, &at.caller().name())?;
        let (link, expires_at) = match &rule.deliver {
            Deliver::Link(link) => {
                let until = now.checked_add(link.expires.duration());
                (Some(crate::automation::link_token(self)), until.ok())
            }
            _ => (None, None),
        };
        let handover = Handover {
            id: self.id(),
            binding_id: new.binding,
            password_id: password.id,
            credential: new.credential.to_owned(),
            generation,
            deliver: rule.deliver.clone(),
            state: HandoverState::Pending,
            attempts: 0,
            retry_at: None,
            failure: None,
            expires_at,
            delivered_at: None,
            created_at: now,
        };
        for old in &earlier {
            self.retire(&mut tx, at, old).await?;
        }
        tx.insert_password(&password).await.map_err(|e| match e {
            StoreError::Taken(_) => Refusal::conflict(format!(
                "branch \"{}\" has a password named \"{}\" already",
                branch.name, password.name
            ))
            .hint("delete it, or give the rule's credential another name"),
            other => other.into(),
        })?;
        tx.insert_handover(&handover, branch.id, &secret, link.as_ref())
            .await?;
        let generation = generation.to_string();
        let event = self.event(
            at.organization().id,
            &Actor::Caller(at.caller()),
            "password.created",
            ("Password", password.id.as_str(), &password.name),
            &[
                ("branch", branch.name.as_str()),
                ("database", at.database().name.as_str()),
                ("role", password.role.as_str()),
                ("delivery", handover.deliver.kind()),
                ("generation", &generation),
                ("reason", new.reason),
            ],
        );
        tx.insert_audit(&event).await?;
        // The next one is due at another time, and people are told of this one.
        tx.check_bindings_of(new.iteration, now).await?;
        tx.tell_binding_at(new.binding, now).await?;
        tx.commit().await?;
        self.0.signals.handovers.notify_one();
        Ok(Some(handover))
    }

    /// An earlier one: it is not on its way any more, and gone where its time is over.
    async fn retire(&self, tx: &mut Tx, at: &LocatedBranch, old: &Handover) -> Result<(), Refusal> {
        if old.state == HandoverState::Pending {
            tx.handover_expired(old.id).await?;
            self.tell_handover(tx, old, "credential.expired").await?;
        }
        let password = tx
            .password(at.branch().id, old.password_id.as_str())
            .await?;
        let Some(password) = password.map(|p| p.password) else {
            return Ok(tx.delete_handover(old.id).await?);
        };
        if !password.expired(self.now()) {
            return Ok(());
        }
        tx.delete_handover(old.id).await?;
        tx.delete_password(password.id).await?;
        let event = self.event(
            at.organization().id,
            &Actor::Caller(at.caller()),
            "password.deleted",
            ("Password", password.id.as_str(), &password.name),
            &[
                ("branch", at.branch().name.as_str()),
                ("database", at.database().name.as_str()),
                ("role", password.role.as_str()),
                ("username", &password.username),
                ("reason", "it has expired, and has a successor"),
            ],
        );
        Ok(tx.insert_audit(&event).await?)
    }
}
