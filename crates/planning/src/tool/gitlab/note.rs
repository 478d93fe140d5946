//! Notes in GitLab: in a milestone's description, as a comment of a merge request.

use crate::note::{self, Form, commented, rewritten, text_at};
use crate::poll::{Ask, Page, Problem, Reply};
use crate::settings::Settings;
use crate::tool::github::comments;
use offshoot_core::iteration::Iteration;
use serde_json::json;

pub(super) fn ask(settings: &Settings, iteration: &Iteration) -> Option<Ask> {
    let base = settings.text("url")?;
    let scope = iteration.scope.as_ref()?;
    let homes = match scope.kind.as_str() {
        "project" => "projects",
        "group" => "groups",
        _ => return None,
    };
    let (kind, id) = iteration.source_id.split_once('/')?;
    let number = iteration.number?.to_string();
    let home = ["api", "v4", homes, scope.id.as_str()];
    let ask = match kind {
        "milestone" => {
            let path = [&home[..], &["milestones", id]].concat();
            Ask::get(note::READ, base, &path, &[])
        }
        "merge_request" => {
            let path = [&home[..], &["merge_requests", &number, "notes"]].concat();
            let query = [("per_page", "100"), ("sort", "asc"), ("page", "1")];
            Ask::get(note::READ, base, &path, &query)
        }
        _ => None,
    };
    Some(ask?.of(&scope.id))
}

pub(super) fn read(ask: &Ask, reply: &Reply) -> Result<Page, Problem> {
    if ask.name == note::WRITTEN {
        return Ok(Page::default());
    }
    let mut place = ask.url.clone();
    place.set_query(None);
    let write = |path: &[&str], method, body| {
        let at = Ask::get(note::WRITTEN, place.as_str(), path, &[])?;
        Some(at.of(&ask.scope).sends(method, body))
    };
    if reply.body.is_object() {
        let text = text_at(&reply.body, "/description")?;
        return Ok(rewritten(&text, &ask.mark, Form::Markdown, |new| {
            write(&[], "PUT", json!({"description": new}))
        }));
    }
    let entries = reply.entries("")?;
    let comments = comments(&entries);
    let change = |id: &str, new| write(&[id], "PUT", json!({"body": new}));
    let add = |new| write(&[], "POST", json!({"body": new}));
    Ok(commented(ask, &comments, entries.len() < 100, change, add))
}
