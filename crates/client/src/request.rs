//! Building, sending and reading one call.

use crate::error::{Error, Refused};
use crate::token::Token;
use offshoot_api_types::ErrorBody;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection to a server is there in this time or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No call lasts longer, but for those that wait on purpose.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Takes lines that tell what is asked and how it is answered.
pub type Trace = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    trace: Option<Trace>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &shown(&self.base))
            .finish_non_exhaustive()
    }
}

/// Which part of a list: page number (from 1) and entries per page. `None` = the server's default.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageOf {
    pub page: Option<u32>,
    pub per_page: Option<u32>,
}

impl PageOf {
    pub(crate) fn pairs(self) -> Vec<(&'static str, String)> {
        [("page", self.page), ("per_page", self.per_page)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|v| (name, v.to_string())))
            .collect()
    }
}

impl Client {
    /// `base` is the origin of the server, such as `http://127.0.0.1:8306`; a trailing `/v1` is
    /// taken off. Proxies of the environment are used, but never for loopback addresses.
    pub fn new(base: &str, token: Option<&Token>) -> Result<Self, Error> {
        Self::trusting(base, token, None)
    }

    /// As [`Client::new`]; the certificates in `ca` (PEM) count beside the system's.
    pub fn trusting(base: &str, token: Option<&Token>, ca: Option<&[u8]>) -> Result<Self, Error> {
        let base = origin(base)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&token.header()).map_err(|_| Error::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("offshoot/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none());
        if loopback(&base) {
            builder = builder.no_proxy();
        }
        if let (Some(ca), "https") = (ca, base.scheme()) {
            let certificates = Certificate::from_pem_bundle(ca).map_err(|_| Error::Certificates)?;
            builder = builder.tls_certs_merge(certificates);
        }
        let http = builder.build().map_err(|source| Error::Broken {
            url: shown(&base),
            source,
        })?;
        Ok(Self {
            http,
            base,
            trace: None,
        })
    }

    /// Tells `trace` of every call: method, URL, status, time and the server's request id. Headers
    /// and bodies, where secrets are, are left out.
    pub fn traced(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Scheme, host and port: for messages.
    pub fn address(&self) -> String {
        shown(&self.base)
    }

    /// The URL of `/v1/<segments…>`, every segment escaped.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        url
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Error> {
        let mut url = self.url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.read(self.request(Method::GET, url)).await
    }

    pub(crate) async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
    ) -> Result<T, Error> {
        let request = self.request(method, self.url(segments)).json(body);
        self.read(request).await
    }

    /// For answers without a body.
    pub(crate) async fn discard(&self, request: RequestBuilder) -> Result<(), Error> {
        let response = self.execute(request).await?;
        self.checked(response).await.map(|_| ())
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, Error> {
        let response = self.execute(request).await?;
        let response = self.checked(response).await?;
        let (status, bytes) = self.bytes(response).await?;
        serde_json::from_slice(&bytes).map_err(|_| Error::Malformed {
            url: self.address(),
            status,
        })
    }

    pub(crate) async fn execute(&self, request: RequestBuilder) -> Result<Response, Error> {
        let Some(trace) = &self.trace else {
            return request.send().await.map_err(|error| self.failed(error));
        };
        let (http, request) = request.build_split();
        let request = request.map_err(|error| self.failed(error))?;
        let (method, url) = (request.method().clone(), request.url().clone());
        trace(&format!("> {method} {url}"));
        let began = Instant::now();
        let answer = http.execute(request).await;
        let took = began.elapsed().as_millis();
        match answer {
            Ok(response) => {
                let status = response.status();
                let id = response.headers().get("x-request-id");
                let id = id.and_then(|id| id.to_str().ok()).unwrap_or("none");
                trace(&format!("< {status} after {took} ms, request id {id}"));
                Ok(response)
            }
            Err(error) => {
                let error = self.failed(error);
                trace(&format!("< {error} after {took} ms"));
                Err(error)
            }
        }
    }

    pub(crate) async fn bytes(&self, response: Response) -> Result<(StatusCode, Vec<u8>), Error> {
        let status = response.status();
        match response.bytes().await {
            Ok(bytes) => Ok((status, bytes.to_vec())),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(crate) async fn checked(&self, response: Response) -> Result<Response, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let path = response.url().path().to_owned();
        let (_, bytes) = self.bytes(response).await?;
        Err(match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(body) => Error::Refused(Box::new(Refused {
                status,
                code: body.code,
                message: body.message,
                error_code: body.error_code,
                hint: body.hint,
                field: body.field,
                request_id: body.request_id,
                path,
            })),
            Err(_) => Error::Malformed {
                url: self.address(),
                status,
            },
        })
    }

    fn failed(&self, error: reqwest::Error) -> Error {
        let url = self.address();
        // The URL of a failed call may hold names only, but it says nothing that `url` does not.
        let source = error.without_url();
        if source.is_connect() && untrusted(&source) {
            Error::Untrusted { url, source }
        } else if source.is_connect() {
            Error::Unreachable { url, source }
        } else if source.is_timeout() {
            Error::Timeout { url }
        } else {
            Error::Broken { url, source }
        }
    }
}

/// The other side has a certificate that is not believed. The library tells it in words only.
fn untrusted(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.to_string().contains("certificate") {
            return true;
        }
        cause = inner.source();
    }
    false
}

fn origin(text: &str) -> Result<Url, Error> {
    let bad = || Error::Url { url: text.into() };
    let mut url = Url::parse(text.trim()).map_err(|_| bad())?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none();
    if !usable {
        return Err(bad());
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
    url.set_path(&format!("{path}/"));
    Ok(url)
}

/// Whether a base URL leads to this machine.
pub fn is_loopback(base: &str) -> bool {
    origin(base).is_ok_and(|url| loopback(&url))
}

fn loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_an_origin_with_or_without_v1() {
        for (given, shown_as) in [
            ("http://127.0.0.1:8306", "http://127.0.0.1:8306"),
            ("http://127.0.0.1:8306/v1/", "http://127.0.0.1:8306"),
            ("https://db.example.com/ps/", "https://db.example.com/ps"),
        ] {
            assert_eq!(shown(&origin(given).unwrap()), shown_as);
        }
        for bad in ["127.0.0.1:8306", "ftp://a", "http://", "http://u:p@host"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn segments_are_escaped() {
        let client = Client::new("http://127.0.0.1:1", None).unwrap();
        let url = client.url(&["organizations", "a/b", "x?y"]);
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:1/v1/organizations/a%2Fb/x%3Fy"
        );
    }

    #[test]
    fn loopback_is_known_in_every_form() {
        for (url, is) in [
            ("http://localhost:1", true),
            ("http://127.0.0.2:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(loopback(&origin(url).unwrap()), is, "{url}");
        }
    }
}
