//! A small OIDC provider on a port of this machine. Whoever comes is logged in at once, as the person that the test says;
//! it signs with real keys, and lies where a test wants it to.

use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

pub(super) const CLIENT: &str = "offshoot-it";
pub(super) const SECRET: &str = "s3cret of the client: %&+";

type Form = HashMap<String, String>;

pub(super) struct Provider {
    pub(super) issuer: String,
    world: Shared,
    serving: tokio::task::JoinHandle<()>,
}

type Shared = Arc<Mutex<World>>;

struct World {
    issuer: String,
    /// Claims of whoever comes.
    person: Map<String, Value>,
    /// Claims that are other than they should be; null: they are missing.
    lies: Map<String, Value>,
    /// The e-mail address is told at the userinfo endpoint alone.
    by_userinfo: bool,
    /// Says in its answers who it is.
    names_itself: bool,
    signer: Signer,
    published: Vec<Jwk>,
    codes: HashMap<String, Form>,
    /// Everything secret that it gave away.
    secrets: Vec<String>,
    drawn: usize,
}

struct Signer {
    key: EncodingKey,
    kid: String,
}

impl Signer {
    fn new(kid: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        Self {
            key: EncodingKey::from_ec_der(&pair.serialize_der()),
            kid: kid.to_owned(),
        }
    }

    fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        jwk
    }
}

impl World {
    fn draw(&mut self, what: &str) -> String {
        self.drawn += 1;
        let text = format!("{what}-{}-secret", self.drawn);
        self.secrets.push(text.clone());
        text
    }

    fn id_token(&mut self, asked: &Form) -> String {
        let now = get_current_timestamp();
        let mut claims = self.person.clone();
        if self.by_userinfo {
            claims.retain(|name, _| name == "sub");
        }
        let own = json!({"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]});
        claims.extend(own.as_object().unwrap().clone());
        for (name, value) in &self.lies {
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.signer.kid.clone());
        let token = encode(&header, &claims, &self.signer.key).unwrap();
        self.secrets.push(token.clone());
        token
    }
}

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}

impl Provider {
    /// On that port of 127.0.0.1.
    pub(super) async fn start(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let issuer = format!("http://127.0.0.1:{port}/realm");
        let signer = Signer::new("first");
        let world = Arc::new(Mutex::new(World {
            issuer: issuer.clone(),
            person: Map::new(),
            lies: Map::new(),
            by_userinfo: false,
            names_itself: false,
            published: vec![signer.public()],
            signer,
            codes: HashMap::new(),
            secrets: vec![SECRET.to_owned()],
            drawn: 0,
        }));
        let realm = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/auth", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(world.clone());
        let routes = Router::new().nest("/realm", realm);
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            issuer,
            world,
            serving,
        }
    }

    /// Who comes from now on.
    pub(super) fn person(&self, subject: &str, email: &str) {
        let person =
            json!({"sub": subject, "email": email, "email_verified": true, "name": "Ann Example"});
        lock(&self.world).person = person.as_object().unwrap().clone();
    }

    /// What ID tokens say from now on in place of the truth.
    pub(super) fn lies(&self, lies: Value) {
        lock(&self.world).lies = lies.as_object().unwrap().clone();
    }

    pub(super) fn tells_by_userinfo(&self, by_userinfo: bool) {
        lock(&self.world).by_userinfo = by_userinfo;
    }

    pub(super) fn names_itself(&self) {
        lock(&self.world).names_itself = true;
    }

    /// Signs with a new key of that name, which is published or not.
    pub(super) fn signs_with(&self, kid: &str, published: bool) {
        let mut world = lock(&self.world);
        world.signer = Signer::new(kid);
        if published {
            world.published = vec![world.signer.public()];
        }
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        lock(&self.world).secrets.clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn configuration(State(world): State<Shared>) -> Json<Value> {
    let world = lock(&world);
    let issuer = &world.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth?tenant=1"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": world.names_itself,
    }))
}

async fn keys(State(world): State<Shared>) -> Json<Value> {
    Json(json!({"keys": lock(&world).published}))
}

async fn authorize(State(world): State<Shared>, Query(asked): Query<Form>) -> Response {
    assert_eq!(asked["response_type"], "code");
    assert_eq!((&*asked["client_id"], &*asked["tenant"]), (CLIENT, "1"));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(
        asked["scope"].split(' ').any(|s| s == "openid"),
        "{asked:?}"
    );
    let mut world = lock(&world);
    let code = world.draw("code");
    let mut back = url::Url::parse(&asked["redirect_uri"]).unwrap();
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked["state"]);
    if world.names_itself {
        back.query_pairs_mut().append_pair("iss", &world.issuer);
    }
    world.codes.insert(code, asked);
    (StatusCode::FOUND, [(LOCATION, back.to_string())]).into_response()
}

async fn token(State(world): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let form: Form = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let encoded =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = format!("{}:{}", encoded(CLIENT), encoded(SECRET));
    let basic = format!("Basic {}", STANDARD.encode(pair));
    let error =
        |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    if headers.get(AUTHORIZATION).is_none_or(|h| *h != basic) {
        return error("invalid_client");
    }
    let mut world = lock(&world);
    let Some(asked) = world.codes.remove(&form["code"]) else {
        return error("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if challenge != asked["code_challenge"] || form["redirect_uri"] != asked["redirect_uri"] {
        return error("invalid_grant");
    }
    let access = world.draw("access");
    let id_token = world.id_token(&asked);
    Json(json!({"access_token": access, "token_type": "Bearer", "id_token": id_token}))
        .into_response()
}

async fn userinfo(State(world): State<Shared>, headers: HeaderMap) -> Response {
    let world = lock(&world);
    let known = headers
        .get(AUTHORIZATION)
        .and_then(|h| h.to_str().ok()?.strip_prefix("Bearer "));
    match known.is_some_and(|token| world.secrets.iter().any(|s| s == token)) {
        true => Json(Value::Object(world.person.clone())).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}
