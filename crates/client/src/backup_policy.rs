//! Backup policies of databases.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{BackupPolicy, BackupPolicyFields, Page};
use reqwest::Method;

impl Client {
    pub async fn list_backup_policies(
        &self,
        org: &str,
        database: &str,
        page: PageOf,
    ) -> Result<Page<BackupPolicy>, Error> {
        self.get(&policies(org, database, &[]), &page.pairs()).await
    }

    pub async fn create_backup_policy(
        &self,
        org: &str,
        database: &str,
        body: &BackupPolicyFields,
    ) -> Result<BackupPolicy, Error> {
        let url = self.url(&policies(org, database, &[]));
        self.create(url, body, None).await
    }

    pub async fn show_backup_policy(
        &self,
        org: &str,
        database: &str,
        id: &str,
    ) -> Result<BackupPolicy, Error> {
        self.get(&policies(org, database, &[id]), &[]).await
    }

    pub async fn update_backup_policy(
        &self,
        org: &str,
        database: &str,
        id: &str,
        body: &BackupPolicyFields,
    ) -> Result<BackupPolicy, Error> {
        let path = policies(org, database, &[id]);
        self.send(Method::PATCH, &path, body).await
    }

    pub async fn delete_backup_policy(
        &self,
        org: &str,
        database: &str,
        id: &str,
    ) -> Result<(), Error> {
        let url = self.url(&policies(org, database, &[id]));
        self.discard(self.request(Method::DELETE, url)).await
    }
}

fn policies<'a>(org: &'a str, database: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![
        "organizations",
        org,
        "databases",
        database,
        "backup-policies",
    ];
    all.extend(rest);
    all
}
