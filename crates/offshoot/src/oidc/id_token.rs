//! Whether an ID token is one (OpenID Connect Core, 3.1.3.7). What it is signed with is decided by the provider's keys and
//! by what it announced, never by the token: no `none`, and no public key that is taken for a shared secret.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};
use std::fmt;

/// Algorithms that a provider may sign with, by their names.
pub(super) const ASYMMETRIC: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];
/// How far two clocks may be apart, in seconds.
const LEEWAY: u64 = 60;

pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) algorithms: &'a [Algorithm],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is signed with a key that is not among those: there may be newer ones.
    UnknownKey,
    /// Ends the sentence "the ID token of NAME …".
    Wrong(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::UnknownKey => "is signed with a key that is none of its own",
            Fault::Wrong(why) => why,
        })
    }
}

/// The claims of a token that is signed by the provider, for this client, for this errand, and not over.
pub(super) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
) -> Result<Map<String, Value>, Fault> {
    let header = decode_header(token).map_err(|_| Fault::Wrong("cannot be read"))?;
    if !expected.algorithms.contains(&header.alg) {
        return Err(Fault::Wrong("is signed in a way that was not announced"));
    }
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    let mut fault = Fault::UnknownKey;
    for key in keys.iter().filter(|key| fits(key, &header)) {
        let Ok(key) = DecodingKey::from_jwk(key) else {
            continue;
        };
        match decode::<Map<String, Value>>(token, &key, &validation) {
            Ok(verified) => return meant(verified.claims, expected),
            Err(error) => match why(error.kind()) {
                // Without a name it may be another key's.
                Fault::UnknownKey if header.kid.is_some() => {
                    fault = Fault::Wrong("is not signed by the key that it names");
                }
                Fault::UnknownKey => {}
                wrong => return Err(wrong),
            },
        }
    }
    Err(fault)
}

/// Whether a key can be the one: by name, purpose, and kind.
fn fits(key: &Jwk, header: &Header) -> bool {
    let common = &key.common;
    let named = header.kid.is_none() || common.key_id == header.kid;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let meant = common
        .key_algorithm
        .is_none_or(|algorithm| algorithm == header.alg.into());
    let kind = match (&key.algorithm, header.alg) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512) => {
            true
        }
        (AlgorithmParameters::RSA(_), Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512) => {
            true
        }
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => {
            ec.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES384) => {
            ec.curve == EllipticCurve::P384
        }
        (AlgorithmParameters::OctetKeyPair(ed), Algorithm::EdDSA) => {
            ed.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    named && signs && meant && kind
}

fn why(error: &ErrorKind) -> Fault {
    Fault::Wrong(match error {
        ErrorKind::InvalidSignature => return Fault::UnknownKey,
        ErrorKind::ExpiredSignature => "is too old: the clocks of both may differ",
        ErrorKind::ImmatureSignature => "is not valid yet: the clocks of both may differ",
        ErrorKind::InvalidIssuer => "is of another issuer",
        ErrorKind::InvalidAudience => "is for another client",
        ErrorKind::MissingRequiredClaim(_) => "lacks what every ID token has",
        _ => "cannot be read",
    })
}

