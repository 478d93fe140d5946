//! The steps of a binding, each through the use-case that people have for it.

use super::converge::{Facts, Seen};
use crate::Control;
use crate::automation::name;
use crate::backup::{self, NewBackup};
use crate::branch::{self, BranchChange, NewBranch, SeedRequest};
use crate::caller::Caller;
use crate::fail::Fail;
use crate::handover::Successor;
use crate::locate::{LocatedBranch, LocatedDatabase, LocatedOrganization};
use crate::once::Once;
use crate::revision::Expected;
use offshoot_core::automation::{BindingState, Ended, Forks, RuleSeed};
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::id::BranchId;
use offshoot_core::name::BranchName;
use offshoot_core::plan::Step;
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::binding::BaseSchema;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Longest value of a label, in characters.
const LABEL: usize = 128;

impl Control {
    /// Does one step. What [`Step::Examine`] found.
    pub(super) async fn carry_out(
        &self,
        facts: &mut Facts,
        step: &Step,
    ) -> Result<Option<bool>, Refusal> {
        match step {
            Step::Create(name) => self.make(facts, name).await?,
            Step::Issue(credential) => {
                self.issue(facts, credential, "the branch is its iteration's")
                    .await?;
            }
            Step::Rotate(credential) => {
                self.issue(facts, credential, "the earlier one expires soon")
                    .await?;
            }
            Step::ReadSchema => self.read_base(facts).await?,
            Step::Rename(name) => self.rename(facts, name).await?,
            Step::Label => self.label(facts).await?,
            Step::End(ended) => {
                facts.binding.ending = Some(*ended);
                self.write(&mut facts.binding).await?;
            }
            Step::Reopen => {
                facts.binding.ending = None;
                self.write(&mut facts.binding).await?;
            }
            Step::Sleep => self.lay_down(facts).await?,
            Step::Examine => return self.unmerged(facts).await.map(Some),
            Step::BackUp => self.save(facts).await?,
            Step::Unprotect => {
                let change = BranchChange {
                    deletion_protected: Some(false),
                    ..BranchChange::default()
                };
                branch::update(self, &self.place(facts).await?, change).await?;
            }
            Step::Delete => {
                let at = self.place(facts).await?;
                branch::delete(self, &at, false, &Expected::any()).await?;
                facts.binding.state = BindingState::Deleted;
                facts.binding.reason = None;
                self.write(&mut facts.binding).await?;
                self.0.signals.handovers.notify_one();
            }
            Step::Anew(pause) => self.begin_anew(facts, *pause).await?,
        }
        Ok(None)
    }

    async fn make(&self, facts: &mut Facts, wanted: &BranchName) -> Result<(), Refusal> {
        let rule = &facts.automation.rule;
        let at = self.located(facts).await?;
        let name = self.free_name(facts, wanted).await?;
        let fork = facts.iteration.record.iteration.pull_request.as_ref();
        let seed = match rule.branch.seed {
            _ if fork.is_some_and(|p| p.fork) && rule.forks == Forks::Schema => SeedRequest::Schema,
            RuleSeed::Schema => SeedRequest::Schema,
            RuleSeed::Backup => SeedRequest::LastBackup,
            RuleSeed::Live => SeedRequest::Live,
        };
        let new = NewBranch {
            name: name.clone(),
            parent: rule.branch.parent.clone(),
            seed,
            password: None,
            expires_at: None,
            ttl: None,
            labels: labels(facts, BTreeMap::new()),
            deletion_protected: rule.branch.deletion_protected,
            sleep_after: rule.branch.sleep_after.map(|s| s.duration()),
            event_scheduler: false,
            size: None,
            max_connections: None,
            disk_quota: None,
        };
        let id = facts.binding.branch_id;
        branch::create_as(self, &at, new, &Once::unnamed(), id).await?;
        tracing::info!(branch.id = %id, iteration.id = %facts.iteration.id, automation.id = %facts.automation.id, "a branch of an iteration is begun");
        facts.binding.branch_name = Some(name.to_string());
        facts.binding.followed_name = Some(facts.iteration.record.iteration.name.clone());
        facts.binding.state = BindingState::Making;
        facts.binding.reason = None;
        facts.binding.check_at = None;
        Ok(self.write(&mut facts.binding).await?)
    }

