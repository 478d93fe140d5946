//! `[backups]`: how branches are copied, the policy that every database is made with, and where copies go.

use super::{duration, size};
use crate::archive::{OffSiteStore, read_secrets};
use crate::data_dir::DataDir;
use anyhow::{Context, Result, bail};
use offshoot_archive::BackupKey;
use offshoot_core::backup_policy::{self, Every, Retention};
use offshoot_core::off_site::Automatic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Backups {
    /// How long the engine of a branch may stand still while the branch is copied, such as `200ms`.
    pub(crate) pause_limit: String,
    /// Such as `"1 day"` or `"12 hours"`.
    pub(crate) frequency: String,
    /// `"HH:MM"`, UTC.
    pub(crate) time: String,
    /// Such as `"2 days"`.
    pub(crate) retention: String,
    /// How often the newest backup is restored and compared, such as `"1 week"`; `"0"` = never.
    pub(crate) drill: String,
    /// Backups and drills that policies have under way at once.
    pub(crate) at_once: u32,
    /// How often binlogs of production branches are archived, such as `10s`; `"0"` = never.
    pub(crate) binlog_interval: String,
    /// What is archived before that, such as `16M`.
    pub(crate) binlog_bytes: String,
    /// Where off-site copies are kept, such as `s3://bucket/prefix`; default: there are none.
    pub(crate) store: Option<String>,
    /// What the store's client has to know beside the environment; no secrets.
    pub(crate) store_options: BTreeMap<String, String>,
    /// A private file of `NAME=VALUE` lines with the secrets among those.
    pub(crate) store_secrets: Option<PathBuf>,
    /// The key that copies are sealed with; default: `backup.key` in the data directory.
    pub(crate) key_file: Option<PathBuf>,
    /// Which backups are copied unasked: `production`, `all` or `none`.
    pub(crate) export: String,
    /// Pieces of 1 MiB that are on their way to or from the store at once.
    pub(crate) parallelism: usize,
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            pause_limit: "200ms".to_owned(),
            frequency: "1 day".to_owned(),
            time: "03:00".to_owned(),
            retention: "2 days".to_owned(),
            drill: "1 week".to_owned(),
            at_once: offshoot_control::Backups::default().at_once,
            binlog_interval: "10s".to_owned(),
            binlog_bytes: "16M".to_owned(),
            store: None,
            store_options: BTreeMap::new(),
            store_secrets: None,
            key_file: None,
            export: "production".to_owned(),
            parallelism: offshoot_archive::Options::PARALLELISM,
        }
    }
}

impl Backups {
    pub(crate) fn pause_limit(&self) -> Result<Duration> {
        duration(&self.pause_limit)
    }

    pub(crate) fn binlog_interval(&self) -> Result<Duration> {
        let interval = duration(&self.binlog_interval)?;
        if !interval.is_zero() && interval < Duration::from_secs(1) {
            bail!("at least 1s, or \"0\" for never");
        }
        Ok(interval)
    }

    /// Bytes. A segment of so many is in memory while it is sealed.
    pub(crate) fn binlog_bytes(&self) -> Result<u64> {
        let bytes = size(&self.binlog_bytes)?;
        if !(1 << 20..=64 << 20).contains(&bytes) {
            bail!("from 1M to 64M");
        }
        Ok(bytes)
    }

    /// The store of off-site copies with its key; `None`: none is configured. Nothing is asked of it.
    pub(crate) fn off_site(&self, dir: &DataDir) -> Result<Option<OffSiteStore>> {
        let Some(url) = self.store_url()? else {
            return Ok(None);
        };
        let mut store = self.store_options.clone();
        if let Some(path) = &self.store_secrets {
            store.extend(read_secrets(path).context("backups.store_secrets")?);
        }
        let path = self.key_file(dir);
        let key = BackupKey::read(&path).with_context(|| {
            format!(
                "backups.store is set, but its key cannot be used; `offshoot admin backup-key` makes {}",
                path.display()
            )
        })?;
        Ok(Some(OffSiteStore {
            url,
            options: offshoot_archive::Options {
                parallelism: self.parallelism,
                store,
            },
            key,
        }))
    }

    pub(crate) fn key_file(&self, dir: &DataDir) -> PathBuf {
        let named = self.key_file.clone();
        named.unwrap_or_else(|| dir.backup_key())
    }

    pub(super) fn store_url(&self) -> Result<Option<Url>> {
        let Some(text) = &self.store else {
            return Ok(None);
        };
        // What was written is not repeated: it may have a secret in it.
        let url: Url = text.parse().context(
            "write file:///directory, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
        )?;
        let known = matches!(url.scheme(), "file" | "s3" | "gs" | "az");
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        match (known, bare) {
            (false, _) => bail!("a store is file://, s3://, gs:// or az://"),
            (_, false) => bail!(
                "an address has no credentials and no parameters; those go into backups.store_secrets or the environment"
            ),
            (true, true) => Ok(Some(url)),
        }
    }

    /// The file is read by more people, and repeated more often, than secrets may be.
    pub(super) fn check_options(&self) -> Result<()> {
        const SECRET: [&str; 5] = ["secret", "token", "password", "sas", "credential"];
        let secret = |name: &&String| {
            let name = name.to_ascii_lowercase();
            SECRET.iter().any(|part| name.contains(part)) || name.ends_with("_key")
        };
        match self.store_options.keys().find(secret) {
            Some(name) => bail!(
                "{name} is a secret: put it into the file that backups.store_secrets names, or into the environment"
            ),
            None => Ok(()),
        }
    }

    pub(crate) fn export(&self) -> Result<Automatic> {
        match self.export.as_str() {
            "production" => Ok(Automatic::Production),
            "all" => Ok(Automatic::All),
            "none" => Ok(Automatic::None),
            _ => bail!("production, all or none"),
        }
    }

    pub(crate) fn frequency(&self) -> Result<Every> {
        let said = || {
            format!(
                "{:?} is not a frequency; write 1 day or 12 hours",
                self.frequency
            )
        };
        self.frequency.parse().with_context(said)
    }

    /// Minute of the day.
    pub(crate) fn minute(&self) -> Result<u16> {
        let said = || format!("{:?} is not a time of day; write 03:00", self.time);
        backup_policy::minute(&self.time).with_context(said)
    }

    pub(crate) fn retention(&self) -> Result<Retention> {
        let said = || {
            format!(
                "{:?} is not a retention; write 2 days or 1 month",
                self.retention
            )
        };
        self.retention.parse().with_context(said)
    }

    pub(crate) fn drill(&self) -> Result<Option<Every>> {
        if self.drill == "0" {
            return Ok(None);
        }
        let said = || {
            format!(
                "{:?} is not a frequency; write 1 week, or 0 for never",
                self.drill
            )
        };
        self.drill.parse().map(Some).with_context(said)
    }
}
