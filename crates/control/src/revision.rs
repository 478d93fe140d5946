//! Revisions: a change may be made on the condition that nobody else made one since.
//!
//! A revision moves with what people change, not with what happens by itself (a branch that falls
//! asleep, a password that is used). It is compared inside the transaction of the change.

use jiff::Timestamp;
use offshoot_core::automation::Automation;
use offshoot_core::backup::Backup;
use offshoot_core::backup_policy::BackupPolicy;
use offshoot_core::branch::Branch;
use offshoot_core::database::Database;
use offshoot_core::integration::Integration;
use offshoot_core::password::Password;
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::seed_rules::RulesVersion;
use offshoot_core::shadow::Shadow;
use offshoot_core::token::ServiceToken;
use offshoot_core::webhook::Webhook;
use sha2::{Digest, Sha256};
use std::fmt;

/// Opaque text of a thing's revision: hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Revision {
    fn of_time(at: Timestamp) -> Self {
        Self(format!("{:x}", at.as_microsecond()))
    }

    pub fn of_branch(branch: &Branch) -> Self {
        Self::of_time(branch.updated_at)
    }

    pub fn of_database(database: &Database) -> Self {
        Self::of_time(database.updated_at)
    }

    /// A run is no change.
    pub fn of_policy(policy: &BackupPolicy) -> Self {
        Self::of_time(policy.updated_at)
    }

    /// Of a database's newest seed rules; `None` before the first.
    pub fn of_seed_rules(newest: Option<&RulesVersion>) -> Self {
        Self(format!("{:x}", newest.map_or(0, |v| v.version)))
    }

    /// Following is no change.
    pub fn of_shadow(shadow: &Shadow) -> Self {
        Self::of_time(shadow.updated_at)
    }

    pub fn of_integration(integration: &Integration) -> Self {
        Self::of_time(integration.updated_at)
    }

    pub fn of_automation(automation: &Automation) -> Self {
        Self::of_time(automation.updated_at)
    }

    /// Sending is no change.
    pub fn of_webhook(webhook: &Webhook) -> Self {
        Self::of_time(webhook.updated_at)
    }

    pub fn of_token(token: &ServiceToken) -> Self {
        Self::of_time(token.updated_at)
    }

    /// Of what may change: name, protection and expiry.
    pub fn of_backup(backup: &Backup) -> Self {
        let mut hash = Sha256::new();
        hash.update(backup.name.as_bytes());
        hash.update(format!("\0{}\0{:?}", backup.protected, backup.expires_at));
        Self::of_hash(hash)
    }

    /// Of what may change: name, addresses, expiry and secret.
    pub fn of_password(password: &Password) -> Self {
        let mut hash = Sha256::new();
        hash.update(password.name.as_bytes());
        for net in &password.cidrs {
            hash.update(format!("\0{net}"));
        }
        hash.update(format!("\0{:?}", password.expires_at));
        hash.update(password.verifier.sha2);
        Self::of_hash(hash)
    }

    fn of_hash(hash: Sha256) -> Self {
        let digest: [u8; 32] = hash.finalize().into();
        Self(digest[..8].iter().map(|b| format!("{b:02x}")).collect())
    }
}

/// The revisions at which a change may be made.
#[derive(Clone, Debug, Default)]
pub struct Expected(Option<Vec<String>>);

impl Expected {
    /// Any revision.
    pub fn any() -> Self {
        Self(None)
    }

    /// One of these texts; of none it is never the right one.
    pub fn one_of(revisions: Vec<String>) -> Self {
        Self(Some(revisions))
    }

    /// `what` as a person would say it: `branch "sprint-42"`.
    pub(crate) fn check(&self, now: &Revision, what: impl fmt::Display) -> Result<(), Refusal> {
        match &self.0 {
            Some(revisions) if !revisions.contains(&now.0) => Err(Refusal::conflict(format!(
                "{what} was changed since it was read"
            ))
            .code(code::CHANGED)
            .hint("read it again, and send the ETag that comes with it")),
            _ => Ok(()),
        }
    }

    /// What was read anew in the transaction of a change: it is there, and at a revision at which it may be changed.
    pub(crate) fn fresh<T, N: fmt::Display>(
        &self,
        noun: &str,
        found: Option<T>,
        name: impl FnOnce(&T) -> N,
        revision: impl FnOnce(&T) -> Revision,
    ) -> Result<T, Refusal> {
        let found = found.ok_or_else(|| Refusal::not_found(format!("the {noun}")))?;
        let what = format!("{noun} \"{}\"", name(&found));
        self.check(&revision(&found), what)?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_at_the_revision_that_was_read() {
        let (old, new) = (Revision("1".into()), Revision("2".into()));
        assert!(Expected::any().check(&new, "x").is_ok());
        let read = Expected::one_of(vec!["1".into()]);
        assert!(read.check(&old, "x").is_ok());
        assert_eq!(read.check(&new, "x").unwrap_err().code, code::CHANGED);
        assert!(Expected::one_of(Vec::new()).check(&old, "x").is_err());
    }
}
