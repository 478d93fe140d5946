//! Off-site copies of backups.

use crate::backup::BackupsOf;
use crate::branch::Wait;
use crate::error::Error;
use crate::request::Client;
use offshoot_api_types::{Backup, ImportBackup, OffSiteBackups};
use reqwest::Method;

const COPIES: &str = "off-site-backups";

impl Client {
    /// Has a backup copied off-site; its answer says how far that is.
    pub async fn export_backup(&self, of: BackupsOf<'_>, id: &str) -> Result<Backup, Error> {
        let url = self.url(&of.path(&[id, "export"]));
        self.read(self.request(Method::POST, url)).await
    }

    /// What the store has.
    pub async fn list_off_site_backups(&self, org: &str) -> Result<OffSiteBackups, Error> {
        self.get(&["organizations", org, COPIES], &[]).await
    }

    /// Makes a backup of a copy. With `wait` the answer comes when it has succeeded or failed, or
    /// when the time is over.
    pub async fn import_backup(
        &self,
        org: &str,
        copy: &str,
        body: &ImportBackup,
        wait: Option<Wait>,
    ) -> Result<Backup, Error> {
        let url = self.url(&["organizations", org, COPIES, copy, "import"]);
        self.create(url, body, wait).await
    }

    /// Removes a copy whose backup is not on the server.
    pub async fn delete_off_site_backup(&self, org: &str, copy: &str) -> Result<(), Error> {
        let url = self.url(&["organizations", org, COPIES, copy]);
        self.discard(self.request(Method::DELETE, url)).await
    }
}
