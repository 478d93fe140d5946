//! What the pages of logins say.

use crate::page::{escaped, page};
use axum::http::HeaderValue;
use axum::http::header::REFRESH;
use axum::response::Response;
use offshoot_control::login::{Asked, Ways};
use offshoot_core::{Refusal, scope};

/// For a code that is typed by hand.
pub(super) fn ask_code(wrong: Option<&Refusal>) -> Response {
    let body = format!(
        "<h1>Log in a program</h1>{}\
         <form method=\"get\" action=\"/oauth/device\">\
         <label>Code that the program shows <input name=\"user_code\" autocomplete=\"off\" required autofocus></label>\
         <button>Go on</button></form>",
        said(wrong)
    );
    page("Log in a program", &body)
}

/// Once they are in, the user is asked whether they allow it.
pub(super) fn ask_login(
    asked: &Asked,
    ways: &Ways,
    proof: &str,
    wrong: Option<&Refusal>,
) -> Response {
    let hidden = hidden(asked, proof);
    let provider = ways.provider.as_ref().map(|name| {
        format!(
            "<form method=\"post\" action=\"/oauth/oidc\">{hidden}<button>Log in with {}</button></form>",
            escaped(name)
        )
    });
    let password = ways.passwords.then(|| {
        format!(
            "<form method=\"post\" action=\"/oauth/device\">{hidden}\
             <label>E-mail address <input name=\"email\" type=\"email\" autocomplete=\"username\" required autofocus></label>\
             <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\
             <button>Log in</button></form>"
        )
    });
    let forms: Vec<String> = [provider, password].into_iter().flatten().collect();
    let body = format!(
        "<h1>Log in {client}</h1>{who}{said}{forms}",
        client = escaped(&asked.client),
        who = who(asked),
        said = said(wrong),
        forms = forms.join("<p>or</p>"),
    );
    page("Log in a program", &body)
}

/// On to the OIDC provider. A page, and no redirect: browsers forbid that a form leads to another site.
pub(super) fn go_on(name: &str, address: &str) -> Response {
    let body = format!(
        "<h1>Log in with {name}</h1><p><a href=\"{}\">Go on to {name}</a></p>",
        escaped(address),
        name = escaped(name),
    );
    let mut response = page("Log in", &body);
    // An address has no line breaks in it; without the header there is still the link.
    if let Ok(mut value) = HeaderValue::from_str(&format!("0; url={address}")) {
        value.set_sensitive(true);
        response.headers_mut().insert(REFRESH, value);
    }
    response
}

/// The last step.
pub(super) fn ask_consent(asked: &Asked, email: &str, proof: &str) -> Response {
    let scopes: String = asked
        .scopes
        .iter()
        .map(|s| format!("<li>{}</li>", escaped(scope::describe(s))))
        .collect();
    let body = format!(
        "<h1>Allow {client}?</h1>{who}\
         <p>For 30 days it may, as <b>{email}</b>:</p><ul>{scopes}</ul>\
         <p>Only what {email} may do itself is allowed. Deny it if you did not start it.</p>\
         <form method=\"post\" action=\"/oauth/device/decision\">{hidden}\
         <button name=\"decision\" value=\"allow\">Allow</button> \
         <button name=\"decision\" value=\"deny\">Deny</button></form>",
        client = escaped(&asked.client),
        who = who(asked),
        email = escaped(email),
        hidden = hidden(asked, proof),
    );
    page("Allow a program", &body)
}

pub(super) fn done(allowed: bool) -> Response {
    let text = match allowed {
        true => {
            "<h1>Allowed</h1><p>Go back to the program: it goes on by itself within some seconds.</p>"
        }
        false => "<h1>Denied</h1><p>The program got nothing.</p>",
    };
    page("Done", &format!("{text}<p>This page can be closed.</p>"))
}

fn who(asked: &Asked) -> String {
    let from = match &asked.remote_ip {
        Some(ip) => format!(" at {}", escaped(ip)),
        None => String::new(),
    };
    format!(
        "<p>{client}{from} wants to act for you. Go on only if it shows this code:</p><p class=\"code\">{code}</p>",
        client = escaped(&asked.client),
        code = escaped(&asked.code),
    )
}

fn hidden(asked: &Asked, proof: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"user_code\" value=\"{}\"><input type=\"hidden\" name=\"proof\" value=\"{}\">",
        escaped(&asked.code),
        escaped(proof)
    )
}

fn said(wrong: Option<&Refusal>) -> String {
    wrong.map_or_else(String::new, |refusal| {
        let hint = refusal.hint.as_deref().unwrap_or_default();
        format!(
            "<p class=\"wrong\">Not possible: {}; {}.</p>",
            escaped(&refusal.public),
            escaped(hint)
        )
    })
}
