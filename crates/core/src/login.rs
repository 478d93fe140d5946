//! Logins of programs: a program shows a code, its user confirms it in a browser, and the program gets a session
//! (RFC 8628).

use crate::id::{DeviceLoginId, UserId};
use jiff::Timestamp;
use std::time::Duration;

/// How long a login can be confirmed and fetched.
pub const LOGIN_TTL: Duration = Duration::from_secs(600);
/// How often programs ask whether it was confirmed.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How long a session lasts. Source: PlanetScale's `expires_in`.
pub const SESSION_TTL: Duration = Duration::from_secs(30 * 86_400);

/// Consonants without those that look alike: no words, nothing to mistake.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Characters of a user code: about 34 bits, which ten minutes of limited tries do not search.
const CODE: usize = 8;

/// A login that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLogin {
    pub id: DeviceLoginId,
    /// SHA-256 of the device code.
    pub device: [u8; 32],
    /// Id of the program, as it gave it.
    pub client: String,
    /// Names of scopes, with spaces between them.
    pub scopes: String,
    /// Where the program asked from.
    pub remote_ip: Option<String>,
    pub state: LoginState,
    /// Who logged in in the browser.
    pub user: Option<UserId>,
    /// SHA-256 of what that browser alone has.
    pub browser: Option<[u8; 32]>,
    /// SHA-256 of what the browser has that is at the OIDC provider to log in. It is good for one return.
    pub errand: Option<[u8; 32]>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginState {
    Pending,
    Approved,
    Denied,
}

impl LoginState {
    pub fn as_str(self) -> &'static str {
        match self {
            LoginState::Pending => "pending",
            LoginState::Approved => "approved",
            LoginState::Denied => "denied",
        }
    }
}

impl std::str::FromStr for LoginState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Pending, Self::Approved, Self::Denied]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(())
    }
}

/// A user code of random bytes: `BCDF-GHJK`. A byte counts with its remainder; the first codes are likelier by a hair.
pub fn user_code(bytes: [u8; CODE]) -> String {
    let letters: String = bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
        .collect();
    let (first, second) = letters.split_at(CODE / 2);
    format!("{first}-{second}")
}

/// A user code as people type it, in the one way it is written; `None`: it cannot be one.
pub fn parse_code(typed: &str) -> Option<String> {
    let letters: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .take(CODE + 1)
        .collect();
    let fits = letters.len() == CODE && letters.bytes().all(|b| ALPHABET.contains(&b));
    fits.then(|| format!("{}-{}", &letters[..CODE / 2], &letters[CODE / 2..]))
}

/// What the user is told of a program: the official CLIs by name, others by what they call themselves.
pub fn client_name(id: &str) -> String {
    /// The public id of PlanetScale's CLI.
    const PSCALE: &str = "wzzkYKOfRcxFAiMgDgfbhO9yIikNIlt9-yhosmvPBQA";
    /// Longer ones are cut.
    const SHOWN: usize = 40;
    match id {
        PSCALE | "pscale" => "pscale".to_owned(),
        "" => "a program without a name".to_owned(),
        other => other
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(SHOWN)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = user_code([0, 1, 2, 3, 4, 5, 6, 255]);
        assert_eq!(code, "BCDF-GHJT");
        for typed in ["BCDF-GHJT", "bcdfghjt", " bcdf ghjt ", "b-c-d-f-g-h-j-t"] {
            assert_eq!(parse_code(typed).as_deref(), Some("BCDF-GHJT"), "{typed}");
        }
        for bad in [
            "",
            "BCDF",
            "BCDF-GHJA",
            "BCDF-GHJKL",
            "ÄCDF-GHJK",
            "BCDF-GHJ1",
        ] {
            assert_eq!(parse_code(bad), None, "{bad}");
        }
    }
}
