//! Bringing a parent's schema into a new engine: what branches and templates have in common.

use super::Run;
use crate::binlog::Replaying;
use crate::fail::Fail;
use crate::trail::Actor;
use crate::{Control, lock};
use offshoot_core::Refusal;
use offshoot_core::branch::BranchState;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BranchId, InstanceId, SnapshotId, VolumeId};
use offshoot_core::instance::{Accounts, Endpoint, Instance, Stop};
use offshoot_core::plan::Source;
use offshoot_core::port::PortError;
use offshoot_core::volume::Stored;
use offshoot_schema::freshness::{changed, delta, whole};
use offshoot_schema::object::CreationContext;
use offshoot_schema::port::{Delta, Fingerprint};
use offshoot_schema::{ObjectName, SchemaObject};
use offshoot_store::Tx;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A branch that is being made, with every id it will have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filling {
    pub(crate) branch: BranchId,
    /// `None` = an empty schema.
    pub(crate) parent: Option<BranchId>,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
    pub(crate) engine: EngineRef,
    pub(crate) source: Source,
    /// Name of the schema an empty branch starts with.
    pub(crate) schema: String,
    /// What its data is given beyond the backup that it is forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<Replaying>,
}

/// What a parent's schema is, and what a copy has to do to follow.
pub(crate) struct News {
    pub(crate) delta: Delta,
    /// The parent's stamps, read before its definitions.
    pub(crate) stamps: Fingerprint,
    /// What could not be made in the copy, because it is broken in the parent.
    pub(crate) left_out: Vec<ObjectName>,
}

/// Most fingerprints kept in memory: the templates that are used again and again.
const FINGERPRINTS: usize = 16;

impl Control {
    /// Makes the volume of an instance from a snapshot. After an interruption nobody knows what the
    /// first try left in it, so it is made anew.
    pub(crate) async fn fork_afresh(
        &self,
        run: &Run,
        snapshot: SnapshotId,
        volume: VolumeId,
        instance: InstanceId,
    ) -> Result<(), Fail> {
        if !run.fresh {
            let mut slot = self.slot(instance).await;
            self.stop(&mut slot, instance, Stop::Hard).await?;
            self.0.ports.volumes.remove(Stored::Volume(volume)).await?;
        }
        self.0.ports.volumes.fork(snapshot, volume).await?;
        Ok(())
    }

    /// Starts the engine and reads the parent meanwhile, then brings the engine's schema up to date.
    pub(crate) async fn fill(
        &self,
        instance: &Instance,
        parent: Option<BranchId>,
        from: Option<SnapshotId>,
        schema: &str,
    ) -> Result<(Endpoint, Option<News>), Fail> {
        let start = async {
            let mut slot = self.slot(instance.id).await;
            self.start(&mut slot, instance).await.map_err(Fail::from)
        };
        let news = async {
            match parent {
                Some(parent) => self.news_of(parent, from).await.map(Some),
                None => Ok(None),
            }
        };
        let (endpoint, news) = futures_util::join!(start, news);
        let (endpoint, mut news) = (endpoint?, news?);
        let schemas = &self.0.ports.schemas;
        match &mut news {
            Some(news) if !news.delta.is_empty() => {
                news.left_out = schemas.apply(&endpoint, &news.delta).await?;
            }
            Some(_) => {}
            None => drop(schemas.apply(&endpoint, &empty(schema)).await?),
        }
        Ok((endpoint, news))
    }

    /// What changed in the parent since the snapshot's copy of it was read.
    pub(crate) async fn news_of(
        &self,
        parent: BranchId,
        from: Option<SnapshotId>,
    ) -> Result<News, Fail> {
        let old = self.template_stamps(from).await?;
        let mut endpoint = self.0.fleet.endpoint(parent);
        if endpoint.is_none()
            && let Some(stamps) = self.stamps_asleep(parent).await?
            && !old.objects.is_empty()
            && changed(&old, &stamps).is_empty()
        {
            return Ok(News {
                delta: Delta::default(),
                stamps,
                left_out: Vec::new(),
            });
        }
        if endpoint.is_none() {
            endpoint = Some(self.open_branch(parent).await.map_err(PortError::retry)?);
        }
        let endpoint = endpoint.ok_or_else(|| {
            PortError::retry(Refusal::unavailable("the parent branch is not awake"))
        })?;
        self.news_since(&endpoint, &old).await
    }