fn meant(claims: Map<String, Value>, expected: &Expected<'_>) -> Result<Map<String, Value>, Fault> {
    let several = claims["aud"].as_array().is_some_and(|all| all.len() > 1);
    match claims.get("azp") {
        Some(azp) if azp != expected.client_id => {
            return Err(Fault::Wrong("was made for another client"));
        }
        None if several => return Err(Fault::Wrong("does not say which client it was made for")),
        _ => {}
    }
    match claims.get("nonce") {
        Some(nonce) if nonce == expected.nonce => Ok(claims),
        _ => Err(Fault::Wrong("is not for this login")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, encode, get_current_timestamp};
    use rcgen::{
        KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    };
    use serde_json::json;

    const ISSUER: &str = "https://id.example.com";
    const CLIENT: &str = "offshoot";
    const NONCE: &str = "once";

    struct Signer {
        key: EncodingKey,
        algorithm: Algorithm,
        jwk: Jwk,
    }

    fn signer(algorithm: Algorithm, kid: Option<&str>) -> Signer {
        let pair = |kind| KeyPair::generate_for(kind).unwrap().serialize_der();
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&pair(&PKCS_ECDSA_P256_SHA256)),
            Algorithm::ES384 => EncodingKey::from_ec_der(&pair(&PKCS_ECDSA_P384_SHA384)),
            // Without the public key, which the first form of PKCS#8 does not have.
            Algorithm::EdDSA => {
                let mut der = pair(&PKCS_ED25519)[..48].to_vec();
                (der[1], der[4]) = (46, 0);
                EncodingKey::from_ed_der(&der)
            }
            // PKCS#1 within PKCS#8.
            _ => EncodingKey::from_rsa_der(&pair(&PKCS_RSA_SHA256)[26..]),
        };
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = kid.map(str::to_owned);
        Signer {
            key,
            algorithm,
            jwk,
        }
    }

    impl Signer {
        fn sign(&self, claims: &Value) -> String {
            let mut header = Header::new(self.algorithm);
            header.kid = self.jwk.common.key_id.clone();
            encode(&header, claims, &self.key).unwrap()
        }
    }

    fn claims() -> Value {
        let now = get_current_timestamp();
        json!({"iss": ISSUER, "sub": "1", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": NONCE})
    }

    fn check(token: &str, keys: &[Jwk]) -> Result<Map<String, Value>, Fault> {
        let algorithms: Vec<Algorithm> = ASYMMETRIC.iter().map(|(_, a)| *a).collect();
        let expected = Expected {
            issuer: ISSUER,
            client_id: CLIENT,
            nonce: NONCE,
            algorithms: &algorithms,
        };
        verify(token, keys, &expected)
    }

    #[test]
    fn every_asymmetric_algorithm_is_verified() {
        for algorithm in [
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::EdDSA,
        ] {
            let signer = signer(algorithm, Some("a"));
            let keys = [signer.jwk.clone()];
            let verified = check(&signer.sign(&claims()), &keys).unwrap();
            assert_eq!(verified["sub"], "1", "{algorithm:?}");
        }
    }

    #[test]
    fn what_is_not_for_this_login_is_refused() {
        let signer = signer(Algorithm::ES256, Some("a"));
        let keys = [signer.jwk.clone()];
        let now = get_current_timestamp();
        for (name, value, words) in [
            ("iss", json!("https://evil.example.com"), "another issuer"),
            ("aud", json!("other"), "for another client"),
            ("aud", json!([CLIENT, "other"]), "does not say which"),
            ("aud", json!([]), "for another client"),
            ("azp", json!("other"), "made for another"),
            ("exp", json!(now - 120), "too old"),
            ("exp", Value::Null, ""),
            ("nbf", json!(now + 120), "not valid yet"),
            ("nonce", json!("twice"), "not for this login"),
            ("nonce", Value::Null, "not for this login"),
        ] {
            let mut claims = claims();
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value,
            }
            let fault = check(&signer.sign(&claims), &keys).unwrap_err();
            assert!(fault.to_string().contains(words), "{name}: {fault}");
            assert!(matches!(fault, Fault::Wrong(_)), "{name}");
        }
        // Within the leeway; several audiences, with who it was made for.
        let mut good = claims();
        good["exp"] = json!(now - 10);
        good["aud"] = json!(["other", CLIENT]);
        good["azp"] = json!(CLIENT);
        check(&signer.sign(&good), &keys).unwrap();
    }

    #[test]
    fn keys_that_are_not_the_providers_sign_nothing() {
        let own = signer(Algorithm::ES256, Some("a"));
        let foreign = signer(Algorithm::ES256, Some("a"));
        let newer = signer(Algorithm::ES256, Some("b"));
        let keys = [own.jwk.clone()];
        let fault = check(&foreign.sign(&claims()), &keys).unwrap_err();
        assert!(
            matches!(fault, Fault::Wrong(why) if why.contains("key that it names")),
            "{fault}"
        );
        assert_eq!(check(&newer.sign(&claims()), &keys), Err(Fault::UnknownKey));
        // Without names every key that can be it is tried.
        let nameless = signer(Algorithm::ES256, None);
        assert_eq!(
            check(&nameless.sign(&claims()), &keys),
            Err(Fault::UnknownKey)
        );
        let both = [own.jwk.clone(), nameless.jwk.clone()];
        check(&nameless.sign(&claims()), &both).unwrap();
        // A key for encryption, or of another algorithm, is none for signatures.
        let mut wrong = own.jwk.clone();
        wrong.common.public_key_use = Some(PublicKeyUse::Encryption);
        assert_eq!(
            check(&own.sign(&claims()), &[wrong]),
            Err(Fault::UnknownKey)
        );
    }

    #[test]
    fn a_token_does_not_choose_how_it_is_verified() {
        let own = signer(Algorithm::RS256, Some("a"));
        let keys = [own.jwk.clone()];
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!(
            "{}.{}.",
            part(&json!({"alg": "none", "typ": "JWT"})),
            part(&claims())
        );
        assert!(matches!(check(&unsigned, &keys), Err(Fault::Wrong(_))));
        // The public key, as anybody has it, as a shared secret.
        let AlgorithmParameters::RSA(public) = &own.jwk.algorithm else {
            panic!("an RSA key");
        };
        let secret = EncodingKey::from_secret(public.n.as_bytes()).unwrap();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("a".to_owned());
        let confused = encode(&header, &claims(), &secret).unwrap();
        let fault = check(&confused, &keys).unwrap_err();
        assert_eq!(
            fault,
            Fault::Wrong("is signed in a way that was not announced")
        );
        // A shared secret among the keys verifies nothing either, were it announced.
        let shared = EncodingKey::from_secret(&[7; 32]).unwrap();
        let mut jwk = Jwk::from_encoding_key(&shared, Algorithm::HS256).unwrap();
        jwk.common.key_id = Some("a".to_owned());
        let token = encode(&header, &claims(), &shared).unwrap();
        let expected = Expected {
            issuer: ISSUER,
            client_id: CLIENT,
            nonce: NONCE,
            algorithms: &[Algorithm::HS256],
        };
        assert_eq!(verify(&token, &[jwk], &expected), Err(Fault::UnknownKey));
        for broken in ["", "a.b.c", &own.sign(&claims())[1..]] {
            assert!(
                matches!(check(broken, &keys), Err(Fault::Wrong(_))),
                "{broken}"
            );
        }
    }
}
