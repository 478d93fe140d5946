//! What a branch's engine tells of itself: findings, sessions, sizes.

use crate::branch::path;
use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{
    Branch, ClusterSku, Connections, Data, KillProcess, Killed, LintError, Page, ProcessList,
};
use reqwest::Method;

impl Client {
    pub async fn lint_branch(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        page: PageOf,
    ) -> Result<Page<LintError>, Error> {
        let path = path(org, database, branch, &["schema", "lint"]);
        self.get(&path, &page.pairs()).await
    }

    /// Nothing to do here, and done for clients that ask for it.
    pub async fn refresh_schema(&self, org: &str, db: &str, branch: &str) -> Result<(), Error> {
        let url = self.url(&path(org, db, branch, &["refresh-schema"]));
        self.discard(self.request(Method::POST, url)).await
    }

    pub async fn set_safe_migrations(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        on: bool,
    ) -> Result<Branch, Error> {
        let url = self.url(&path(org, database, branch, &["safe-migrations"]));
        let method = if on { Method::POST } else { Method::DELETE };
        self.read(self.request(method, url)).await
    }

    /// None while the branch sleeps.
    pub async fn branch_connections(
        &self,
        org: &str,
        database: &str,
        branch: &str,
    ) -> Result<Connections, Error> {
        self.get(&path(org, database, branch, &["connections"]), &[])
            .await
    }

    /// `kind`: `connection`, `query` or `transaction`.
    pub async fn kill_connection(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        kind: &str,
        id: &str,
    ) -> Result<Killed, Error> {
        let url = self.url(&path(org, database, branch, &["connections", kind, id]));
        self.read(self.request(Method::DELETE, url)).await
    }

    pub async fn branch_processlist(
        &self,
        org: &str,
        database: &str,
        branch: &str,
    ) -> Result<Data<ProcessList>, Error> {
        self.get(&path(org, database, branch, &["processlist"]), &[])
            .await
    }

    pub async fn kill_process(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        body: &KillProcess,
    ) -> Result<Data<Killed>, Error> {
        let path = path(org, database, branch, &["processlist", "kill"]);
        self.send(Method::POST, &path, body).await
    }

    pub async fn list_cluster_sizes(&self, org: &str) -> Result<Vec<ClusterSku>, Error> {
        self.get(&["organizations", org, "cluster-size-skus"], &[])
            .await
    }
}
