//! Webhooks of databases.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{CreateWebhook, Page, UpdateWebhook, Webhook, WebhookDelivery};
use reqwest::Method;
use std::time::Duration;

/// Which deliveries a list holds; `None` = all.
#[derive(Clone, Debug, Default)]
pub struct WhichSent {
    pub state: Option<String>,
    pub event: Option<String>,
}

impl Client {
    pub async fn list_webhooks(
        &self,
        org: &str,
        database: &str,
        page: PageOf,
    ) -> Result<Page<Webhook>, Error> {
        self.get(&webhooks(org, database, &[]), &page.pairs()).await
    }

    pub async fn create_webhook(
        &self,
        org: &str,
        database: &str,
        body: &CreateWebhook,
    ) -> Result<Webhook, Error> {
        let url = self.url(&webhooks(org, database, &[]));
        self.create(url, body, None).await
    }

    pub async fn show_webhook(
        &self,
        org: &str,
        database: &str,
        id: &str,
    ) -> Result<Webhook, Error> {
        self.get(&webhooks(org, database, &[id]), &[]).await
    }

    pub async fn update_webhook(
        &self,
        org: &str,
        database: &str,
        id: &str,
        body: &UpdateWebhook,
    ) -> Result<Webhook, Error> {
        let path = webhooks(org, database, &[id]);
        self.send(Method::PATCH, &path, body).await
    }

    pub async fn delete_webhook(&self, org: &str, database: &str, id: &str) -> Result<(), Error> {
        let url = self.url(&webhooks(org, database, &[id]));
        self.discard(self.request(Method::DELETE, url)).await
    }

    /// Returns when the test was sent, or the time is over; what became of it is in the deliveries.
    pub async fn test_webhook(
        &self,
        org: &str,
        database: &str,
        id: &str,
        wait: Duration,
    ) -> Result<(), Error> {
        let url = self.url(&webhooks(org, database, &[id, "test"]));
        let request = self.request(Method::POST, url);
        let request = request.header("prefer", format!("wait={}", wait.as_secs()));
        self.discard(request).await
    }

    pub async fn list_webhook_deliveries(
        &self,
        org: &str,
        database: &str,
        id: &str,
        which: &WhichSent,
        page: PageOf,
    ) -> Result<Page<WebhookDelivery>, Error> {
        let mut query = page.pairs();
        query.extend(which.state.clone().map(|s| ("state", s)));
        query.extend(which.event.clone().map(|e| ("event", e)));
        let path = webhooks(org, database, &[id, "deliveries"]);
        self.get(&path, &query).await
    }

    pub async fn show_webhook_delivery(
        &self,
        org: &str,
        database: &str,
        id: &str,
        delivery: &str,
    ) -> Result<WebhookDelivery, Error> {
        let path = webhooks(org, database, &[id, "deliveries", delivery]);
        self.get(&path, &[]).await
    }

    pub async fn replay_webhook_delivery(
        &self,
        org: &str,
        database: &str,
        id: &str,
        delivery: &str,
    ) -> Result<WebhookDelivery, Error> {
        let path = webhooks(org, database, &[id, "deliveries", delivery, "replay"]);
        self.read(self.request(Method::POST, self.url(&path))).await
    }
}

fn webhooks<'a>(org: &'a str, database: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["organizations", org, "databases", database, "webhooks"];
    all.extend(rest);
    all
}
