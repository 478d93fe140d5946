//! The query of a request.

use crate::answer::Failure;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use offshoot_control::page::Page;
use offshoot_core::Refusal;
use std::convert::Infallible;
use std::str::FromStr;

/// The query's pairs in their order. Blank values are absent, unknown names are ignored.
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let pairs = Query::try_from_uri(&parts.uri).map_or_else(|_| Vec::new(), |Query(p)| p);
        Ok(Self {
            pairs,
            path: parts.uri.path().to_owned(),
        })
    }
}

impl Parameters {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(n, v)| n == name && !v.trim().is_empty())
            .map(|(_, v)| v.trim())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, Failure> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Refusal::invalid(name, format!("{name} is true or false")).into()),
        }
    }

    pub(crate) fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Failure> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| Refusal::invalid(name, format!("{name} is a whole number")).into()),
        }
    }

    /// `page` and `per_page`. 0 is what clients send for "not set", so it is the default.
    pub(crate) fn page(&self) -> Result<Page, Failure> {
        let default = Page::default();
        let or = |value: Option<u32>, default| value.filter(|v| *v > 0).unwrap_or(default);
        let page = or(self.number("page")?, default.page());
        let per_page = or(self.number("per_page")?, default.per_page());
        Ok(Page::new(page, per_page)?)
    }

    /// Path and query of the same list at another page.
    pub(crate) fn at_page(&self, page: u32) -> String {
        let mut query = String::new();
        for (name, value) in self.pairs.iter().filter(|(n, _)| n != "page") {
            query.push_str(&format!("&{}={}", escaped(name), escaped(value)));
        }
        format!("{}?page={page}{query}", self.path)
    }
}

/// Percent-encodes what may not stand in a query.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    async fn query(uri: &str) -> Parameters {
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        let Ok(parameters) = Parameters::from_request_parts(&mut parts, &()).await;
        parameters
    }

    #[tokio::test]
    async fn pages_are_read_leniently_and_linked_exactly() {
        let parameters = query("/v1/x?per_page=0&page=0&q=a%20b").await;
        assert_eq!(parameters.page().unwrap(), Page::default());
        assert_eq!(parameters.at_page(2), "/v1/x?page=2&per_page=0&q=a%20b");
        let wrong = query("/v1/x?page=two").await;
        assert_eq!(wrong.page().unwrap_err().field_name(), Some("page"));
    }

    #[tokio::test]
    async fn flags_and_repeated_names_are_read() {
        let parameters = query("/x?a=true&f[]=1&f[]=2&b=").await;
        assert_eq!(parameters.flag("a").unwrap(), Some(true));
        assert_eq!(parameters.flag("b").unwrap(), None);
        assert_eq!(parameters.all("f[]").collect::<Vec<_>>(), ["1", "2"]);
    }
}
