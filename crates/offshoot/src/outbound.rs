//! Requests to servers that users name: planning tools, receivers of webhooks.
//!
//! Whoever may write a rule may name an address, and must not reach with it what only this machine can
//! reach. So every address is looked at after its name was resolved and before anything is sent, and the
//! connection goes to exactly what was looked at. Redirects are not followed, proxies of the environment
//! not used.

use anyhow::Context;
use async_trait::async_trait;
use ipnet::IpNet;
use offshoot_core::Refusal;
use offshoot_core::port::{Outbound, OutboundRequest, OutboundResponse, PortError, PortResult};
use offshoot_core::refusal::code;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method};
use secrecy::ExposeSecret;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// A connection, and a whole answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(20);
/// Of a name, where it is only looked whether it may be called: somebody waits.
const LOOK_UP: Duration = Duration::from_secs(2);

pub(crate) struct OutboundHttp {
    http: Client,
    allow: Arc<[IpNet]>,
}

impl OutboundHttp {
    /// `allow`: networks of this machine or this site that may be called all the same.
    pub(crate) fn new(allow: Vec<IpNet>) -> anyhow::Result<Self> {
        let allow: Arc<[IpNet]> = allow.into();
        let http = Client::builder()
            .dns_resolver(Arc::new(Guard(allow.clone())))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .context("cannot set up requests to other servers")?;
        Ok(Self { http, allow })
    }

    /// Addresses that are written as such are not resolved, so they are looked at here.
    async fn check(&self, text: &str) -> PortResult<Url> {
        let url = Url::parse(text).map_err(|_| refused("the address is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the address has a user or a password in it"));
        }
        let port = url.port_or_known_default().unwrap_or(0);
        let addresses: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            Some(Host::Domain(name)) if url.scheme() == "http" => {
                let found = tokio::net::lookup_host((name, port)).await;
                found
                    .map_err(|e| unresolved(name, e))?
                    .map(|a| a.ip())
                    .collect()
            }
            Some(Host::Domain(_)) => Vec::new(),
            None => return Err(refused("the address names no host")),
        };
        match url.scheme() {
            "https" => {}
            // Tokens and secrets do not travel in the clear, but where the operator says that it is safe.
            "http" if addresses.iter().all(|ip| allowed(&self.allow, *ip)) => {}
            "http" => {
                return Err(refused(
                    "plain http:// is for addresses that the configuration allows",
                ));
            }
            _ => {
                return Err(refused(
                    "the address begins neither with https:// nor with http://",
                ));
            }
        }
        match addresses.iter().find(|ip| !reachable(&self.allow, **ip)) {
            Some(ip) => Err(refused(&format!(
                "{ip} is an address of this machine or of a private network"
            ))),
            None => Ok(url),
        }
    }
}

/// Resolves names to addresses that may be called.
struct Guard(Arc<[IpNet]>);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|a| reachable(&allow, a.ip())).collect();
            match good.is_empty() {
                true => Err(Box::new(Private(name.as_str().to_owned())) as _),
                false => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

/// A name leads to nothing that may be called.
#[derive(Debug)]
struct Private(String);

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is this machine, or in a private network", self.0)
    }
}

impl std::error::Error for Private {}

fn allowed(allow: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    allow.iter().any(|net| net.contains(&ip))
}

fn reachable(allow: &[IpNet], ip: IpAddr) -> bool {
    allowed(allow, ip) || public(ip)
}

/// Not of this machine, of this site, or of nobody.
fn public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => public_v6(ip),
    }
}

fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        // Carriers' own networks (RFC 6598), protocol assignments, benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let embedded = |at: usize| {
        let o = ip.octets();
        Ipv4Addr::new(o[at], o[at + 1], o[at + 2], o[at + 3])
    };
    match (a, b) {
        // NAT64 and 6to4 lead to an IPv4 address.
        (0x64, 0xff9b) => public_v4(embedded(12)),
        (0x2002, _) => public_v4(embedded(2)),
        // Teredo and documentation.
        (0x2001, 0 | 0xdb8) => false,
        // Global unicast is all that is given out.
        _ => (0x2000..0x4000).contains(&a),
    }
}

fn refused(why: &str) -> PortError {
    PortError::fatal(
        Refusal::unprocessable(why)
            .code(code::OUTBOUND)
            .hint("use a public https:// address, or let outbound.allow of the configuration name its network"),
    )
}

fn unresolved(name: &str, error: std::io::Error) -> PortError {
    PortError::retry(Refusal::unavailable(format!("{name} is not known by name")).cause(error))
}

