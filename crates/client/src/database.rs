//! Databases.

use crate::branch::Wait;
use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{CreateDatabase, Database, Page, UpdateDatabase};
use reqwest::Method;

impl Client {
    pub async fn list_databases(&self, org: &str, page: PageOf) -> Result<Page<Database>, Error> {
        self.get(&["organizations", org, "databases"], &page.pairs())
            .await
    }

    /// With `wait` the answer comes when the default branch is ready, or when the time is over.
    pub async fn create_database(
        &self,
        org: &str,
        body: &CreateDatabase,
        wait: Option<Wait>,
    ) -> Result<Database, Error> {
        let url = self.url(&["organizations", org, "databases"]);
        self.create(url, body, wait).await
    }

    pub async fn show_database(&self, org: &str, database: &str) -> Result<Database, Error> {
        self.get(&["organizations", org, "databases", database], &[])
            .await
    }

    pub async fn update_database(
        &self,
        org: &str,
        database: &str,
        body: &UpdateDatabase,
    ) -> Result<Database, Error> {
        let path = ["organizations", org, "databases", database];
        self.send(Method::PATCH, &path, body).await
    }

    pub async fn delete_database(&self, org: &str, database: &str) -> Result<(), Error> {
        let url = self.url(&["organizations", org, "databases", database]);
        self.discard(self.request(Method::DELETE, url)).await
    }
}
