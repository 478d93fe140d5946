//! Where archived binlogs are kept: in a directory beside the data, sealed with a key that is derived
//! from the master key.

use crate::data_dir::DataDir;
use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use offshoot_archive::{Archive, ArchiveError, BackupKey, Options};
use offshoot_core::Refusal;
use offshoot_core::port::{PortError, PortResult, Vault};
use offshoot_core::refusal::code;
use offshoot_store::MasterKey;
use url::Url;

/// What the key is derived for. Another word is another key.
const PURPOSE: &str = "binlog archive";

pub(crate) struct LocalVault(Archive);

impl LocalVault {
    pub(crate) fn open(dir: &DataDir, master: &MasterKey) -> Result<Self> {
        let place = dir.binlogs();
        let url = Url::from_directory_path(&place)
            .map_err(|()| anyhow!("{} is not an absolute path", place.display()))?;
        let key = BackupKey::from_bytes(master.derive(PURPOSE));
        let archive = Archive::open(&url, &Options::default(), &key)
            .with_context(|| format!("cannot open {}", place.display()))?;
        Ok(Self(archive))
    }
}

#[async_trait]
impl Vault for LocalVault {
    async fn put(&self, name: &str, content: Vec<u8>) -> PortResult<()> {
        self.0.put_sealed(name, content).await.map_err(refused)
    }

    async fn get(&self, name: &str) -> PortResult<Vec<u8>> {
        self.0.get_sealed(name).await.map_err(refused)
    }

    async fn list(&self, directory: &str) -> PortResult<Vec<String>> {
        let found = self.0.list_sealed(directory).await.map_err(refused)?;
        Ok(found.into_iter().map(|object| object.name).collect())
    }

    async fn delete(&self, name: &str) -> PortResult<()> {
        self.0.delete_sealed(name).await.map_err(refused)
    }
}

fn refused(error: ArchiveError) -> PortError {
    if error.is_transient() {
        return PortError::retry(
            Refusal::unavailable("the binlog archive does not answer").cause(error),
        );
    }
    // Names of objects are public, what the store says is not.
    let text = match &error {
        ArchiveError::Missing { .. }
        | ArchiveError::Damaged { .. }
        | ArchiveError::OtherKey { .. } => error.to_string(),
        _ => "the binlog archive cannot be used".to_owned(),
    };
    PortError::fatal(
        Refusal::unprocessable(text)
            .code(code::RESTORE_POINT)
            .hint("choose a moment before it, or one that a later backup reaches")
            .cause(error),
    )
}
