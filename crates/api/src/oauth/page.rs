//! What the pages of logins say.

use crate::page::{escaped, page};
use axum::response::Response;
use offshoot_control::login::Asked;
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

/// With the right password the user is asked whether they allow it.
pub(super) fn ask_password(asked: &Asked, proof: &str, wrong: Option<&Refusal>) -> Response {
    let body = format!(
        "<h1>Log in {client}</h1>{who}{said}\
         <form method=\"post\" action=\"/oauth/device\">{hidden}\
         <label>E-mail address <input name=\"email\" type=\"email\" autocomplete=\"username\" required autofocus></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\
         <button>Log in</button></form>",
        client = escaped(&asked.client),
        who = who(asked),
        said = said(wrong),
        hidden = hidden(asked, proof),
    );
    page("Log in a program", &body)
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
