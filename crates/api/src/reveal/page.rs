//! The pages of reveal links.

use crate::page::{escaped, page};
use axum::response::Response;
use offshoot_api_types::RevealedCredential;
use offshoot_control::handover::Sealed;
use offshoot_core::Refusal;

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
