//! Automations of databases.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{
    Automation, AutomationEffects, AutomationTest, CreateAutomation, Page, TestAutomation,
    UpdateAutomation,
};
use reqwest::Method;

impl Client {
    pub async fn list_automations(
        &self,
        org: &str,
        database: &str,
        page: PageOf,
    ) -> Result<Page<Automation>, Error> {
        self.get(&automations(org, database, &[]), &page.pairs())
            .await
    }

    pub async fn create_automation(
        &self,
        org: &str,
        database: &str,
        body: &CreateAutomation,
    ) -> Result<Automation, Error> {
        let url = self.url(&automations(org, database, &[]));
        self.create(url, body, None).await
    }

    /// What it would do at once, without making it.
    pub async fn preview_new_automation(
        &self,
        org: &str,
        database: &str,
        body: &CreateAutomation,
    ) -> Result<AutomationEffects, Error> {
        let path = automations(org, database, &["preview"]);
        self.send(Method::POST, &path, body).await
    }

    pub async fn show_automation(
        &self,
        org: &str,
        database: &str,
        name: &str,
    ) -> Result<Automation, Error> {
        self.get(&automations(org, database, &[name]), &[]).await
    }

    pub async fn update_automation(
        &self,
        org: &str,
        database: &str,
        name: &str,
        body: &UpdateAutomation,
    ) -> Result<Automation, Error> {
        let path = automations(org, database, &[name]);
        self.send(Method::PATCH, &path, body).await
    }

    /// What a change would do, without making it.
    pub async fn preview_automation(
        &self,
        org: &str,
        database: &str,
        name: &str,
        body: &UpdateAutomation,
    ) -> Result<AutomationEffects, Error> {
        let path = automations(org, database, &[name, "preview"]);
        self.send(Method::POST, &path, body).await
    }

    pub async fn delete_automation(
        &self,
        org: &str,
        database: &str,
        name: &str,
    ) -> Result<(), Error> {
        let url = self.url(&automations(org, database, &[name]));
        self.discard(self.request(Method::DELETE, url)).await
    }

    /// What an event would do, without doing it.
    pub async fn test_automation(
        &self,
        org: &str,
        database: &str,
        name: &str,
        body: &TestAutomation,
    ) -> Result<AutomationTest, Error> {
        let path = automations(org, database, &[name, "test"]);
        self.send(Method::POST, &path, body).await
    }
}

fn automations<'a>(org: &'a str, database: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["organizations", org, "databases", database, "automations"];
    all.extend(rest);
    all
}
