//! Passwords of branches.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{CreatePassword, Page, Password, UpdatePassword};
use reqwest::Method;

impl Client {
    /// Of one branch, or (`None`) of all branches of the database. `status`: `active`,
    /// `renewable` or `expired`.
    pub async fn list_passwords(
        &self,
        org: &str,
        database: &str,
        branch: Option<&str>,
        name: Option<&str>,
        status: Option<&str>,
        page: PageOf,
    ) -> Result<Page<Password>, Error> {
        let path = match branch {
            Some(branch) => passwords(org, database, branch, &[]),
            None => vec!["organizations", org, "databases", database, "passwords"],
        };
        let mut query = page.pairs();
        query.extend(name.map(|q| ("q", q.to_owned())));
        query.extend(status.map(|s| ("status", s.to_owned())));
        self.get(&path, &query).await
    }

    pub async fn create_password(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &CreatePassword,
    ) -> Result<Password, Error> {
        let url = self.url(&passwords(org, database, branch, &[]));
        self.create(url, body, None).await
    }

    pub async fn show_password(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        id: &str,
    ) -> Result<Password, Error> {
        self.get(&passwords(org, database, branch, &[id]), &[])
            .await
    }

    pub async fn update_password(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        id: &str,
        body: &UpdatePassword,
    ) -> Result<Password, Error> {
        let path = passwords(org, database, branch, &[id]);
        self.send(Method::PATCH, &path, body).await
    }

    pub async fn renew_password(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        id: &str,
    ) -> Result<Password, Error> {
        let url = self.url(&passwords(org, database, branch, &[id, "renew"]));
        self.read(self.request(Method::POST, url)).await
    }

    pub async fn delete_password(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        id: &str,
    ) -> Result<(), Error> {
        let url = self.url(&passwords(org, database, branch, &[id]));
        self.discard(self.request(Method::DELETE, url)).await
    }
}

fn passwords<'a>(
    org: &'a str,
    database: &'a str,
    branch: &'a str,
    rest: &[&'a str],
) -> Vec<&'a str> {
    let mut all = vec![
        "organizations",
        org,
        "databases",
        database,
        "branches",
        branch,
        "passwords",
    ];
    all.extend(rest);
    all
}
