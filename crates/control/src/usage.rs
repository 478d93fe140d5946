//! What the gateway tells of credentials: kept in memory, written in batches, so that a connection
//! costs no commit. What a crash loses of it is a second of last-used times.

use crate::fail::Fail;
use crate::{Control, lock};
use jiff::Timestamp;
use offshoot_core::audit::AuditEvent;
use offshoot_core::id::{PasswordId, ServiceTokenId};
use offshoot_core::port::AuthFailure;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

/// Different refusals remembered between two writes; more are counted under one entry.
const REFUSALS: usize = 256;
/// The same refusal is in the audit log at most once in this time, with the number of times.
const AUDIT_EVERY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Ledger {
    used: Mutex<HashMap<PasswordId, Timestamp>>,
    tokens: Mutex<HashMap<ServiceTokenId, Timestamp>>,
    refused: Mutex<HashMap<Key, Refused>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    password: Option<PasswordId>,
    from: Option<IpAddr>,
    why: &'static str,
}

struct Refused {
    username: String,
    at: Timestamp,
    /// Since the last audit event.
    times: u64,
    unwritten: bool,
    audited_at: Option<Timestamp>,
}

impl Ledger {
    pub(crate) fn used(&self, password: PasswordId, at: Timestamp) {
        lock(&self.used).insert(password, at);
    }

    pub(crate) fn token_used(&self, token: ServiceTokenId, at: Timestamp) {
        lock(&self.tokens).insert(token, at);
    }

    pub(crate) fn refused(
        &self,
        password: Option<PasswordId>,
        username: &str,
        from: IpAddr,
        why: AuthFailure,
        at: Timestamp,
    ) {
        /// Longer names are nobody's; the log keeps their beginning.
        const USERNAME: usize = 64;
        let mut refused = lock(&self.refused);
        let mut key = Key {
            password,
            from: Some(from),
            why: why.as_str(),
        };
        if refused.len() >= REFUSALS && !refused.contains_key(&key) {
            key = Key {
                password: None,
                from: None,
                why: why.as_str(),
            };
        }
        let entry = refused.entry(key).or_insert_with(|| Refused {
            username: String::new(),
            at,
            times: 0,
            unwritten: true,
            audited_at: None,
        });
        entry.username = username.chars().take(USERNAME).collect();
        entry.at = at;
        entry.times = entry.times.saturating_add(1);
        entry.unwritten = true;
    }
}

impl Control {
    pub(crate) async fn flush_usage(&self) -> Result<(), Fail> {
        let ledger = &self.0.usage;
        let now = self.now();
        let used = std::mem::take(&mut *lock(&ledger.used));
        let tokens = std::mem::take(&mut *lock(&ledger.tokens));
        let due = |at: Option<Timestamp>| {
            at.is_none_or(|at| at.checked_add(AUDIT_EVERY).is_ok_and(|t| now >= t))
        };
        let mut notes = Vec::new();
        {
            let mut refused = lock(&ledger.refused);
            refused.retain(|_, r| r.times > 0 || !due(r.audited_at));
            for (key, entry) in refused.iter_mut().filter(|(_, r)| r.unwritten) {
                entry.unwritten = false;
                let times = if due(entry.audited_at) {
                    entry.audited_at = Some(now);
                    std::mem::take(&mut entry.times)
                } else {
                    0
                };
                notes.push((key.clone(), entry.username.clone(), entry.at, times));
            }
        }
        if used.is_empty() && tokens.is_empty() && notes.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        for (id, at) in used {
            tx.touch_password(id, at).await?;
        }
        for (id, at) in tokens {
            tx.touch_token(id, at).await?;
        }
        for (key, username, at, times) in notes {
            if let Some(id) = key.password {
                let from = key
                    .from
                    .map_or_else(String::new, |ip| format!(" from {ip}"));
                tx.note_refusal(id, at, &format!("{}{from}", key.why))
                    .await?;
            }
            if times > 0
                && let Some(event) = self.refusal_event(&mut tx, &key, &username, times).await?
            {
                tx.insert_audit(&event).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    async fn refusal_event(
        &self,
        tx: &mut offshoot_store::Tx,
        key: &Key,
        username: &str,
        times: u64,
    ) -> Result<Option<AuditEvent>, Fail> {
        let place = match key.password {
            Some(id) => tx.password_place(id).await?,
            None => None,
        };
        let organization = match &place {
            Some((_, _, organization)) => *organization,
            None => match tx.organization(crate::bootstrap::ORGANIZATION).await? {
                Some(o) => o.id,
                None => return Ok(None),
            },
        };
        let (subject_type, subject) = match place {
            Some((name, _, _)) => ("Password", name),
            None => ("Username", username.to_owned()),
        };
        Ok(Some(AuditEvent {
            id: self.id(),
            organization_id: organization,
            action: "password.refused".to_owned(),
            actor_id: None,
            actor: username.to_owned(),
            by_user: false,
            subject_type,
            subject_id: key.password.map(|p| p.to_string()),
            subject,
            remote_ip: key.from.map(|ip| ip.to_string()),
            metadata: BTreeMap::from([
                ("reason".to_owned(), key.why.to_owned()),
                ("times".to_owned(), times.to_string()),
            ]),
            at: self.now(),
        }))
    }
}
