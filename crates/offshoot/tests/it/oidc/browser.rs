//! A browser that keeps cookies as browsers do, and a program that logs in.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU8, Ordering};

/// Each has an address of its own: tries are counted by address.
pub(super) struct Browser {
    http: reqwest::Client,
    server: String,
    /// By name: value, and whether it goes along with links of other sites.
    cookies: BTreeMap<String, (String, bool)>,
    pub(super) page: String,
    pub(super) status: u16,
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn client() -> reqwest::Client {
    static NEXT: AtomicU8 = AtomicU8::new(2);
    let address = Ipv4Addr::new(127, 0, 7, NEXT.fetch_add(1, Ordering::Relaxed));
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .local_address(IpAddr::from(address))
        .build()
        .unwrap()
}

impl Browser {
    pub(super) fn new(server: &str) -> Self {
        Self {
            http: client(),
            server: server.to_owned(),
            cookies: BTreeMap::new(),
            page: String::new(),
            status: 0,
        }
    }

    async fn go(&mut self, request: reqwest::RequestBuilder, from_elsewhere: bool) {
        let sent: Vec<String> = self
            .cookies
            .iter()
            .filter(|(_, (_, lax))| *lax || !from_elsewhere)
            .map(|(name, (value, _))| format!("{name}={value}"))
            .collect();
        let answer = request
            .header(COOKIE, sent.join("; "))
            .send()
            .await
            .unwrap();
        for set in answer.headers().get_all(SET_COOKIE) {
            let set = set.to_str().unwrap();
            assert!(
                set.contains("HttpOnly") && set.contains("Path=/oauth"),
                "{set}"
            );
            let (name, rest) = set.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let lax = set.contains("SameSite=Lax");
            assert!(lax || set.contains("SameSite=Strict"), "{set}");
            match set.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(
                    self.cookies
                        .insert(name.to_owned(), (value.to_owned(), lax)),
                ),
            }
        }
        self.status = answer.status().as_u16();
        self.page = answer.text().await.unwrap();
    }

    async fn post(&mut self, path: &str, pairs: &[(&str, &str)]) {
        let proof = self.cut("name=\"proof\" value=\"");
        let mut pairs = pairs.to_vec();
        pairs.push(("proof", &proof));
        let request = self.http.post(format!("{}{path}", self.server));
        self.go(request.body(form(&pairs)), false).await;
    }

    fn cut(&self, before: &str) -> String {
        let found = self.page.split_once(before);
        let (_, rest) = found.unwrap_or_else(|| panic!("no {before} in {}", self.page));
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }

    pub(super) async fn open(&mut self, code: &str) {
        let request = self
            .http
            .get(format!("{}/oauth/device?user_code={code}", self.server));
        self.go(request, false).await;
    }

    pub(super) async fn password(&mut self, code: &str, email: &str, password: &str) {
        let pairs = [
            ("user_code", code),
            ("email", email),
            ("password", password),
        ];
        self.post("/oauth/device", &pairs).await;
    }

    /// The button; where the page that comes leads.
    pub(super) async fn leave(&mut self, code: &str) -> String {
        self.post("/oauth/oidc", &[("user_code", code)]).await;
        assert_eq!(self.status, 200, "{}", self.page);
        self.cut("<a href=\"")
    }

    /// The button, where it is not to work.
    pub(super) async fn press(&mut self, code: &str) {
        self.post("/oauth/oidc", &[("user_code", code)]).await;
    }

    /// At the provider, which sends back to the address that is returned.
    pub(super) async fn visit(&self, address: &str) -> String {
        let answer = self.http.get(address).send().await.unwrap();
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    /// Back, by a link of another site.
    pub(super) async fn come_back(&mut self, address: &str) {
        let request = self.http.get(address);
        self.go(request, true).await;
    }

    /// From the program's link to the question whether it is allowed, or to why not.
    pub(super) async fn log_in(&mut self, code: &str) {
        self.open(code).await;
        let there = self.leave(code).await;
        let back = self.visit(&there).await;
        self.come_back(&back).await;
    }

    pub(super) async fn allow(&mut self, code: &str) {
        assert!(self.page.contains("Allow"), "{}", self.page);
        let pairs = [("user_code", code), ("decision", "allow")];
        self.post("/oauth/device/decision", &pairs).await;
        assert!(self.page.contains("Allowed"), "{}", self.page);
    }
}

/// A program that asks for a session.
pub(super) struct Program {
    http: reqwest::Client,
    server: String,
    device: Value,
}

impl Program {
    pub(super) async fn begin(server: &str) -> Self {
        let http = client();
        let asked = form(&[("client_id", "it"), ("scope", "read_user read_databases")]);
        let begun = http.post(format!("{server}/oauth/authorize_device"));
        let begun = begun.body(asked).send().await.unwrap();
        Self {
            http,
            server: server.to_owned(),
            device: serde_json::from_str(&begun.text().await.unwrap()).unwrap(),
        }
    }

    pub(super) fn code(&self) -> &str {
        self.device["user_code"].as_str().unwrap()
    }

    /// The session's token, or why there is none.
    pub(super) async fn fetch(&self) -> Result<String, String> {
        let asked = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "it"),
            ("device_code", self.device["device_code"].as_str().unwrap()),
        ]);
        let answer = self.http.post(format!("{}/oauth/token", self.server));
        let answer = answer
            .body(asked)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        match answer["access_token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => Err(answer["error"].as_str().unwrap().to_owned()),
        }
    }

    /// Who a session acts for.
    pub(super) async fn user(&self, token: &str) -> (u16, Value) {
        let answer = self
            .http
            .get(format!("{}/v1/user", self.server))
            .bearer_auth(token);
        let answer = answer.send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
        )
    }
}
