//! `If-Match`: a change on the condition that the thing is as it was read.

use crate::answer::entity_tags;
use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use offshoot_control::revision::Expected;
use std::convert::Infallible;

/// Without the header, or with `*`, any revision will do.
pub(crate) struct IfMatch(pub(crate) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut values = parts.headers.get_all(IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self(Expected::any()));
        }
        let tags: Vec<_> = entity_tags(values).collect();
        if tags.contains(&"*") {
            return Ok(Self(Expected::any()));
        }
        // Weak tags never match here (RFC 9110, 13.1.1); what follows the point tells states apart.
        let revisions = tags
            .iter()
            .filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"'))
            .filter_map(|tag| tag.split_once('.'))
            .map(|(revision, _)| revision.to_owned());
        Ok(Self(Expected::one_of(revisions.collect())))
    }
}
