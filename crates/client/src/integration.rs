//! Integrations with planning tools, their deliveries, and iterations.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{
    CreateIntegration, Delivery, Integration, Iteration, IterationCredential, Page,
    UpdateIntegration,
};
use reqwest::Method;

/// Which iterations a list holds; `None` = all.
#[derive(Clone, Debug, Default)]
pub struct WhichIterations {
    pub integration: Option<String>,
    pub state: Option<String>,
}

impl Client {
    pub async fn list_integrations(
        &self,
        org: &str,
        page: PageOf,
    ) -> Result<Page<Integration>, Error> {
        self.get(&integrations(org, &[]), &page.pairs()).await
    }

    pub async fn create_integration(
        &self,
        org: &str,
        body: &CreateIntegration,
    ) -> Result<Integration, Error> {
        let url = self.url(&integrations(org, &[]));
        self.create(url, body, None).await
    }

    pub async fn show_integration(&self, org: &str, name: &str) -> Result<Integration, Error> {
        self.get(&integrations(org, &[name]), &[]).await
    }

    pub async fn update_integration(
        &self,
        org: &str,
        name: &str,
        body: &UpdateIntegration,
    ) -> Result<Integration, Error> {
        self.send(Method::PATCH, &integrations(org, &[name]), body)
            .await
    }

    pub async fn delete_integration(&self, org: &str, name: &str) -> Result<(), Error> {
        let url = self.url(&integrations(org, &[name]));
        self.discard(self.request(Method::DELETE, url)).await
    }

    /// `state`: only those that are that far.
    pub async fn list_deliveries(
        &self,
        org: &str,
        integration: &str,
        state: Option<&str>,
        page: PageOf,
    ) -> Result<Page<Delivery>, Error> {
        let mut query = page.pairs();
        query.extend(state.map(|s| ("state", s.to_owned())));
        let path = integrations(org, &[integration, "deliveries"]);
        self.get(&path, &query).await
    }

    pub async fn show_delivery(
        &self,
        org: &str,
        integration: &str,
        id: &str,
    ) -> Result<Delivery, Error> {
        let path = integrations(org, &[integration, "deliveries", id]);
        self.get(&path, &[]).await
    }

    pub async fn replay_delivery(
        &self,
        org: &str,
        integration: &str,
        id: &str,
    ) -> Result<Delivery, Error> {
        let path = integrations(org, &[integration, "deliveries", id, "replay"]);
        self.read(self.request(Method::POST, self.url(&path))).await
    }

    pub async fn list_iterations(
        &self,
        org: &str,
        which: &WhichIterations,
        page: PageOf,
    ) -> Result<Page<Iteration>, Error> {
        let mut query = page.pairs();
        query.extend(which.integration.clone().map(|i| ("integration", i)));
        query.extend(which.state.clone().map(|s| ("state", s)));
        self.get(&["organizations", org, "iterations"], &query)
            .await
    }

    pub async fn show_iteration(&self, org: &str, id: &str) -> Result<Iteration, Error> {
        self.get(&["organizations", org, "iterations", id], &[])
            .await
    }

    /// Makes a credential of an iteration's branch anew and delivers it as its rule says. `credential`: the id that
    /// the iteration shows.
    pub async fn resend_credential(
        &self,
        org: &str,
        iteration: &str,
        credential: &str,
    ) -> Result<IterationCredential, Error> {
        let path = [
            "organizations",
            org,
            "iterations",
            iteration,
            "credentials",
            credential,
            "resend",
        ];
        self.read(self.request(Method::POST, self.url(&path))).await
    }
}

fn integrations<'a>(org: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["organizations", org, "integrations"];
    all.extend(rest);
    all
}
