//! Shadows of production branches.

use crate::branch::{Wait, path};
use crate::error::Error;
use crate::request::Client;
use offshoot_api_types::{CreateShadow, Shadow, UpdateShadow};
use reqwest::Method;

impl Client {
    /// With `wait` the answer comes when it follows or is broken, or when the time is over.
    pub async fn create_shadow(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &CreateShadow,
        wait: Option<Wait>,
    ) -> Result<Shadow, Error> {
        let url = self.url(&path(org, database, branch, &["shadow"]));
        self.create(url, body, wait).await
    }

    pub async fn show_shadow(
        &self,
        org: &str,
        database: &str,
        branch: &str,
    ) -> Result<Shadow, Error> {
        self.get(&path(org, database, branch, &["shadow"]), &[])
            .await
    }

    pub async fn update_shadow(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &UpdateShadow,
    ) -> Result<Shadow, Error> {
        let path = path(org, database, branch, &["shadow"]);
        self.send(Method::PATCH, &path, body).await
    }

    pub async fn delete_shadow(
        &self,
        org: &str,
        database: &str,
        branch: &str,
    ) -> Result<(), Error> {
        let url = self.url(&path(org, database, branch, &["shadow"]));
        self.discard(self.request(Method::DELETE, url)).await
    }
}
