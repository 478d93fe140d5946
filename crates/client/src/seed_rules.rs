//! Seed rules of databases.

use crate::branch::{Wait, path};
use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{
    CreateSeedRulesTest, Page, SeedRules, SeedRulesTest, SeedRulesVersion, UpdateSeedRules,
};
use reqwest::Method;

impl Client {
    /// `version`: an earlier one instead of the newest.
    pub async fn show_seed_rules(
        &self,
        org: &str,
        database: &str,
        version: Option<u32>,
    ) -> Result<SeedRules, Error> {
        let query: Vec<(&str, String)> = version
            .map(|v| ("version", v.to_string()))
            .into_iter()
            .collect();
        self.get(&rules(org, database, &[]), &query).await
    }

    /// A new version, unless the newest one says the same.
    pub async fn set_seed_rules(
        &self,
        org: &str,
        database: &str,
        body: &UpdateSeedRules,
    ) -> Result<SeedRules, Error> {
        self.send(Method::PUT, &rules(org, database, &[]), body)
            .await
    }

    pub async fn delete_seed_rules(&self, org: &str, database: &str) -> Result<(), Error> {
        let url = self.url(&rules(org, database, &[]));
        self.discard(self.request(Method::DELETE, url)).await
    }

    pub async fn list_seed_rules_versions(
        &self,
        org: &str,
        database: &str,
        page: PageOf,
    ) -> Result<Page<SeedRulesVersion>, Error> {
        let path = rules(org, database, &["versions"]);
        self.get(&path, &page.pairs()).await
    }

    /// Carries rules out on a copy of the branch that nobody reaches. With `wait` the answer comes when
    /// that is over, or when the time is.
    pub async fn test_seed_rules(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &CreateSeedRulesTest,
        wait: Option<Wait>,
    ) -> Result<SeedRulesTest, Error> {
        let url = self.url(&path(org, database, branch, &["seed-rules", "tests"]));
        self.create(url, body, wait).await
    }

    pub async fn show_seed_rules_test(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        id: &str,
    ) -> Result<SeedRulesTest, Error> {
        let path = path(org, database, branch, &["seed-rules", "tests", id]);
        self.get(&path, &[]).await
    }
}

fn rules<'a>(org: &'a str, database: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["organizations", org, "databases", database, "seed-rules"];
    all.extend(rest);
    all
}
