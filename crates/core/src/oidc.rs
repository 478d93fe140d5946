//! Logins with an OIDC provider: what a browser takes there and brings back, and whom this server lets in.

use crate::credential::equal;
use crate::user::{Link, Role};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// One way to the provider and back, all of which follows from a secret that only the browser has, in a cookie. So
/// nothing of it is kept but a digest, and what was made for one browser proves nothing in another.
#[derive(Debug)]
pub struct Errand {
    /// Comes back with the browser (RFC 6749, 10.12).
    pub state: String,
    /// Comes back in the ID token (OpenID Connect Core, 3.1.2.1).
    pub nonce: String,
    /// Redeems the code together with it (RFC 7636).
    pub verifier: SecretString,
}

impl Errand {
    /// `secret`: random, of 32 bytes.
    pub fn of(secret: &SecretString) -> Self {
        Self {
            state: derived(secret, "state"),
            nonce: derived(secret, "nonce"),
            verifier: SecretString::from(derived(secret, "verifier")),
        }
    }

    /// Whether a state that came back is this errand's.
    pub fn is(&self, state: &str) -> bool {
        equal(self.state.as_bytes(), state.as_bytes())
    }
}

/// 64 hexadecimal digits, from which nothing else of the secret follows.
fn derived(secret: &SecretString, what: &str) -> String {
    let digest = Sha256::new()
        .chain_update("offshoot oidc ")
        .chain_update(what)
        .chain_update(" ")
        .chain_update(secret.expose_secret())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a browser brought back.
#[derive(Debug)]
pub struct Returned {
    /// What the ID token is fetched with, once.
    pub code: SecretString,
    /// Who says that it answered (RFC 9207).
    pub issuer: Option<String>,
}

/// Who somebody is, as the provider has signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub link: Link,
    /// As it was told; it may be no address.
    pub email: Option<String>,
    /// The provider has seen that the address is theirs.
    pub verified: bool,
    /// What they are called.
    pub name: Option<String>,
}

/// Whom this server lets in of those whom the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What people call the provider.
    pub name: String,
    /// Domains of e-mail addresses, in lower case; empty: any.
    pub domains: Vec<String>,
    /// Addresses count that the provider does not call verified.
    pub unverified: bool,
    /// What becomes of who is no user yet; `None`: they are turned away.
    pub create: Option<Role>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_is_its_secrets_alone_and_shows_nothing_of_it() {
        let of = |text: &str| Errand::of(&SecretString::from(text));
        let (one, again, other) = (of("abc"), of("abc"), of("abd"));
        assert!(one.is(&again.state) && !one.is(&other.state) && !one.is(""));
        let all = [&one.state, &one.nonce, one.verifier.expose_secret()];
        for (n, text) in all.iter().enumerate() {
            // RFC 7636 wants 43 to 128 characters that need no escape.
            assert!(text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()));
            assert!(!all[n + 1..].contains(text));
        }
        assert!(!format!("{one:?}").contains(one.verifier.expose_secret()));
    }
}
