//! Backups of branches.

use crate::branch::Wait;
use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{Backup, CreateBackup, Page, UpdateBackup};
use reqwest::Method;

/// Where a backup belongs: organization, database, branch.
#[derive(Clone, Copy, Debug)]
pub struct BackupsOf<'a> {
    pub org: &'a str,
    pub database: &'a str,
    pub branch: &'a str,
}

/// Which backups a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct WhichBackups<'a> {
    /// Those of all branches of the database.
    pub all: bool,
    /// `pending`, `running`, `success` or `failed`.
    pub state: Option<&'a str>,
    /// Id of the policy that made them.
    pub policy: Option<&'a str>,
}

impl<'a> BackupsOf<'a> {
    pub(crate) fn path(&self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec![
            "organizations",
            self.org,
            "databases",
            self.database,
            "branches",
            self.branch,
            "backups",
        ];
        path.extend(rest);
        path
    }
}

impl Client {
    pub async fn list_backups(
        &self,
        of: BackupsOf<'_>,
        which: WhichBackups<'_>,
        page: PageOf,
    ) -> Result<Page<Backup>, Error> {
        let mut query = page.pairs();
        query.extend(which.all.then(|| ("all", "true".to_owned())));
        query.extend(which.state.map(|s| ("state", s.to_owned())));
        query.extend(which.policy.map(|p| ("policy", p.to_owned())));
        self.get(&of.path(&[]), &query).await
    }

    /// With `wait` the answer comes when the backup has succeeded or failed, or when the time is over.
    pub async fn create_backup(
        &self,
        of: BackupsOf<'_>,
        body: &CreateBackup,
        wait: Option<Wait>,
    ) -> Result<Backup, Error> {
        self.create(self.url(&of.path(&[])), body, wait).await
    }

    pub async fn show_backup(&self, of: BackupsOf<'_>, id: &str) -> Result<Backup, Error> {
        self.get(&of.path(&[id]), &[]).await
    }

    pub async fn update_backup(
        &self,
        of: BackupsOf<'_>,
        id: &str,
        body: &UpdateBackup,
    ) -> Result<Backup, Error> {
        self.send(Method::PATCH, &of.path(&[id]), body).await
    }

    /// `keep_copy`: its off-site copy stays.
    pub async fn delete_backup(
        &self,
        of: BackupsOf<'_>,
        id: &str,
        keep_copy: bool,
    ) -> Result<(), Error> {
        let mut url = self.url(&of.path(&[id]));
        if keep_copy {
            url.query_pairs_mut().append_pair("keep_copy", "true");
        }
        self.discard(self.request(Method::DELETE, url)).await
    }
}
