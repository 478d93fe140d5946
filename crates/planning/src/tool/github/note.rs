//! Notes in GitHub: in a milestone's description, as a comment of a pull request.

use crate::json::Json;
use crate::note::{self, Form, commented, rewritten, text_at};
use crate::poll::{Ask, Page, Problem, Reply};
use crate::settings::Settings;
use offshoot_core::iteration::Iteration;
use serde_json::json;

pub(super) fn ask(settings: &Settings, iteration: &Iteration) -> Option<Ask> {
    let api = settings.text("api_url")?;
    let scope = iteration.scope.as_ref()?.id.as_str();
    let (owner, name) = scope.split_once('/')?;
    let number = iteration.number?.to_string();
    let (kind, _) = iteration.source_id.split_once('/')?;
    let ask = match kind {
        "milestone" => {
            let path = ["repos", owner, name, "milestones", &number];
            Ask::get(note::READ, api, &path, &[])
        }
        "pull_request" => {
            let path = ["repos", owner, name, "issues", &number, "comments"];
            Ask::get(
                note::READ,
                api,
                &path,
                &[("per_page", "100"), ("page", "1")],
            )
        }
        _ => None,
    };
    Some(ask?.of(scope))
}

pub(super) fn read(settings: &Settings, ask: &Ask, reply: &Reply) -> Result<Page, Problem> {
    if ask.name == note::WRITTEN {
        return Ok(Page::default());
    }
    let write = |url: &str, method, body| {
        Some(
            Ask::get(note::WRITTEN, url, &[], &[])?
                .of(&ask.scope)
                .sends(method, body),
        )
    };
    if reply.body.is_object() {
        let text = text_at(&reply.body, "/description")?;
        return Ok(rewritten(&text, &ask.mark, Form::Markdown, |new| {
            write(ask.url.as_str(), "PATCH", json!({"description": new}))
        }));
    }
    let entries = reply.entries("")?;
    let comments = comments(&entries);
    let api = settings.text("api_url").unwrap_or_default();
    let change = |id: &str, new| {
        let (owner, name) = ask.scope.split_once('/')?;
        let path = ["repos", owner, name, "issues", "comments", id];
        let at = Ask::get(note::WRITTEN, api, &path, &[])?;
        write(at.url.as_str(), "PATCH", json!({"body": new}))
    };
    let add = |new| {
        let mut url = ask.url.clone();
        url.set_query(None);
        write(url.as_str(), "POST", json!({"body": new}))
    };
    Ok(commented(ask, &comments, entries.len() < 100, change, add))
}

/// Id and text of each.
pub(in crate::tool) fn comments(entries: &[Json<'_>]) -> Vec<(String, String)> {
    let pair = |entry: &Json<'_>| {
        let text = entry.at("/body").word()?;
        Some((entry.at("/id").text()?, text.to_owned()))
    };
    entries.iter().filter_map(pair).collect()
}
