//! Databases.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{CreateDatabase, Database, Page, UpdateDatabase};
use reqwest::Method;

impl Client {
    pub async fn list_databases(&self, org: &str, page: PageOf) -> Result<Page<Database>, Error> {
        self.get(&["organizations", org, "databases"], &page.pairs())
            .await
    }

    pub async fn create_database(
        &self,
        org: &str,
        body: &CreateDatabase,
    ) -> Result<Database, Error> {
        self.send(Method::POST, &["organizations", org, "databases"], body)
            .await
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