/// What went wrong, without the URL, which may hold a secret.
fn failed(error: reqwest::Error) -> PortError {
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(inner) = cause {
        if let Some(private) = inner.downcast_ref::<Private>() {
            return refused(&private.to_string());
        }
        cause = inner.source();
    }
    let text = match &error {
        e if e.is_timeout() => "it did not answer in time",
        e if e.is_connect() => "no connection to it came about",
        _ => "the connection broke",
    };
    PortError::retry(Refusal::unavailable(text).cause(error.without_url()))
}

#[async_trait]
impl Outbound for OutboundHttp {
    async fn check(&self, url: &str) -> PortResult<()> {
        let url = OutboundHttp::check(self, url).await?;
        // Where a name of https:// leads is looked at when it is called; here only so that it is told early.
        let (Some(Host::Domain(name)), Some(port)) = (url.host(), url.port_or_known_default())
        else {
            return Ok(());
        };
        let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((name, port))).await;
        let Ok(found) = found else {
            return Ok(());
        };
        let found: Vec<_> = found.map_err(|e| unresolved(name, e))?.collect();
        match found.iter().any(|a| reachable(&self.allow, a.ip())) {
            true => Ok(()),
            false => Err(refused(&Private(name.to_owned()).to_string())),
        }
    }

    async fn send(&self, request: OutboundRequest) -> PortResult<OutboundResponse> {
        let url = self.check(&request.url).await?;
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|e| PortError::fatal(Refusal::internal(e)))?;
        let mut sending = self.http.request(method, url);
        for (name, value) in &request.headers {
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::from_str(value.expose_secret());
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(refused(
                    "a header cannot be sent: a token has a line break in it",
                ));
            };
            value.set_sensitive(true);
            sending = sending.header(name, value);
        }
        if let Some(body) = &request.body {
            sending = sending.body(body.expose_secret().to_owned());
        }
        let mut response = sending.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(n, v)| Some((n.to_string(), v.to_str().ok()?.to_owned())))
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > request.limit {
                return Err(PortError::retry(Refusal::unavailable(format!(
                    "its answer is longer than {} bytes",
                    request.limit
                ))));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(OutboundResponse {
            status,
            headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for good in [
            "8.8.8.8",
            "140.82.121.6",
            "2606:4700::1",
            "64:ff9b::808:808",
        ] {
            assert!(public(good.parse().unwrap()), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "127.8.9.10",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
            "::127.0.0.1",
        ] {
            assert!(!public(bad.parse().unwrap()), "{bad}");
        }
    }

    fn request(url: &str) -> OutboundRequest {
        OutboundRequest {
            method: "GET",
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            limit: 100,
        }
    }

    #[tokio::test]
    async fn nothing_goes_to_this_machine_unasked() {
        let outbound = OutboundHttp::new(Vec::new()).unwrap();
        for url in [
            "http://127.0.0.1:1/",
            "https://127.0.0.1:1/",
            "https://localhost:1/",
            "http://localhost:1/",
            "https://[::1]:1/",
            "https://169.254.169.254/latest/meta-data",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://[::ffff:127.0.0.1]/",
            "https://a:b@example.com/",
            "ftp://example.com/",
            "example.com",
            "http://8.8.8.8/",
        ] {
            let error = outbound.send(request(url)).await.unwrap_err();
            assert_eq!(error.refusal.code, code::OUTBOUND, "{url}: {error}");
            assert!(!error.retry, "{url}");
            let told = Outbound::check(&outbound, url).await.unwrap_err();
            assert_eq!(told.refusal.code, code::OUTBOUND, "{url}: {told}");
        }
    }

    #[tokio::test]
    async fn what_is_allowed_is_called_and_bounded() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let answers = [
            "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi".to_owned(),
            format!("HTTP/1.1 200 OK\r\ncontent-length: 200\r\nconnection: close\r\n\r\n{}", "x".repeat(200)),
        ];
        let serving = tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = [0; 1024];
                let _ = stream.read(&mut read).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
            }
        });
        let outbound = OutboundHttp::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        let url = format!("http://{at}/x");
        Outbound::check(&outbound, &url).await.unwrap();
        let response = outbound.send(request(&url)).await.unwrap();
        assert_eq!((response.status, &*response.body), (302, &b"hi"[..]));
        let error = outbound.send(request(&url)).await.unwrap_err();
        assert!(
            error.retry && error.to_string().contains("longer than"),
            "{error}"
        );
        serving.await.unwrap();
    }
}
