//! Service tokens and their accesses.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{
    AccessGrant, ChangeAccess, CreateServiceToken, DataList, Page, ResourceGrants, ServiceToken,
};
use reqwest::Method;

impl Client {
    pub async fn list_service_tokens(
        &self,
        org: &str,
        page: PageOf,
    ) -> Result<Page<ServiceToken>, Error> {
        self.get(&["organizations", org, "service-tokens"], &page.pairs())
            .await
    }

    pub async fn create_service_token(
        &self,
        org: &str,
        body: &CreateServiceToken,
    ) -> Result<ServiceToken, Error> {
        let url = self.url(&["organizations", org, "service-tokens"]);
        self.create(url, body, None).await
    }

    pub async fn delete_service_token(&self, org: &str, id: &str) -> Result<(), Error> {
        let url = self.url(&["organizations", org, "service-tokens", id]);
        self.discard(self.request(Method::DELETE, url)).await
    }

    pub async fn service_token_grants(
        &self,
        org: &str,
        id: &str,
    ) -> Result<DataList<ResourceGrants>, Error> {
        let path = ["organizations", org, "service-tokens", id, "grants"];
        self.get(&path, &[]).await
    }

    pub async fn add_access(
        &self,
        org: &str,
        id: &str,
        body: &ChangeAccess,
    ) -> Result<DataList<AccessGrant>, Error> {
        let path = ["organizations", org, "service-tokens", id, "access"];
        self.send(Method::POST, &path, body).await
    }

    pub async fn delete_access(
        &self,
        org: &str,
        id: &str,
        body: &ChangeAccess,
    ) -> Result<(), Error> {
        let url = self.url(&["organizations", org, "service-tokens", id, "access"]);
        self.discard(self.request(Method::DELETE, url).json(body))
            .await
    }
}
