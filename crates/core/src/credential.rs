//! What verifies a secret without being the secret.

use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::fmt;

/// The stored digests of one secret, one for each way in which it can be presented. The secrets are
/// random and of 32 bytes, so an unsalted digest cannot be searched.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// `SHA1(SHA1(secret))`, for `mysql_native_password`.
    pub native: [u8; 20],
    /// `SHA256(SHA256(secret))`, for the fast path of `caching_sha2_password`.
    pub sha2: [u8; 32],
}

impl Verifier {
    pub fn of(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        Self {
            native: Sha1::digest(Sha1::digest(secret)).into(),
            sha2: Sha256::digest(Sha256::digest(secret)).into(),
        }
    }

    /// Compares in a time that does not depend on where they differ.
    pub fn matches(&self, secret: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(Sha256::digest(secret)).into();
        equal(&digest, &self.sha2)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

/// What tokens and codes are stored as. They are random and long, so an unsalted digest cannot be searched.
pub fn digest(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}

/// Compares two byte strings of equal length in constant time; unequal lengths are unequal at once.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && std::hint::black_box(a.iter().zip(b).fold(0u8, |d, (x, y)| d | (x ^ y))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_matches_its_secret_only_and_does_not_print() {
        let verifier = Verifier::of(&SecretString::from("ofs_pw_abc"));
        assert!(verifier.matches(b"ofs_pw_abc"));
        assert!(!verifier.matches(b"ofs_pw_abd"));
        assert_eq!(format!("{verifier:?}"), "Verifier(…)");
    }
}
