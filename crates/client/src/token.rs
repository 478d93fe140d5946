//! What proves who calls.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A service token: its id and its secret.
#[derive(Clone)]
pub struct Token {
    pub id: String,
    pub secret: SecretString,
}

impl Token {
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: SecretString::from(secret.into()),
        }
    }

    /// Reads `id:token`, as it stands in a token file and in the header. Space around it is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.trim().split_once(':')?;
        (!id.is_empty() && !secret.is_empty()).then(|| Self::new(id, secret))
    }

    pub(crate) fn header(&self) -> String {
        format!("{}:{}", self.id, self.secret.expose_secret())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_an_id_and_a_secret_that_does_not_print() {
        let token = Token::parse("abcdefghijkl:pscale_tkn_x\n").unwrap();
        assert_eq!(token.header(), "abcdefghijkl:pscale_tkn_x");
        assert_eq!(format!("{token:?}"), "Token(abcdefghijkl)");
        for bad in ["", "abc", ":x", "x:"] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
