//! Forms, as browsers and OAuth clients send them.

use super::body::read_up_to;
use crate::answer::Failure;
use axum::extract::{FromRequest, Request};
use secrecy::SecretString;
use std::collections::HashMap;

/// Longest form, in bytes: codes, a password, names of scopes.
const MAX_FORM: usize = 16 * 1024;

/// `application/x-www-form-urlencoded`; its media type is not looked at. The first of several values counts.
pub(crate) struct Fields(HashMap<String, String>);

impl<S: Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read_up_to(request.into_body(), MAX_FORM).await?;
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(&bytes) {
            fields
                .entry(name.into_owned())
                .or_insert_with(|| value.into_owned());
        }
        Ok(Self(fields))
    }
}

impl Fields {
    /// Empty where it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn secret(&self, name: &str) -> SecretString {
        SecretString::from(self.text(name))
    }
}