    /// The name, or the first number behind it that is free or the branch's own.
    async fn free_name(&self, facts: &Facts, wanted: &BranchName) -> Result<BranchName, Refusal> {
        let own = facts.branch_name();
        let mut session = self.0.store.read().await?;
        let numbered = (2..=name::MOST).filter_map(|n| name::numbered(wanted, n));
        for name in std::iter::once(wanted.clone()).chain(numbered) {
            let ours = own.as_deref() == Some(name.as_str());
            if ours || !session.branch_named(facts.database.id, &name).await? {
                return Ok(name);
            }
        }
        Err(Refusal::conflict(format!(
            "branch \"{wanted}\" and {} numbered ones exist already",
            name::MOST - 1
        ))
        .hint("let the rule's template say more of the iteration"))
    }

    /// The first credential of a name, or the next one.
    async fn issue(&self, facts: &Facts, credential: &str, reason: &str) -> Result<(), Refusal> {
        let Some(rule) = facts.automation.rule.credentials.get(credential) else {
            return Ok(());
        };
        let mut issued = facts.issued.iter();
        let before = issued.find(|i| i.credential == credential);
        let at = self.place(facts).await?;
        let new = Successor {
            binding: facts.binding.id,
            iteration: facts.iteration.id,
            credential,
            rule,
            after: Some(before.map_or(0, |b| b.generation)),
            reason,
        };
        // One that came in between is as good.
        self.succeed(&at, &new).await.map(drop)
    }

    /// What the branch began with, before anybody has its credentials: what differs from it later was
    /// changed in the branch.
    async fn read_base(&self, facts: &Facts) -> Result<(), Refusal> {
        let base = self.digests(facts.binding.branch_id).await?;
        let mut tx = self.0.store.write().await?;
        tx.set_base_schema(facts.binding.id, Some(&base)).await?;
        tx.commit().await?;
        self.0.signals.handovers.notify_one();
        Ok(())
    }

    async fn digests(&self, branch: BranchId) -> Result<BaseSchema, Refusal> {
        let endpoint = self.open_branch(branch).await?;
        let objects = self.0.ports.schemas.read(&endpoint, None).await;
        let texts = offshoot_schema::diff::texts(&objects.map_err(Fail::from)?);
        Ok(texts
            .into_iter()
            .map(|(name, text)| (name, digest(&text)))
            .collect())
    }

    /// Whether the branch's schema has something that was changed in it and is not in its parent.
    async fn unmerged(&self, facts: &Facts) -> Result<bool, Refusal> {
        let Seen::There(branch) = &facts.branch else {
            return Ok(false);
        };
        let mut session = self.0.store.read().await?;
        let base = session.base_schema(facts.binding.id).await?;
        let base = base.unwrap_or_default();
        drop(session);
        let now = self.digests(branch.id).await?;
        let changed = changes(&base, &now);
        if changed.is_empty() {
            return Ok(false);
        }
        let parent = match branch.parent {
            Some(parent) => self.digests(parent).await?,
            None => BaseSchema::new(),
        };
        Ok(changed
            .iter()
            .any(|name| parent.get(*name) != now.get(*name)))
    }

    async fn rename(&self, facts: &mut Facts, wanted: &BranchName) -> Result<(), Refusal> {
        let name = self.free_name(facts, wanted).await?;
        let at = self.place(facts).await?;
        let change = BranchChange {
            new_name: Some(name.clone()),
            labels: Some(labels(facts, at.branch.labels.clone())),
            ..BranchChange::default()
        };
        facts.binding.branch_name = Some(name.to_string());
        facts.binding.followed_name = Some(facts.iteration.record.iteration.name.clone());
        // At once: a name that the binding does not know would be taken for a person's.
        let mut tx = self.0.store.write().await?;
        branch::update_within(self, &mut tx, &at, change).await?;
        self.write_within(&mut tx, &mut facts.binding).await?;
        Ok(self.commit_binding(tx).await?)
    }

