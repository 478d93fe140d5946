//! Imports of branches.

use crate::branch::Wait;
use crate::error::Error;
use crate::request::Client;
use offshoot_api_types::{CreateImport, Import};
use reqwest::Method;

/// Where an import belongs: organization, database, branch.
#[derive(Clone, Copy, Debug)]
pub struct ImportsOf<'a> {
    pub org: &'a str,
    pub database: &'a str,
    pub branch: &'a str,
}

impl<'a> ImportsOf<'a> {
    fn path(&self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec![
            "organizations",
            self.org,
            "databases",
            self.database,
            "branches",
            self.branch,
            "imports",
        ];
        path.extend(rest);
        path
    }
}

impl Client {
    /// With `wait` the answer comes when the import is open, or when the time is over.
    pub async fn create_import(
        &self,
        of: ImportsOf<'_>,
        body: &CreateImport,
        wait: Option<Wait>,
    ) -> Result<Import, Error> {
        self.create(self.url(&of.path(&[])), body, wait).await
    }

    pub async fn show_import(&self, of: ImportsOf<'_>, id: &str) -> Result<Import, Error> {
        self.get(&of.path(&[id]), &[]).await
    }

    pub async fn renew_import(&self, of: ImportsOf<'_>, id: &str) -> Result<Import, Error> {
        let url = self.url(&of.path(&[id, "renew"]));
        self.read(self.request(Method::POST, url)).await
    }

    /// What was loaded stays.
    pub async fn complete_import(&self, of: ImportsOf<'_>, id: &str) -> Result<Import, Error> {
        let url = self.url(&of.path(&[id, "complete"]));
        self.read(self.request(Method::POST, url)).await
    }

    /// With `wait` the answer comes when the branch is what it was, or when the time is over.
    pub async fn revert_import(
        &self,
        of: ImportsOf<'_>,
        id: &str,
        wait: Option<Wait>,
    ) -> Result<Import, Error> {
        let url = self.url(&of.path(&[id, "revert"]));
        self.read(Wait::asked(wait, self.request(Method::POST, url)))
            .await
    }
}
