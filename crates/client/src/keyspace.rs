//! Keyspaces: the MySQL schemas of a branch.

use crate::branch::path;
use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{CreateKeyspace, Keyspace, Page};
use reqwest::Method;

impl Client {
    /// By name; wakes the branch, as every call here does.
    pub async fn list_keyspaces(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        page: PageOf,
    ) -> Result<Page<Keyspace>, Error> {
        let path = path(org, database, branch, &["keyspaces"]);
        self.get(&path, &page.pairs()).await
    }

    /// `keyspace`: name or id.
    pub async fn show_keyspace(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        keyspace: &str,
    ) -> Result<Keyspace, Error> {
        let path = path(org, database, branch, &["keyspaces", keyspace]);
        self.get(&path, &[]).await
    }

    pub async fn create_keyspace(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &CreateKeyspace,
    ) -> Result<Keyspace, Error> {
        let path = path(org, database, branch, &["keyspaces"]);
        self.send(Method::POST, &path, body).await
    }

    /// With all that is in it. `keyspace`: name or id.
    pub async fn delete_keyspace(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        keyspace: &str,
    ) -> Result<(), Error> {
        let url = self.url(&path(org, database, branch, &["keyspaces", keyspace]));
        self.discard(self.request(Method::DELETE, url)).await
    }
}
