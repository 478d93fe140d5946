//! Proving a secret: the scrambles of both plugins, and their verification against what is stored.

use offshoot_core::credential::{Verifier, equal};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Length of a nonce ("scramble") in bytes.
pub const NONCE: usize = 20;
/// What a client mixes with its secret, so that its answer cannot be replayed.
pub type Nonce = [u8; NONCE];

/// Makes a nonce of random bytes: seven bits each, never NUL (it would end the string) and never
/// `$` (old servers separate with it).
pub fn nonce(random: Nonce) -> Nonce {
    random.map(|b| match b & 0x7f {
        0 => 1,
        b'$' => b'%',
        other => other,
    })
}

/// An authentication plugin that secrets can be proved with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// `mysql_native_password`.
    Native,
    /// `caching_sha2_password`.
    CachingSha2,
}

impl Plugin {
    pub fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
        }
    }

    pub fn of_name(name: &[u8]) -> Option<Self> {
        [Plugin::Native, Plugin::CachingSha2]
            .into_iter()
            .find(|p| p.name().as_bytes() == name)
    }

    /// Length of a scramble in bytes.
    pub fn response_length(self) -> usize {
        match self {
            Plugin::Native => 20,
            Plugin::CachingSha2 => 32,
        }
    }

    /// The client's side: native `SHA1(s) ^ SHA1(nonce, SHA1(SHA1(s)))`, caching_sha2
    /// `SHA256(s) ^ SHA256(SHA256(SHA256(s)), nonce)`.
    pub fn scramble(self, secret: &[u8], nonce: &Nonce) -> Vec<u8> {
        match self {
            Plugin::Native => {
                let once = Sha1::digest(secret);
                let mask = native_mask(&Sha1::digest(once).into(), nonce);
                xor(&once, &mask)
            }
            Plugin::CachingSha2 => {
                let once = Sha256::digest(secret);
                let mask = sha2_mask(&Sha256::digest(once).into(), nonce);
                xor(&once, &mask)
            }
        }
    }

    /// The server's side: unmasks the first digest, digests it again and compares with the stored
    /// one. The time depends on the plugin and the response's length alone.
    pub fn verify(self, response: &[u8], nonce: &Nonce, verifier: &Verifier) -> bool {
        match self {
            Plugin::Native => {
                let once = xor(response, &native_mask(&verifier.native, nonce));
                equal(&Sha1::digest(&once), &verifier.native)
                    & (response.len() == self.response_length())
            }
            Plugin::CachingSha2 => {
                let once = xor(response, &sha2_mask(&verifier.sha2, nonce));
                equal(&Sha256::digest(&once), &verifier.sha2)
                    & (response.len() == self.response_length())
            }
        }
    }
}

fn native_mask(twice: &[u8; 20], nonce: &Nonce) -> [u8; 20] {
    Sha1::new()
        .chain_update(nonce)
        .chain_update(twice)
        .finalize()
        .into()
}

fn sha2_mask(twice: &[u8; 32], nonce: &Nonce) -> [u8; 32] {
    Sha256::new()
        .chain_update(twice)
        .chain_update(nonce)
        .finalize()
        .into()
}

/// As long as `mask`; missing bytes count as zero.
fn xor(bytes: &[u8], mask: &[u8]) -> Vec<u8> {
    let bytes = bytes.iter().copied().chain(std::iter::repeat(0));
    mask.iter().zip(bytes).map(|(m, b)| m ^ b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    #[test]
    fn only_the_right_secret_nonce_and_length_verify() {
        let verifier = Verifier::of(&SecretString::from("s3cret"));
        let random = *b"abcdefghijklmnopqrst";
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            let right = plugin.scramble(b"s3cret", &random);
            assert!(plugin.verify(&right, &random, &verifier));
            assert!(!plugin.verify(&right, &[1; NONCE], &verifier));
            assert!(!plugin.verify(&plugin.scramble(b"S3cret", &random), &random, &verifier));
            assert!(!plugin.verify(&right[..right.len() - 1], &random, &verifier));
            let mut longer = right.clone();
            longer.push(0);
            assert!(!plugin.verify(&longer, &random, &verifier));
            assert!(!plugin.verify(b"", &random, &verifier));
        }
    }

    #[test]
    fn nonces_are_clean() {
        let clean = nonce([
            0, 0x80, b'$', 0xa4, 65, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        ]);
        assert!(clean.iter().all(|b| *b != 0 && *b != b'$' && *b < 0x80));
    }
}
