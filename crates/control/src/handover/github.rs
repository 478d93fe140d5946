//! Secrets of GitHub Actions: sealed for the repository's key, or the environment's, one request for each name.
//!
//! <https://docs.github.com/en/rest/actions/secrets>: `GET …/public-key`, then `PUT …/{secret_name}` with a
//! sealed box of libsodium. A secret of the name is replaced, so a repetition does no harm.

use super::receiver::{Api, Undelivered, escaped};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::rand_core::{CryptoRng, Error, RngCore};
use offshoot_core::port::Ids;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Longest secret that GitHub takes, in bytes.
const LONGEST: usize = 48_000;

/// Where in GitHub.
pub(super) struct Place<'a> {
    /// `acme/shop`.
    pub(super) repository: &'a str,
    pub(super) environment: Option<&'a str>,
}

/// A name that GitHub takes.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), String> {
    match prefix == "GITHUB" || prefix.starts_with("GITHUB_") {
        true => Err("names of secrets do not begin with GITHUB_; choose another prefix".to_owned()),
        false => Ok(()),
    }
}

pub(super) async fn deliver(
    api: &Api<'_>,
    place: &Place<'_>,
    values: &[(String, &SecretString)],
) -> Result<(), Undelivered> {
    if let Some((name, _)) = values
        .iter()
        .find(|(_, v)| v.expose_secret().len() > LONGEST)
    {
        return Err(Undelivered::new(format!("{name} is too long for GitHub")));
    }
    let secrets = place.secrets();
    let answer = api
        .ask("GET", &format!("{secrets}/public-key"), None)
        .await?;
    if !answer.good() {
        return Err(place.refused(answer.status, &answer.said(), &api.renew));
    }
    let text = |name: &str| answer.body.get(name).and_then(|v| v.as_str());
    let key = text("key").and_then(|k| STANDARD.decode(k).ok());
    let key = key.and_then(|k| <[u8; 32]>::try_from(k).ok());
    let (Some(key), Some(key_id)) = (key, text("key_id")) else {
        return Err(Undelivered::new(
            "GitHub's answer has no public key: is its address right?",
        ));
    };
    for (name, value) in values {
        let sealed = seal(&*api.control.0.ports.ids, key, value);
        let body = json!({"encrypted_value": sealed, "key_id": key_id});
        let answer = api
            .ask("PUT", &format!("{secrets}/{}", escaped(name)), Some(&body))
            .await?;
        if !answer.good() {
            let reason = match answer.status {
                403 | 404 => return Err(place.refused(answer.status, &answer.said(), &api.renew)),
                _ => format!("GitHub refuses secret {name}{}", answer.said()),
            };
            return Err(Undelivered::new(reason));
        }
    }
    Ok(())
}

impl Place<'_> {
    fn secrets(&self) -> String {
        // Owner and name hold nothing that would have to be escaped.
        let repository = self.repository;
        match self.environment {
            Some(name) => format!("/repos/{repository}/environments/{}/secrets", escaped(name)),
            None => format!("/repos/{repository}/actions/secrets"),
        }
    }

    fn refused(&self, status: u16, said: &str, renew: &str) -> Undelivered {
        let repository = self.repository;
        let (what, permission) = match self.environment {
            Some(name) => (
                format!("environment {name} of repository {repository}"),
                "write access to Environments",
            ),
            None => (
                format!("repository {repository}"),
                "write access to Secrets",
            ),
        };
        Undelivered::new(match status {
            403 => format!(
                "GitHub does not let the token write secrets of {what}{said}: give it {permission}, or another token: {renew}"
            ),
            404 => format!(
                "GitHub knows no {what}, or the token may not see it{said}: make it, or give the token {permission}"
            ),
            _ => format!("GitHub refuses to give the key of {what}{said}"),
        })
    }
}

/// Base64 of a sealed box that only the holder of the key's other half opens.
fn seal(ids: &dyn Ids, key: [u8; 32], value: &SecretString) -> String {
    let plain = value.expose_secret().as_bytes();
    let sealed = PublicKey::from_bytes(key).seal(&mut Randomness(ids), plain);
    STANDARD.encode(sealed.expect("a box takes any text that is shorter than memory"))
}

/// The port's randomness as the box wants it.
struct Randomness<'a>(&'a dyn Ids);

impl CryptoRng for Randomness<'_> {}

impl RngCore for Randomness<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_box::SecretKey;

    struct Fixed;

    impl Ids for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(5);
        }
    }

    #[test]
    fn a_box_is_opened_by_its_key_alone() {
        let secret = SecretKey::from([7; 32]);
        let sealed = seal(
            &Fixed,
            secret.public_key().to_bytes(),
            &SecretString::from("ofs_pw_s"),
        );
        // What libsodium makes of the same keys: the box of the ephemeral key, under the digest of both.
        assert_eq!(
            sealed,
            "UKYUCbHd0DJemxa3AOcZ6XcsBwALG9d4bpB8ZT0gSV1UqfkQaE3f4ogTOThR3mkEpfXtR6EBpAc="
        );
        let sealed = STANDARD.decode(sealed).unwrap();
        assert_eq!(secret.unseal(&sealed).unwrap(), b"ofs_pw_s");
        assert!(SecretKey::from([8; 32]).unseal(&sealed).is_err());
    }

    #[test]
    fn names_of_github_itself_are_left_to_it() {
        assert!(check_prefix("GITHUB").is_err() && check_prefix("GITHUB_DB").is_err());
        assert!(check_prefix("GITHUBS").is_ok() && check_prefix("DATABASE").is_ok());
    }
}
