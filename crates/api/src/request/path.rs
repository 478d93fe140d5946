//! The names in a path.

use crate::answer::Failure;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use offshoot_core::Refusal;
use serde::de::DeserializeOwned;

/// The path's variable segments, as a string or a tuple of strings.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Segments<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(segments) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::not_found("this address"))?;
        Ok(Self(segments))
    }
}
