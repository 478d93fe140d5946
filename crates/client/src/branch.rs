//! Branches.

use crate::error::Error;
use crate::request::{CALL_TIMEOUT, Client, PageOf};
use offshoot_api_types::{
    Branch, BranchLogs, ChangeCluster, CreateBranch, DataList, Page, ResetBranch, SchemaText,
    UpdateBranch,
};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long the server holds a call back until the branch is ready. Whole seconds, at most 300.
#[derive(Clone, Copy, Debug)]
pub struct Wait(pub Duration);

impl Wait {
    /// The longest that the server grants.
    pub const LONGEST: Wait = Wait(Duration::from_secs(300));

    pub(crate) fn asked(wait: Option<Wait>, request: RequestBuilder) -> RequestBuilder {
        match wait {
            None => request,
            Some(Wait(time)) => request
                .header("prefer", format!("wait={}", time.as_secs()))
                .timeout(time + CALL_TIMEOUT),
        }
    }
}

impl Client {
    pub async fn list_branches(
        &self,
        org: &str,
        database: &str,
        page: PageOf,
    ) -> Result<Page<Branch>, Error> {
        let path = ["organizations", org, "databases", database, "branches"];
        self.get(&path, &page.pairs()).await
    }

    /// With `wait` the answer comes when the branch is ready, or pending when the time is over.
    pub async fn create_branch(
        &self,
        org: &str,
        database: &str,
        body: &CreateBranch,
        wait: Option<Wait>,
    ) -> Result<Branch, Error> {
        let url = self.url(&["organizations", org, "databases", database, "branches"]);
        self.create(url, body, wait).await
    }

    pub async fn show_branch(
        &self,
        org: &str,
        database: &str,
        branch: &str,
    ) -> Result<Branch, Error> {
        self.get(&path(org, database, branch, &[]), &[]).await
    }

    pub async fn update_branch(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &UpdateBranch,
    ) -> Result<Branch, Error> {
        self.send(Method::PATCH, &path(org, database, branch, &[]), body)
            .await
    }

    pub async fn delete_branch(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        descendants: bool,
    ) -> Result<(), Error> {
        let mut url = self.url(&path(org, database, branch, &[]));
        if descendants {
            url.query_pairs_mut()
                .append_pair("delete_descendants", "true");
        }
        self.discard(self.request(Method::DELETE, url)).await
    }

    pub async fn promote_branch(&self, org: &str, db: &str, branch: &str) -> Result<Branch, Error> {
        self.act(org, db, branch, "promote").await
    }

    pub async fn demote_branch(&self, org: &str, db: &str, branch: &str) -> Result<Branch, Error> {
        self.act(org, db, branch, "demote").await
    }

    /// Throws away what the branch holds and starts it again with its parent's schema, or data.
    /// With `wait` the answer comes when it is ready again, or when the time is over.
    pub async fn reset_branch(
        &self,
        org: &str,
        db: &str,
        branch: &str,
        body: &ResetBranch,
        wait: Option<Wait>,
    ) -> Result<Branch, Error> {
        let url = self.url(&path(org, db, branch, &["reset"]));
        let request = self.request(Method::POST, url).json(body);
        self.read(Wait::asked(wait, request)).await
    }

    pub async fn sleep_branch(&self, org: &str, db: &str, branch: &str) -> Result<Branch, Error> {
        self.act(org, db, branch, "sleep").await
    }

    pub async fn wake_branch(&self, org: &str, db: &str, branch: &str) -> Result<Branch, Error> {
        self.act(org, db, branch, "wake").await
    }

    pub async fn branch_schema(
        &self,
        org: &str,
        db: &str,
        branch: &str,
    ) -> Result<DataList<SchemaText>, Error> {
        self.get(&path(org, db, branch, &["schema"]), &[]).await
    }

    pub async fn branch_diff(
        &self,
        org: &str,
        db: &str,
        branch: &str,
    ) -> Result<DataList<SchemaText>, Error> {
        self.get(&path(org, db, branch, &["diff"]), &[]).await
    }

    pub async fn branch_logs(
        &self,
        org: &str,
        db: &str,
        branch: &str,
        lines: u32,
    ) -> Result<BranchLogs, Error> {
        self.get(
            &path(org, db, branch, &["logs"]),
            &[("lines", lines.to_string())],
        )
        .await
    }

    async fn act<T: DeserializeOwned>(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        verb: &str,
    ) -> Result<T, Error> {
        let url = self.url(&path(org, database, branch, &[verb]));
        self.read(self.request(Method::POST, url)).await
    }
}

impl Client {
    /// Gives it another size, such as `PS_10`; its engine is started anew as soon as nobody works in it.
    pub async fn resize_branch(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        size: &str,
    ) -> Result<(), Error> {
        let url = self.url(&path(org, database, branch, &["cluster"]));
        let body = ChangeCluster {
            cluster_size: Some(size.to_owned()),
        };
        let request = self.request(Method::PATCH, url).json(&body);
        self.discard(request).await
    }
}

pub(crate) fn path<'a>(
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
    ];
    all.extend(rest);
    all
}
