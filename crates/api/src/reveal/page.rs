//! The pages of reveal links: without scripts, without anything from elsewhere, kept by nobody.

use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use offshoot_api_types::RevealedCredential;
use offshoot_control::handover::Sealed;
use offshoot_core::Refusal;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}\
pre{background:#f3f3f3;padding:.8rem;overflow-x:auto}button{font:inherit;padding:.5rem 1rem}";

/// Before it is opened.
pub(super) fn closed(sealed: &Sealed) -> Response {
    let body = format!(
        "<h1>Credential {credential}</h1>\
         <p>of branch <b>{branch}</b> of database <b>{database}</b>.</p>\
         <p>It is shown <b>once</b>: after the click this link opens no more.</p>\
         <form method=\"post\"><button>Show it now</button></form>",
        credential = escaped(&sealed.credential),
        branch = escaped(&sealed.branch),
        database = escaped(&sealed.database),
    );
    page("A credential for you", &body)
}

/// With the secret.
pub(super) fn open(shown: &RevealedCredential) -> Response {
    let ends = match shown.expires_at {
        Some(at) => format!("<p>It is good until {at}.</p>"),
        None => String::new(),
    };
    let body = format!(
        "<h1>Branch {branch}</h1>\
         <p>Role {role}. Keep it now: this link opens no more.</p>{ends}\
         <pre>{url}</pre>\
         <h2>dotenv</h2><pre>{dotenv}</pre>\
         <h2>my.cnf</h2><pre>{my_cnf}</pre>",
        branch = escaped(&shown.branch),
        role = escaped(&shown.role),
        url = escaped(&shown.url),
        dotenv = escaped(&shown.dotenv),
        my_cnf = escaped(&shown.my_cnf),
    );
    page("Your credential", &body)
}

pub(super) fn refused(refusal: &Refusal) -> Response {
    let body = format!(
        "<h1>Not possible</h1><p>{}.</p><p>{}.</p>",
        escaped(&refusal.public),
        escaped(refusal.hint.as_deref().unwrap_or_default())
    );
    page("Not possible", &body)
}

fn page(title: &str, body: &str) -> Response {
    const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style><body>{body}</body></html>"
    );
    let mut response = html.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (ROBOTS, "noindex, nofollow, noarchive"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_text() {
        assert_eq!(escaped("<b>\"&'"), "&lt;b&gt;&quot;&amp;&#39;");
    }
}
