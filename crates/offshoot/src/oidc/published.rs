//! What a provider publishes of itself (OpenID Connect Discovery 1.0, 3) and its keys (RFC 7517).

use super::id_token::ASYMMETRIC;
use super::safe;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use std::time::Instant;
use url::Url;

pub(super) struct Published {
    pub(super) metadata: Metadata,
    /// Those that can be read.
    pub(super) keys: Vec<Jwk>,
    /// When it was fetched.
    pub(super) at: Instant,
}

#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) client_auth: ClientAuth,
    /// What ID tokens may be signed with: asymmetric, and announced.
    pub(super) algorithms: Vec<Algorithm>,
    /// Each answer says whose it is (RFC 9207).
    pub(super) names_itself: bool,
}

/// How a client shows its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAuth {
    Basic,
    Post,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// # Errors
/// Why it is not the provider that the configuration means, or none that can be used.
pub(super) fn read(document: Value, issuer: &str) -> Result<Metadata, String> {
    let document: Document = serde_json::from_value(document)
        .map_err(|e| format!("its configuration is not as OpenID Connect Discovery says: {e}"))?;
    if document.issuer != issuer {
        let shown: String = document.issuer.chars().take(200).collect();
        return Err(format!(
            "it calls itself {shown:?}, and not {issuer:?}: set login.oidc.issuer to what it calls itself"
        ));
    }
    let challenges = document.code_challenge_methods_supported;
    if challenges.is_some_and(|all| !all.iter().any(|c| c == "S256")) {
        return Err("it does not support PKCE with S256".to_owned());
    }
    // What an absent list means: OpenID Connect Discovery, 3, and Core, 15.1.
    let announced = document.id_token_signing_alg_values_supported;
    let announced = announced.unwrap_or_else(|| vec!["RS256".to_owned()]);
    let algorithms: Vec<Algorithm> = ASYMMETRIC
        .into_iter()
        .filter(|(name, _)| announced.iter().any(|a| a == name))
        .map(|(_, algorithm)| algorithm)
        .collect();
    if algorithms.is_empty() {
        return Err(format!(
            "it signs ID tokens with {} alone, and no asymmetric algorithm that is known here",
            announced.join(", ")
        ));
    }
    let methods = document.token_endpoint_auth_methods_supported;
    let takes = |method: &str| match &methods {
        Some(all) => all.iter().any(|m| m == method),
        None => method == "client_secret_basic",
    };
    let post = takes("client_secret_post") && !takes("client_secret_basic");
    Ok(Metadata {
        authorization_endpoint: endpoint(
            "authorization_endpoint",
            &document.authorization_endpoint,
        )?,
        token_endpoint: endpoint("token_endpoint", &document.token_endpoint)?,
        jwks_uri: endpoint("jwks_uri", &document.jwks_uri)?,
        userinfo_endpoint: document
            .userinfo_endpoint
            .map(|text| endpoint("userinfo_endpoint", &text))
            .transpose()?,
        client_auth: match post {
            true => ClientAuth::Post,
            false => ClientAuth::Basic,
        },
        algorithms,
        names_itself: document.authorization_response_iss_parameter_supported,
    })
}

fn endpoint(name: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("its {name} is no URL"))?;
    match safe(&url) {
        true => Ok(url),
        false => Err(format!("its {name} does not begin with https://")),
    }
}

/// Keys of kinds that are not known here are left out: they sign nothing that is taken.
pub(super) fn keys(document: Value) -> Result<Vec<Jwk>, String> {
    let Some(Value::Array(all)) = document.get("keys") else {
        return Err("what should be its keys is no set of keys".to_owned());
    };
    let read = |key: &Value| serde_json::from_value(key.clone()).ok();
    Ok(all.iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "https://id.example.com";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/auth?tenant=1",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://keys.example.com/jwks",
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256", "ES256K"],
        })
    }

    #[test]
    fn only_what_is_asymmetric_is_taken_of_what_is_announced() {
        let read = read(document(), ISSUER).unwrap();
        assert_eq!(read.algorithms, [Algorithm::RS256, Algorithm::ES256]);
        assert_eq!(
            (read.client_auth, read.names_itself),
            (ClientAuth::Basic, false)
        );
    }

    #[test]
    fn a_provider_that_cannot_be_used_is_told_why() {
        let changed = |name: &str, value: Value| {
            let mut document = document();
            document[name] = value;
            read(document, ISSUER).unwrap_err()
        };
        for (name, value, words) in [
            (
                "issuer",
                json!("https://id.example.com/"),
                "set login.oidc.issuer",
            ),
            (
                "token_endpoint",
                json!("http://id.example.com/token"),
                "token_endpoint does not",
            ),
            ("jwks_uri", json!("keys"), "jwks_uri is no URL"),
            ("jwks_uri", json!(null), "not as OpenID Connect Discovery"),
            ("code_challenge_methods_supported", json!(["plain"]), "S256"),
            (
                "id_token_signing_alg_values_supported",
                json!(["HS256", "none"]),
                "HS256, none alone",
            ),
        ] {
            let why = changed(name, value);
            assert!(why.contains(words), "{name}: {why}");
        }
        assert!(keys(json!({"keys": 1})).is_err());
        let some = json!({"keys": [{"kty": "new"}, 1, {"kty": "OKP", "crv": "X448", "x": "AA"}]});
        assert!(keys(some).is_ok());
    }

    #[test]
    fn a_secret_is_shown_as_the_provider_takes_it() {
        let auth = |methods: Value| {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            read(document, ISSUER).unwrap().client_auth
        };
        assert_eq!(auth(json!(["client_secret_post"])), ClientAuth::Post);
        assert_eq!(
            auth(json!(["client_secret_post", "client_secret_basic"])),
            ClientAuth::Basic
        );
        assert_eq!(auth(json!(["private_key_jwt"])), ClientAuth::Basic);
    }
}