    async fn label(&self, facts: &mut Facts) -> Result<(), Refusal> {
        let at = self.place(facts).await?;
        let change = BranchChange {
            labels: Some(labels(facts, at.branch.labels.clone())),
            ..BranchChange::default()
        };
        branch::update(self, &at, change).await?;
        if facts.binding.branch_name.is_none() {
            // Killed between the branch and the note of its name.
            facts.binding.branch_name = Some(at.branch.name.to_string());
        }
        facts.binding.followed_name = Some(facts.iteration.record.iteration.name.clone());
        Ok(self.write(&mut facts.binding).await?)
    }

    async fn lay_down(&self, facts: &Facts) -> Result<(), Refusal> {
        let id = facts.binding.branch_id;
        if self.put_to_sleep(id).await? {
            return Ok(());
        }
        let row = self.0.store.read().await?.branch_by_id(id).await?;
        match row.map(|b| b.state) {
            Some(BranchState::Sleeping) | None => Ok(()),
            Some(_) => Err(Refusal::conflict(
                "the iteration is over; the branch sleeps when its commands have ended",
            )),
        }
    }

    async fn save(&self, facts: &mut Facts) -> Result<(), Refusal> {
        let at = self.place(facts).await?;
        let new = NewBackup {
            name: Some(format!("end of {}", at.branch.name)),
            retention: None,
        };
        let made = backup::create(self, &at, new, &Once::unnamed()).await?;
        if let Some(ended) = facts.binding.ending {
            facts.binding.ending = Some(Ended {
                backed_up: Some(made.backup.id),
                ..ended
            });
        }
        Ok(self.write(&mut facts.binding).await?)
    }

    async fn begin_anew(
        &self,
        facts: &mut Facts,
        pause: std::time::Duration,
    ) -> Result<(), Refusal> {
        let binding = &mut facts.binding;
        if let Seen::Failed(why) = &facts.branch {
            binding.reason = Some(why.clone());
            binding.attempts = binding.attempts.saturating_add(1);
        }
        binding.state = match pause.is_zero() {
            true => BindingState::Waiting,
            false => BindingState::Failed,
        };
        binding.branch_id = self.id();
        binding.branch_name = None;
        binding.followed_name = None;
        binding.ending = None;
        binding.check_at = self.now().checked_add(pause).ok();
        let mut tx = self.0.store.write().await?;
        self.write_within(&mut tx, binding).await?;
        tx.set_base_schema(binding.id, None).await?;
        Ok(self.commit_binding(tx).await?)
    }

    /// The rule's database, with what the rule may do there.
    async fn located(&self, facts: &Facts) -> Result<LocatedDatabase, Refusal> {
        let id = facts.database.organization_id;
        let organization = self.0.store.read().await?.organization(id.as_str()).await?;
        let organization =
            organization.ok_or_else(|| Refusal::internal("a database without an organization"))?;
        Ok(LocatedDatabase {
            within: LocatedOrganization {
                caller: Caller::automation(&facts.automation, id),
                organization,
            },
            database: facts.database.clone(),
        })
    }

    async fn place(&self, facts: &Facts) -> Result<LocatedBranch, Refusal> {
        let within = self.located(facts).await?;
        match &facts.branch {
            Seen::There(branch) => Ok(LocatedBranch {
                within,
                branch: Branch::clone(branch),
            }),
            _ => Err(Refusal::conflict("the branch is gone").code(code::DELETING)),
        }
    }
}

/// What a branch is labelled with, beside what people wrote.
fn labels(facts: &Facts, mut there: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let cut = |text: &str| -> String {
        let mut fit = text.chars().filter(|c| !c.is_control());
        fit.by_ref().take(LABEL).collect()
    };
    let iteration = &facts.iteration.record.iteration;
    there.insert("iteration".to_owned(), cut(&iteration.name));
    there.insert("automation".to_owned(), cut(facts.automation.name.as_str()));
    if let Some(url) = iteration.url.as_deref().filter(|u| u.len() <= LABEL) {
        there.insert("iteration-url".to_owned(), cut(url));
    }
    there
}

/// Names of objects that differ.
fn changes<'a>(before: &'a BaseSchema, now: &'a BaseSchema) -> BTreeSet<&'a String> {
    let names = before.keys().chain(now.keys());
    names.filter(|n| before.get(*n) != now.get(*n)).collect()
}

fn digest(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest[..12].iter().map(|b| format!("{b:02x}")).collect()
}
