//! Who calls: `Authorization: <id>:<token>` as PlanetScale's clients send it, or the same after
//! `Bearer`, or the token of a session after `Bearer`.

use crate::answer::Failure;
use crate::limit::Limits;
use crate::state::ApiState;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use offshoot_control::caller::{self, Caller};
use offshoot_core::token::SESSION_PREFIX;
use offshoot_core::{Kind, Refusal};
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// A caller whose token was verified.
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let given = credentials(parts).ok_or_else(missing)?;
        let limits = parts.extensions.get::<Limits>().cloned();
        let limits = limits.unwrap_or_default();
        let address = remote(parts);
        let proved = match given {
            Given::Token(id, token) => {
                caller::authenticate(&state.control, &id, &token, address).await
            }
            Given::Session(token) => {
                caller::authenticate_session(&state.control, &token, address).await
            }
        };
        let caller = proved.map_err(|refusal| match refusal.kind {
            Kind::Unauthorized => limits.failure(address, refusal, Instant::now()),
            _ => refusal.into(),
        })?;
        if !caller.token().root {
            limits.request(caller.token().id, Instant::now())?;
        }
        Ok(Self(caller))
    }
}

enum Given {
    /// Id and text of a service token.
    Token(String, SecretString),
    Session(SecretString),
}

fn credentials(parts: &Parts) -> Option<Given> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let value = match header.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
            let rest = rest.trim();
            if rest.starts_with(SESSION_PREFIX) {
                return Some(Given::Session(SecretString::from(rest)));
            }
            rest
        }
        Some(_) => return None,
        None => header,
    };
    let (id, token) = value.split_once(':')?;
    (!id.is_empty() && !token.is_empty())
        .then(|| Given::Token(id.to_owned(), SecretString::from(token)))
}

fn missing() -> Refusal {
    Refusal::new(
        Kind::Unauthorized,
        "there is no service token in the Authorization header",
    )
    .hint("send Authorization: <token id>:<token>")
}

/// Where a request comes from.
pub(crate) fn remote(parts: &Parts) -> Option<IpAddr> {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use secrecy::ExposeSecret;

    fn read(header: &str) -> Option<(String, String)> {
        let request = Request::builder()
            .header(AUTHORIZATION, header)
            .body(())
            .unwrap();
        credentials(&request.into_parts().0).map(|given| match given {
            Given::Token(id, token) => (id, token.expose_secret().to_owned()),
            Given::Session(token) => ("session".to_owned(), token.expose_secret().to_owned()),
        })
    }

    #[test]
    fn tokens_come_with_or_without_bearer() {
        let expected = Some(("abc".to_owned(), "pscale_tkn_x".to_owned()));
        assert_eq!(read("abc:pscale_tkn_x"), expected);
        assert_eq!(read("Bearer abc:pscale_tkn_x"), expected);
        assert_eq!(read("bearer abc:pscale_tkn_x"), expected);
        let session = Some(("session".to_owned(), "pscale_oauth_x".to_owned()));
        assert_eq!(read("Bearer pscale_oauth_x"), session);
        for bad in [
            "",
            "abc",
            "pscale_oauth_x",
            ":x",
            "abc:",
            "Basic YTpi",
            "Bearer",
            "Bearer x",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
