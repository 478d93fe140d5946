//! Passwords of users, as argon2id. Away from the threads that serve, and few at once: each takes 19 MiB and a core.

use crate::Control;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use offshoot_core::Refusal;
use offshoot_core::port::Ids;
use secrecy::{ExposeSecret, SecretString};
use std::sync::LazyLock;

/// Hashes under way: more only make each other slow.
pub(crate) const AT_ONCE: usize = 2;
/// KiB of memory and passes. Source: OWASP's recommendation for argon2id with one lane.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const SALT: usize = 16;

/// Verified where there is no user, so that the time does not tell.
static NOBODY: LazyLock<String> = LazyLock::new(|| hashed(b"", &[0; SALT]).unwrap_or_default());

/// The PHC string that verifies a password.
pub(crate) async fn hash(control: &Control, password: &SecretString) -> Result<String, Refusal> {
    let mut salt = [0; SALT];
    control.0.ports.ids.fill(&mut salt);
    let password = password.clone();
    let work = move || hashed(password.expose_secret().as_bytes(), &salt);
    run(control, work).await?
}

/// Whether it is the password of that PHC string. Takes the same time without one, and says no.
pub(crate) async fn verify(
    control: &Control,
    password: &SecretString,
    phc: Option<String>,
) -> Result<bool, Refusal> {
    let password = password.clone();
    let work = move || {
        let known = phc.is_some();
        let text = phc.unwrap_or_else(|| NOBODY.clone());
        let hash = PasswordHash::new(&text).map_err(|e| Refusal::internal(e.to_string()))?;
        let right = argon2()?.verify_password(password.expose_secret().as_bytes(), &hash);
        Ok(right.is_ok() && known)
    };
    run(control, work).await?
}

/// A password that nobody chose: 16 random bytes, as text.
pub(crate) fn draw(ids: &dyn Ids) -> SecretString {
    SecretString::from(crate::password::url_safe::<16>(ids))
}

async fn run<T: Send + 'static>(
    control: &Control,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let _permit = control
        .0
        .hashing
        .acquire()
        .await
        .map_err(Refusal::internal)?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Refusal::internal)
}

fn hashed(password: &[u8], salt: &[u8]) -> Result<String, Refusal> {
    let internal = |e: argon2::password_hash::Error| Refusal::internal(e.to_string());
    let salt = SaltString::encode_b64(salt).map_err(internal)?;
    let hash = argon2()?.hash_password(password, &salt).map_err(internal)?;
    Ok(hash.to_string())
}

fn argon2() -> Result<Argon2<'static>, Refusal> {
    let params =
        Params::new(MEMORY, PASSES, 1, None).map_err(|e| Refusal::internal(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_says_how_it_was_made_and_not_of_what() {
        let one = hashed(b"correct horse battery", &[1; SALT]).unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hashed(b"correct horse battery", &[2; SALT]).unwrap());
        let hash = PasswordHash::new(&one).unwrap();
        let verify = |text: &[u8]| argon2().unwrap().verify_password(text, &hash).is_ok();
        assert!(verify(b"correct horse battery"));
        assert!(!verify(b"correct horse batterz"));
    }
}