    /// What changed in an engine's schema since its stamps were `old`.
    pub(crate) async fn news_since(
        &self,
        endpoint: &Endpoint,
        old: &Fingerprint,
    ) -> Result<News, Fail> {
        let schemas = &self.0.ports.schemas;
        let stamps = schemas.fingerprint(endpoint).await?;
        let changes = changed(old, &stamps);
        let delta = if changes.is_empty() {
            Delta::default()
        } else if old.objects.is_empty() {
            whole(schemas.read(endpoint, None).await?)
        } else if changes.create.is_empty() {
            delta(&changes, Vec::new())
        } else {
            let objects = schemas.read(endpoint, Some(&changes.create)).await?;
            delta(&changes, objects)
        };
        Ok(News {
            delta,
            stamps,
            left_out: Vec::new(),
        })
    }

    /// Says in the audit log which objects a copy of a branch's schema lacks.
    pub(crate) async fn note_left_out(
        &self,
        tx: &mut Tx,
        branch: BranchId,
        objects: &[ObjectName],
    ) -> Result<(), Fail> {
        /// Names that one event tells.
        const NAMED: usize = 20;
        if objects.is_empty() {
            return Ok(());
        }
        let Some(row) = tx.branch_by_id(branch).await? else {
            return Ok(());
        };
        let Some(database) = tx.database_by_id(row.database_id).await? else {
            return Ok(());
        };
        let named: Vec<String> = objects.iter().take(NAMED).map(|o| o.to_string()).collect();
        let event = self.event(
            database.organization_id,
            &Actor::System,
            "branch.objects_left_out",
            ("Branch", branch.as_str(), row.name.as_str()),
            &[
                ("objects", &named.join(", ")),
                ("number", &objects.len().to_string()),
                ("reason", "broken: they read what is not there"),
            ],
        );
        tx.insert_audit(&event).await?;
        Ok(())
    }

    /// A parent that sleeps cannot change: what it was when it went to sleep is what it is.
    async fn stamps_asleep(&self, parent: BranchId) -> Result<Option<Fingerprint>, Fail> {
        let mut session = self.0.store.read().await?;
        let asleep = session
            .branch_by_id(parent)
            .await?
            .is_some_and(|b| b.state == BranchState::Sleeping);
        if !asleep {
            return Ok(None);
        }
        let text = session.sleeping_fingerprint(parent).await?;
        Ok(text.and_then(|t| serde_json::from_str(&t).ok()))
    }

    /// Stamps of the schema that a template's snapshot holds.
    pub(crate) async fn template_stamps(
        &self,
        snapshot: Option<SnapshotId>,
    ) -> Result<Arc<Fingerprint>, Fail> {
        match snapshot {
            Some(snapshot) => self.stamps_of(snapshot).await,
            None => Ok(Arc::default()),
        }
    }

    async fn stamps_of(&self, snapshot: SnapshotId) -> Result<Arc<Fingerprint>, Fail> {
        if let Some(known) = lock(&self.0.fingerprints).get(&snapshot) {
            return Ok(known.clone());
        }
        let text = self
            .0
            .store
            .read()
            .await?
            .snapshot_fingerprint(snapshot)
            .await?;
        let stamps: Fingerprint = text
            .and_then(|t| serde_json::from_str(&t).ok())
            .unwrap_or_default();
        let stamps = Arc::new(stamps);
        let mut known = lock(&self.0.fingerprints);
        if known.len() >= FINGERPRINTS {
            known.clear();
        }
        known.insert(snapshot, stamps.clone());
        Ok(stamps)
    }

    /// The row of an instance that is to be started, its accounts made anew after an interruption.
    pub(crate) async fn instance_to_fill(
        &self,
        run: &Run,
        id: InstanceId,
    ) -> Result<Instance, Fail> {
        let row = self.0.store.read().await?.instance(id).await?;
        let mut instance = row.ok_or_else(|| {
            PortError::fatal(Refusal::internal("the workflow's instance has no row"))
        })?;
        if !run.fresh {
            instance.accounts = Accounts::Anew;
        }
        Ok(instance)
    }
}

/// An empty schema of that name.
fn empty(schema: &str) -> Delta {
    Delta {
        drop: Vec::new(),
        create: vec![SchemaObject {
            name: ObjectName::schema(schema),
            ddl: format!("CREATE DATABASE `{}`", schema.replace('`', "``")),
            context: CreationContext::default(),
            table: None,
        }],
    }
}
