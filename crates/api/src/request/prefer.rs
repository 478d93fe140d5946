//! `Prefer: wait=N` (RFC 7240): the answer comes when the branch is ready, at the latest after N seconds.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use offshoot_control::{Control, branch};
use offshoot_core::id::BranchId;
use offshoot_core::{Kind, Refusal};
use std::convert::Infallible;
use std::time::Duration;

/// Longest wait that is granted, so that no connection is held for ever.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What the caller would like. A preference that is not understood is no preference.
pub(crate) struct Prefer {
    pub(crate) wait: Option<Duration>,
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            wait: wait(&parts.headers),
        })
    }
}

impl Prefer {
    /// Waits as long as was asked for. `true`: the branch is ready; `false`: nobody asked, or the
    /// time was over. Refused where the branch could not be made.
    pub(crate) async fn until_ready(
        &self,
        control: &Control,
        branch: BranchId,
    ) -> Result<bool, Refusal> {
        let Some(time) = self.wait.filter(|t| !t.is_zero()) else {
            return Ok(false);
        };
        match branch::wait_ready(control, branch, time).await {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.kind == Kind::Unavailable => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|preference| preference.split(';').next()?.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?
        .1;
    let seconds: u64 = seconds.trim().trim_matches('"').parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_and_bounded() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", value.parse().unwrap());
            wait(&headers).map(|d| d.as_secs())
        };
        assert_eq!(read("wait=20"), Some(20));
        assert_eq!(read("respond-async, Wait = \"7\"; x=1"), Some(7));
        assert_eq!(read("wait=100000"), Some(300));
        for bad in ["wait", "wait=-1", "wait=soon", "return=minimal"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
