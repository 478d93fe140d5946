//! What belongs to the machine and not to a database: engines, the pool, health, raw calls.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{BranchUsage, DataList, Engine, Page, Pool};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

/// A call that no method here makes.
#[derive(Clone, Debug)]
pub struct Raw {
    pub method: Method,
    /// Below `/v1`, with or without a slash in front; a query may follow.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<serde_json::Value>,
}

#[derive(Clone, Debug)]
pub struct RawAnswer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Client {
    pub async fn list_engines(&self) -> Result<DataList<Engine>, Error> {
        self.get(&["engines"], &[]).await
    }

    pub async fn show_pool(&self) -> Result<Pool, Error> {
        self.get(&["pool"], &[]).await
    }

    /// What each branch takes in the pool, by name.
    pub async fn list_usage(&self, page: PageOf) -> Result<Page<BranchUsage>, Error> {
        self.get(&["pool", "branches"], &page.pairs()).await
    }

    /// Whether the server is up and can serve.
    pub async fn ready(&self) -> Result<(), Error> {
        let mut url = self.base().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("readyz");
        }
        self.discard(self.request(Method::GET, url)).await
    }

    /// Any status is an answer here.
    pub async fn raw(&self, call: Raw) -> Result<RawAnswer, Error> {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let mut url = self.base().clone();
        let path = path.trim_start_matches('/');
        let path = path.strip_prefix("v1/").unwrap_or(path);
        url.set_path(&format!("{}v1/{path}", self.base().path()));
        url.set_query((!query.is_empty()).then_some(query));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.request(call.method, url);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = self.execute(request).await?;
        let (status, body) = self.bytes(response).await?;
        Ok(RawAnswer { status, body })
    }
}
